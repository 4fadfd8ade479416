/** The stock wasm operations that training leans on: the backend is only as right as the worst of them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine, type TensorFlow } from '#model/engine/engine';
import { normalTensor, parityError, relativeError } from './parity.ts';

type Tensor = import('@tensorflow/tfjs').Tensor;
type Tensor3D = import('@tensorflow/tfjs').Tensor3D;
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
  'leaky relu': (x) => tf.leakyRelu(x, 0.1),
  elu: (x) => tf.elu(x),
  'swish by composition': (x) => tf.mul(x, tf.sigmoid(x)),
  'absolute value': (x) => tf.abs(x),
  'root of a square': (x) => tf.sqrt(tf.add(tf.square(x), 0.1)),
  'larger of two': (x) => tf.maximum(x, tf.reverse(x, 2)),
  'squared difference': (x) => tf.squaredDifference(x, tf.reverse(x, 2)),
  'choice by a constant': (x) => tf.where(tf.equal(tf.range(0, 5), 2), x, tf.mul(x, 3)),
  'running sum': (x) => tf.cumsum(x, 3),
  'transposed convolution': (x) =>
    tf.conv2dTranspose(x as Tensor4D, normalTensor(tf, [3, 3, 4, 5], 7), [2, 12, 16, 4], 2, 'same'),
  'convolution over time': (x) =>
    tf.conv1d(tf.reshape(x, [2, 48, 5]) as Tensor3D, normalTensor<Tensor3D>(tf, [3, 5, 4], 7), 2, 'same'),
  'separable convolution': (x) =>
    tf.separableConv2d(
      x as Tensor4D,
      normalTensor(tf, [3, 3, 5, 2], 7),
      normalTensor(tf, [1, 1, 10, 4], 8),
      1,
      'same',
    ),
  'binary cross-entropy': (x) => tf.losses.sigmoidCrossEntropy(tf.sigmoid(normalTensor(tf, x.shape, 7)), x),
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
  const sizes = [
    [9, 13],
    [3, 4],
    [12, 16],
    [1, 1],
  ] as const;
  const modes = [
    { alignCorners: false, halfPixelCenters: false },
    { alignCorners: true, halfPixelCenters: false },
    { alignCorners: false, halfPixelCenters: true },
  ];
  it.each(modes)('has the gradient of a linear map (%o)', ({ alignCorners, halfPixelCenters }) => {
    for (const [height, width] of sizes) {
      const sums = tf.tidy(() => {
        const weighting = normalTensor(tf, [2, height, width, 5], 2);
        const weighted = (x: Tensor) => {
          const image = x as Tensor4D;
          const resized = tf.image.resizeBilinear(image, [height, width], alignCorners, halfPixelCenters);
          return tf.sum(tf.mul(weighting, resized));
        };
        const gradient = tf.grad(weighted)(normalTensor(tf, [2, 6, 8, 5], 1));
        const other = normalTensor(tf, [2, 6, 8, 5], 3);
        return tf.stack([weighted(other), tf.sum(tf.mul(gradient, other))]);
      });
      const [product, adjoint] = sums.dataSync();
      sums.dispose();
      expect(relativeError([product!], [adjoint!])).toBeLessThan(1e-4);
    }
  });
});
