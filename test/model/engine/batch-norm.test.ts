import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { trainingBatchNorm } from '#model/engine/batch-norm';
import { loadEngine, type TensorFlow } from '#model/engine/engine';
import { heapBytes, normalTensor, parityError, relativeError } from './parity.ts';

type Tensor = import('@tensorflow/tfjs').Tensor;

let tf: TensorFlow;

beforeAll(async () => {
  ({ tf } = await loadEngine({ prefer: 'wasm' }));
});

afterEach(async () => {
  await tf.setBackend('wasm');
});

/** An input with a mean and spread of its own in every channel, gamma and beta. */
function operands(shape: number[]): [Tensor, Tensor, Tensor] {
  const channels = shape.at(-1)!;
  const spread = tf.add(1, tf.square(normalTensor(tf, [channels], 11)));
  const x = tf.add(tf.mul(normalTensor(tf, shape, 1), spread), normalTensor(tf, [channels], 12));
  return [x, normalTensor(tf, [channels], 2), normalTensor(tf, [channels], 3)];
}

describe('training batch normalisation', () => {
  it.each([[[4, 7, 5, 13]], [[300, 8]], [[2, 9, 3]], [[1, 2, 2, 1]]])(
    'on wasm equals the composed one on cpu, values, statistics and gradients: %j',
    async (shape) => {
      for (const activation of ['none', 'relu'] as const) {
        const error = await parityError(tf, () => {
          const [x, gamma, beta] = operands(shape);
          const { y, mean, variance } = trainingBatchNorm(tf, x, gamma, beta, 1e-2, activation);
          const weighting = normalTensor(tf, shape, 5);
          const gradients = tf.grads((...[input, scale, shift]: Tensor[]) => {
            const normalised = trainingBatchNorm(tf, input!, scale!, shift!, 1e-2, activation);
            return tf.sum(tf.mul(weighting, tf.square(normalised.y)));
          });
          return [y, mean, variance, ...gradients([x, gamma, beta])];
        });
        expect(error).toBeLessThan(1e-4);
      }
    },
  );

  it.each(['wasm', 'cpu'])('centres and scales every channel to beta and gamma on %s', async (backend) => {
    await tf.setBackend(backend);
    const x = tf.tensor([1, 10, 2, 20, 3, 60], [3, 2]);
    const { y, mean, variance } = trainingBatchNorm(tf, x, tf.tensor1d([1, 2]), tf.tensor1d([0, 5]), 0);
    const deviations = [Math.sqrt(2 / 3), Math.sqrt(1400 / 3)] as const;
    expect(relativeError([2, 30], mean.dataSync())).toBeLessThan(1e-6);
    expect(relativeError([2 / 3, 1400 / 3], variance.dataSync())).toBeLessThan(1e-6);
    const expected = [-1, -20, 0, -10, 1, 30].map((value, i) =>
      i % 2 === 0 ? value / deviations[0] : 5 + (2 * value) / deviations[1],
    );
    expect(relativeError(expected, y.dataSync())).toBeLessThan(1e-5);
    tf.dispose([x, y, mean, variance]);
  });

  it('keeps its precision when the mean is a thousand times the spread', () => {
    const values = Float32Array.from({ length: 64 }, (_, i) => 1000 + (i % 2));
    const result = tf.tidy(
      () => trainingBatchNorm(tf, tf.tensor(values, [64, 1]), tf.tensor1d([1]), tf.tensor1d([0]), 0).y,
    );
    expect(
      relativeError(
        Array.from(values, (value) => (value === 1000 ? -1 : 1)),
        result.dataSync(),
      ),
    ).toBeLessThan(1e-4);
    result.dispose();
  });

  it('gives the same bits whether or not the heap grows under it', () => {
    const run = (): number[] => {
      const gradients = tf.tidy(() => {
        const [x, gamma, beta] = operands([120_000, 8]);
        return tf.grads((...[input, scale, shift]: Tensor[]) =>
          tf.mean(tf.square(trainingBatchNorm(tf, input!, scale!, shift!).y)),
        )([x, gamma, beta]);
      });
      const values = gradients.flatMap((gradient) => Array.from(gradient.dataSync()));
      tf.dispose(gradients);
      return values;
    };
    const before = heapBytes(tf);
    const whileGrowing = run();
    const after = heapBytes(tf);
    expect(after).toBeGreaterThan(before);
    expect(relativeError(run(), whileGrowing)).toBe(0);
    expect(heapBytes(tf)).toBe(after);
  });
});
