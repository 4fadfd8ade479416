/** The stock wasm operations that training leans on: the backend is only as right as the worst of them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine, type TensorFlow } from '#model/engine/engine';
import { normalTensor, parityError, relativeError } from './parity.ts';

type Tensor = import('@tensorflow/tfjs').Tensor;
type Tensor4D = import('@tensorflow/tfjs').Tensor4D;

let tf: TensorFlow;

beforeAll(async () => {
  ({ tf } = await loadEngine({ prefer: 'wasm' }));
});

/** Each takes `[2, 6, 8, 5]`. */
const OPERATIONS: Record<string, (x: Tensor) => Tensor> = {
  relu: (x) => tf.relu(x),
  'clip to 0..6': (x) => tf.clipByValue(x, 0, 6),
  sigmoid: (x) => tf.sigmoid(x),
  tanh: (x) => tf.tanh(x),
  erf: (x) => tf.erf(x),
  softplus: (x) => tf.softplus(x),
  'log of exp': (x) => tf.log(tf.add(1, tf.exp(x))),
  softmax: (x) => tf.softmax(x),
  'log-softmax': (x) => tf.logSoftmax(x),
  'log-sum-exp': (x) => tf.logSumExp(x, -1),
  'layer norm': (x) => {
    const { mean, variance } = tf.moments(x, -1, true);
    return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5)));
  },
  'unit length': (x) => tf.div(x, tf.norm(x, 2, -1, true)),
  'broadcast product': (x) => tf.mul(x, tf.mean(x, [1, 2], true)),
  'maximum over positions': (x) => tf.max(x, [1, 2]),
  transpose: (x) => tf.transpose(x, [0, 3, 1, 2]),
  'concat and slice': (x) => tf.concat([tf.slice(x, [0, 1, 0, 0], [2, 3, 8, 5]), x], 1),
  'split and stack': (x) => tf.stack(tf.split(x, 2, 2)),
  pad: (x) =>
    tf.pad(x, [
      [0, 0],
      [1, 2],
      [0, 3],
      [0, 0],
    ]),
  tile: (x) => tf.tile(x, [1, 2, 1, 3]),
  reverse: (x) => tf.reverse(x, 1),
  'average pool': (x) => tf.avgPool(x as Tensor4D, 2, 2, 'valid'),
};

describe('stock operations on wasm', () => {
  it.each(Object.keys(OPERATIONS))('%s agrees with the cpu backend, value and gradient', async (name) => {
    const operation = OPERATIONS[name]!;
    const error = await parityError(tf, () => {
      const x = normalTensor(tf, [2, 6, 8, 5], 1);
      const y = operation(x);
      const weighting = normalTensor(tf, y.shape, 2);
      return [y, tf.grad((input) => tf.sum(tf.mul(weighting, operation(input))))(x)];
    });
    expect(error).toBeLessThan(1e-4);
  });
});

describe('max pooling on wasm', () => {
  const windows = [1, 2, 3].flatMap((size) => [1, 2, 3].map((stride) => [size, stride] as const));
  it.each(windows)('agrees with the cpu backend, window %i, stride %i', async (size, stride) => {
    for (const pad of ['same', 'valid'] as const) {
      const error = await parityError(tf, () => {
        const x = normalTensor<Tensor4D>(tf, [2, 6, 9, 5], 1);
        const y = tf.maxPool(x, size, stride, pad);
        const weighting = normalTensor(tf, y.shape, 2);
        const loss = (input: Tensor) =>
          tf.sum(tf.mul(weighting, tf.maxPool(input as Tensor4D, size, stride, pad)));
        return [y, tf.grad(loss)(x)];
      });
      expect(error).toBeLessThan(1e-4);
    }
  });

  it('sends the gradient of a tie to the first of the equals', () => {
    const gradient = tf.tidy(() =>
      tf.grad((x) => tf.sum(tf.maxPool(x as Tensor4D, 2, 2, 'valid')))(tf.ones([1, 2, 2, 1])),
    );
    expect(Array.from(gradient.dataSync())).toEqual([1, 0, 0, 0]);
    gradient.dispose();
  });
});

describe('bilinear resizing on wasm', () => {
  // The cpu backend's gradient swaps height and width, so it cannot be the judge. Resizing R is linear: its
  // gradient under the weighting w must satisfy <w, R x> = <gradient, x> for every x.
  it.each([
    [9, 13],
    [3, 4],
    [12, 16],
  ])('has the gradient of a linear map (6x8 to %ix%i)', (height, width) => {
    const [product, adjoint] = tf.tidy(() => {
      const weighting = normalTensor(tf, [2, height, width, 5], 2);
      const weighted = (x: Tensor) =>
        tf.sum(tf.mul(weighting, tf.image.resizeBilinear(x as Tensor4D, [height, width])));
      const gradient = tf.grad(weighted)(normalTensor(tf, [2, 6, 8, 5], 1));
      const other = normalTensor(tf, [2, 6, 8, 5], 3);
      return [
        weighted(other).arraySync() as number,
        tf.sum(tf.mul(gradient, other)).arraySync() as number,
      ] as const;
    }) as unknown as readonly [number, number];
    expect(relativeError([product], [adjoint])).toBeLessThan(1e-4);
  });
});
