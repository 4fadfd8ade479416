import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine, type TensorFlow } from '#model/engine/engine';
import { normalTensor, parityError } from './parity.ts';

type Tensor = import('@tensorflow/tfjs').Tensor;

let tf: TensorFlow;

beforeAll(async () => {
  ({ tf } = await loadEngine({ prefer: 'wasm' }));
});

/** A shape and a choice of its axes, neighbours or not; none chosen stands for all. */
const reduction = fc
  .array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 })
  .chain((shape) => fc.record({ shape: fc.constant(shape), axes: fc.subarray(shape.map((_, i) => i)) }));

/** The value and the gradient under a random weighting. */
function valueAndGradient(x: Tensor, operation: (x: Tensor) => Tensor): Tensor[] {
  const y = operation(x);
  const weighting = normalTensor(tf, y.shape, 2);
  return [y, tf.grad((input) => tf.sum(tf.mul(weighting, operation(input))))(x)];
}

describe('gradients on wasm', () => {
  it.each(['sum', 'mean', 'max'] as const)(
    'of %s are those of the cpu backend over any axes',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(reduction, fc.boolean(), async ({ shape, axes }, keepDims) => {
          const error = await parityError(tf, () =>
            valueAndGradient(normalTensor(tf, shape, 1), (x) =>
              tf[name](x, axes.length === 0 ? undefined : axes, keepDims),
            ),
          );
          expect(error).toBeLessThan(1e-5);
        }),
        { seed: 20240609, numRuns: 60 },
      );
    },
  );

  it('of relu and softmax are those of the cpu backend for any shape', async () => {
    await fc.assert(
      fc.asyncProperty(reduction, async ({ shape }) => {
        for (const operation of [tf.relu, tf.softmax] as ((x: Tensor) => Tensor)[]) {
          const error = await parityError(tf, () => valueAndGradient(normalTensor(tf, shape, 1), operation));
          expect(error).toBeLessThan(1e-5);
        }
      }),
      { seed: 20240610, numRuns: 40 },
    );
  });

  it('go to every one of equal maxima, and to no input of relu at zero', async () => {
    const gradients = tf.tidy(() => {
      const x = tf.tensor2d([3, 1, 3, 3, 0, 2], [3, 2]);
      return [
        tf.grad((t) => tf.sum(tf.max(t, 0)))(x),
        tf.grad((t) => tf.sum(tf.relu(t)))(tf.tensor1d([0, 1])),
      ];
    });
    expect(gradients.map((gradient) => Array.from(gradient.dataSync()))).toEqual([
      [1, 0, 1, 1, 0, 0],
      [0, 1],
    ]);
    tf.dispose(gradients);
  });

  it('can still be differentiated again', async () => {
    const error = await parityError(tf, () => {
      const loss = (x: Tensor) => tf.sum(tf.square(tf.mean(tf.mul(tf.softmax(x), tf.relu(x)), 0)));
      return [tf.grad((x) => tf.sum(tf.square(tf.grad(loss)(x))))(normalTensor(tf, [3, 5], 1))];
    });
    expect(error).toBeLessThan(1e-4);
  });
});

describe('shared copies on wasm', () => {
  it('outlive the tensor they were made from', async () => {
    await tf.setBackend('wasm');
    const before = tf.memory().numDataBuffers;
    const x = tf.tensor1d([1, 2, 3]);
    const copies = [x.clone(), tf.cast(x, 'float32')];
    x.dispose();
    for (const copy of copies) expect(Array.from(copy.dataSync())).toEqual([1, 2, 3]);
    tf.dispose(copies);
    expect(tf.memory().numDataBuffers).toBe(before);
  });

  it('keep the values a variable had', () => {
    const variable = tf.variable(tf.tensor1d([1, 2]));
    const copy = variable.clone();
    variable.assign(tf.tensor1d([5, 6]));
    expect(Array.from(copy.dataSync())).toEqual([1, 2]);
    expect(Array.from(variable.dataSync())).toEqual([5, 6]);
    tf.dispose([variable, copy]);
  });
});
