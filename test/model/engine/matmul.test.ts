import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine, type TensorFlow } from '#model/engine/engine';
import { normals, normalTensor, parityError, relativeError } from './parity.ts';

let tf: TensorFlow;

beforeAll(async () => {
  ({ tf } = await loadEngine({ prefer: 'wasm' }));
});

const size = fc.integer({ min: 1, max: 19 });

/** The operands' leading dimensions, made from the result's by setting some to 1 and dropping some in front. */
const outerPair = fc
  .array(fc.record({ size: fc.integer({ min: 1, max: 3 }), keepA: fc.boolean(), keepB: fc.boolean() }), {
    maxLength: 2,
  })
  .chain((axes) =>
    fc.record({
      outerA: fc.constant(axes.map((axis) => (axis.keepA ? axis.size : 1))),
      outerB: fc
        .integer({ min: 0, max: axes.length })
        .map((dropped) => axes.map((axis) => (axis.keepB ? axis.size : 1)).slice(dropped)),
    }),
  );

/** The definition, in double precision: `out[..., m, n] = sum over k of a[..., m, k] * b[..., k, n]`. */
function referenceProduct(
  a: { values: Float32Array; outer: number[]; transposed: boolean },
  b: { values: Float32Array; outer: number[]; transposed: boolean },
  [M, K, N]: [number, number, number],
): number[] {
  const outer = tf.broadcast_util.assertAndGetBroadcastShape(a.outer, b.outer);
  const out: number[] = [];
  for (let matrix = 0; matrix < tf.util.sizeFromShape(outer); matrix++) {
    const location = tf.util.indexToLoc(matrix, outer.length, tf.util.computeStrides([...outer, 1]));
    const offset = (own: number[]): number =>
      own.reduce(
        (index, length, axis) =>
          index * length + (length === 1 ? 0 : (location[axis + outer.length - own.length] ?? 0)),
        0,
      );
    const startA = offset(a.outer) * M * K;
    const startB = offset(b.outer) * K * N;
    for (let m = 0; m < M; m++) {
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < K; k++) {
          const left = a.values[startA + (a.transposed ? k * M + m : m * K + k)]!;
          sum += left * b.values[startB + (b.transposed ? n * K + k : k * N + n)]!;
        }
        out.push(sum);
      }
    }
  }
  return out;
}

/** The same for one matrix each, row by row; the large grid needs a quick one. */
function plainProduct(
  a: Float32Array,
  b: Float32Array,
  [M, K, N]: [number, number, number],
  transposeA: boolean,
  transposeB: boolean,
): Float64Array {
  const out = new Float64Array(M * N);
  for (let m = 0; m < M; m++) {
    for (let k = 0; k < K; k++) {
      const left = a[transposeA ? k * M + m : m * K + k]!;
      for (let n = 0; n < N; n++) {
        out[m * N + n] = out[m * N + n]! + left * b[transposeB ? n * K + k : k * N + n]!;
      }
    }
  }
  return out;
}

describe('matrix product on wasm', () => {
  it('agrees with the definition for any sizes, transposes and broadcast batches', () => {
    fc.assert(
      fc.property(outerPair, size, size, size, fc.boolean(), fc.boolean(), (outers, M, K, N, ta, tb) => {
        const { outerA, outerB } = outers;
        const shapeA = [...outerA, ...(ta ? [K, M] : [M, K])];
        const shapeB = [...outerB, ...(tb ? [N, K] : [K, N])];
        const a = normals(tf.util.sizeFromShape(shapeA), 1);
        const b = normals(tf.util.sizeFromShape(shapeB), 2);
        const actual = tf.tidy(() => tf.matMul(tf.tensor(a, shapeA), tf.tensor(b, shapeB), ta, tb));
        const expected = referenceProduct(
          { values: a, outer: outerA, transposed: ta },
          { values: b, outer: outerB, transposed: tb },
          [M, K, N],
        );
        const outer = tf.broadcast_util.assertAndGetBroadcastShape(outerA, outerB);
        expect(actual.shape).toEqual([...outer, M, N]);
        expect(relativeError(expected, actual.dataSync())).toBeLessThan(1e-4);
        actual.dispose();
      }),
      { seed: 20240608, numRuns: 60 },
    );
  });

  // The packed product works in panels and tiles: sizes around their edges, each against each.
  const edges = [1, 3, 7, 8, 9, 31, 33, 64, 65];
  it.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])('agrees with the definition at the edges of its tiles (transposes %s, %s)', (ta, tb) => {
    const values = [1, 2].map((seed) => normals(65 * 65, seed)) as [Float32Array, Float32Array];
    for (const M of edges) {
      for (const K of edges) {
        for (const N of edges) {
          const [a, b] = [values[0].subarray(0, M * K), values[1].subarray(0, K * N)];
          const actual = tf.tidy(() =>
            tf.matMul(tf.tensor(a, ta ? [K, M] : [M, K]), tf.tensor(b, tb ? [N, K] : [K, N]), ta, tb),
          );
          const expected = plainProduct(a, b, [M, K, N], ta, tb);
          expect(relativeError(expected, actual.dataSync()), `${M} x ${K} x ${N}`).toBeLessThan(1e-5);
          actual.dispose();
        }
      }
    }
  });

  it.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])('has the gradients of the cpu backend (transposes %s, %s)', async (ta, tb) => {
    const error = await parityError(tf, () => {
      const a = normalTensor(tf, ta ? [2, 3, 7, 5] : [2, 3, 5, 7], 1);
      const b = normalTensor(tf, tb ? [2, 3, 10, 7] : [2, 3, 7, 10], 2);
      return tf.grads((left, right) => tf.sum(tf.square(tf.matMul(left, right, ta, tb))))([a, b]);
    });
    expect(error).toBeLessThan(1e-4);
  });

  it('computes attention, values and gradients, as the cpu backend does', async () => {
    const error = await parityError(tf, () => {
      const heads = [1, 2, 3].map((seed) => normalTensor(tf, [2, 3, 11, 8], seed));
      const attend = (...[q, k, v]: ReturnType<typeof normalTensor>[]) =>
        tf.matMul(tf.softmax(tf.matMul(q!, k!, false, true)), v!);
      return [attend(...heads), ...tf.grads((...inputs) => tf.sum(tf.square(attend(...inputs))))(heads)];
    });
    expect(error).toBeLessThan(1e-4);
  });
});
