import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine, type TensorFlow } from '#model/engine/engine';
import { normalTensor, parityError, relativeError } from './parity.ts';

type Tensor = import('@tensorflow/tfjs').Tensor;

let tf: TensorFlow;

beforeAll(async () => {
  ({ tf } = await loadEngine({ prefer: 'wasm' }));
});

const shapes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 });
/** Rows long enough to be copied in one go, too. */
const shapesAndLong: fc.Arbitrary<number[]> = fc.oneof(
  shapes,
  fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 30, max: 70 })),
);

/** Value, and gradient of a weighted sum. */
function valueAndGradient(shape: number[], operation: (x: Tensor) => Tensor): () => Tensor[] {
  return () => {
    const x = normalTensor(tf, shape, 1);
    const y = operation(x);
    const weighting = normalTensor(tf, y.shape, 2);
    return [y, tf.grad((input) => tf.sum(tf.mul(weighting, operation(input))))(x)];
  };
}

describe('reversing on wasm', () => {
  it('agrees with the cpu backend for any shape and axes, values and gradients', async () => {
    const cases = shapesAndLong.chain((shape) =>
      fc.record({
        shape: fc.constant<number[]>([...shape]),
        axes: fc.subarray(shape.map((_, axis) => axis)),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, axes }) => {
        expect(
          await parityError(
            tf,
            valueAndGradient(shape, (x) => tf.reverse(x, axes)),
          ),
        ).toBe(0);
      }),
      { seed: 20240608, numRuns: 40 },
    );
  });
});

describe('tiling on wasm', () => {
  it('agrees with the cpu backend for any shape and number of copies, values and gradients', async () => {
    const cases = shapesAndLong.chain((shape) =>
      fc.record({
        shape: fc.constant<number[]>([...shape]),
        reps: fc.tuple(...shape.map(() => fc.integer({ min: 1, max: 3 }))),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, reps }) => {
        const error = await parityError(
          tf,
          valueAndGradient(shape, (x) => tf.tile(x, reps)),
        );
        expect(error).toBeLessThan(1e-6);
      }),
      { seed: 20240608, numRuns: 40 },
    );
  });

  it('of no copy is empty, of a number of five axes right', async () => {
    const error = await parityError(tf, () => [
      tf.tile(normalTensor(tf, [2, 3], 1), [2, 0]),
      tf.tile(normalTensor(tf, [1, 2, 1, 2, 3], 1), [2, 1, 3, 2, 1]),
    ]);
    expect(error).toBe(0);
  });
});

/** A slice of a shape: any first element, end and step, forwards or backwards, sometimes masked. */
const slices = shapesAndLong.chain((shape) => {
  const axes = shape.map((size) => ({
    index: fc.integer({ min: -size, max: size - 1 }),
    step: fc.constantFrom(1, 2, 3, -1, -2),
  }));
  const bits = fc.integer({ min: 0, max: 2 ** shape.length - 1 });
  return fc.record({
    shape: fc.constant<number[]>([...shape]),
    begin: fc.tuple(...axes.map(({ index }) => index)),
    end: fc.tuple(...axes.map(({ index }) => index)),
    strides: fc.tuple(...axes.map(({ step }) => step)),
    beginMask: bits,
    endMask: bits,
  });
});

describe('strided slices on wasm', () => {
  it('agree with the cpu backend for any first element, end, step and mask', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(slices, async ({ shape, begin, end, strides, beginMask, endMask }) => {
        const error = await parityError(tf, () => [
          tf.stridedSlice(normalTensor(tf, shape, 1), begin, end, strides, beginMask, endMask),
        ]);
        expect(error).toBe(0);
        compared++;
      }),
      { seed: 20240608, numRuns: 60 },
    );
    expect(compared).toBe(60);
  });

  it('take new axes and ellipses', async () => {
    const error = await parityError(tf, () => {
      const x = normalTensor(tf, [3, 4, 5], 1);
      return [
        tf.stridedSlice(x, [0, 0, 1], [0, 0, 5], [1, 1, 2], 0, 0, 1, 0),
        tf.stridedSlice(x, [0, 1, 0, 0], [0, 3, 4, 5], [1, 1, 2, 1], 0, 0, 0, 1),
      ];
    });
    expect(error).toBe(0);
  });

  // No backend of TensorFlow.js has this gradient. A slice S is linear: under the weighting w it must satisfy
  // <w, S x> = <gradient, x> for every x, and as it copies single elements that fixes it.
  it.each(['wasm', 'cpu'])('have the gradient of a linear map on %s', async (backend) => {
    await tf.setBackend(backend);
    try {
      fc.assert(
        fc.property(slices, ({ shape, begin, end, strides, beginMask, endMask }) => {
          const slice = (x: Tensor) => tf.stridedSlice(x, begin, end, strides, beginMask, endMask);
          const sums = tf.tidy(() => {
            const y = slice(normalTensor(tf, shape, 1));
            if (y.size === 0) return tf.zeros([2]);
            const weighting = normalTensor(tf, y.shape, 2);
            const weighted = (x: Tensor) => tf.sum(tf.mul(weighting, slice(x)));
            const other = normalTensor(tf, shape, 3);
            return tf.stack([weighted(other), tf.sum(tf.mul(tf.grad(weighted)(other), other))]);
          });
          const [product, adjoint] = sums.dataSync();
          sums.dispose();
          expect(relativeError([product!], [adjoint!])).toBeLessThan(1e-5);
        }),
        { seed: 20240608, numRuns: 40 },
      );
    } finally {
      await tf.setBackend('wasm');
    }
  });
});

describe('whole powers on wasm', () => {
  it.each([-16, -3, -1, 0, 1, 2, 3, 7, 16])('agree with the cpu backend, exponent %i', async (exponent) => {
    const error = await parityError(tf, () => {
      const x = tf.tensor([-1.5, -1, -0.25, 0.3, 1, 1.7, 2], [7]);
      return [tf.pow(x, exponent), tf.grad((input) => tf.sum(tf.pow(input, exponent)))(x)];
    });
    expect(error).toBeLessThan(1e-5);
  });

  it('leave other exponents to the stock kernel', async () => {
    const error = await parityError(tf, () => {
      const x = tf.tensor([0.2, 1, 1.7, 3], [2, 2]);
      return [
        tf.pow(x, 0.5),
        tf.pow(x, tf.tensor([2, 3])),
        tf.pow(x, 20),
        tf.pow(tf.tensor([2, 3], [2], 'int32'), 2),
      ];
    });
    expect(error).toBeLessThan(1e-4);
  });
});

describe('kernels that only move elements', () => {
  it('leave integers to the stock kernels', async () => {
    const error = await parityError(tf, () => {
      const x = tf.tensor([1, 2, 3, 4, 5, 7], [3, 2], 'int32');
      return [tf.reverse(x, 0), tf.tile(x, [1, 2])];
    });
    expect(error).toBe(0);
  });
});
