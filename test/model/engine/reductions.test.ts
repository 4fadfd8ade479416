import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine, type TensorFlow } from '#model/engine/engine';
import { normalTensor, parityError } from './parity.ts';

let tf: TensorFlow;

beforeAll(async () => {
  ({ tf } = await loadEngine({ prefer: 'wasm' }));
});

const CASES: { shape: number[]; axis: number | number[] | undefined }[] = [
  { shape: [200, 13], axis: 0 },
  { shape: [3, 5, 7, 10], axis: [0, 1, 2] },
  { shape: [3, 5, 7, 10], axis: [1, 2] },
  { shape: [3, 5, 7, 10], axis: [2, 1] },
  { shape: [3, 5, 7, 10], axis: [0, 2] },
  { shape: [3, 70, 3], axis: -2 },
  { shape: [3, 5, 1], axis: 1 },
  { shape: [4, 9], axis: 1 },
  { shape: [4, 9], axis: undefined },
  { shape: [1, 6], axis: 0 },
];

describe.each(['sum', 'mean'] as const)('%s on wasm', (operation) => {
  it.each(CASES)('agrees with the cpu backend: shape $shape, axis $axis', async ({ shape, axis }) => {
    for (const keepDims of [false, true]) {
      const error = await parityError(tf, () => {
        const x = normalTensor(tf, shape, 1);
        const gradient = tf.grad((input) => tf.sum(tf.square(tf[operation](input, axis, keepDims))));
        return [tf[operation](x, axis, keepDims), gradient(x)];
      });
      expect(error).toBeLessThan(1e-4);
    }
  });

  it('leaves integers to the stock kernel', async () => {
    const error = await parityError(tf, () => [
      tf[operation](tf.tensor([1, 2, 3, 4, 5, 7], [3, 2], 'int32'), 0),
    ]);
    expect(error).toBeLessThan(1e-4);
  });
});

describe('gather on wasm', () => {
  it('has the gradient of the cpu backend, repeated and unused rows included', async () => {
    const error = await parityError(tf, () => {
      const ids = tf.tensor([0, 4, 4, 2], [2, 2], 'int32');
      return [tf.grad((table) => tf.sum(tf.square(tf.gather(table, ids))))(normalTensor(tf, [6, 3], 1))];
    });
    expect(error).toBeLessThan(1e-4);
  });

  it('drops segment ids that are out of range', async () => {
    const error = await parityError(tf, () => [
      tf.unsortedSegmentSum(normalTensor(tf, [4, 3], 1), tf.tensor1d([0, -1, 2, 0], 'int32'), 3),
    ]);
    expect(error).toBeLessThan(1e-4);
  });
});
