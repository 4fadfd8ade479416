import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, loadEngine } from '#model/engine/engine';
import { poolingWeights, temporalPool } from '#model/layers/temporal-pool';

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

/** Column `c` of the weights. */
function column(weights: Float32Array, columns: number, c: number): number[] {
  return [...weights].filter((_, i) => i % columns === c);
}

describe('the weights of the temporal pyramid', () => {
  it('average all steps, then equal parts of them', () => {
    const weights = poolingWeights(4, 2);
    expect(column(weights, 3, 0)).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(column(weights, 3, 1)).toEqual([0.5, 0.5, 0, 0]);
    expect(column(weights, 3, 2)).toEqual([0, 0, 0.5, 0.5]);
  });

  it('repeat steps where there are fewer than parts, and leave none out', () => {
    expect(column(poolingWeights(1, 5), 6, 3)).toEqual([1]);
    const two = poolingWeights(2, 5);
    const parts = [1, 2, 3, 4, 5].map((c) => column(two, 6, c));
    expect(parts).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
      [0, 1],
      [0, 1],
    ]);
  });

  it('are averages for any number of steps and parts', () => {
    for (let steps = 1; steps <= 13; steps++) {
      for (let parts = 1; parts <= 7; parts++) {
        const weights = poolingWeights(steps, parts);
        for (let c = 0; c <= parts; c++) {
          const sum = column(weights, parts + 1, c).reduce((total, w) => total + w, 0);
          expect(sum).toBeCloseTo(1, 5);
        }
        // Every step counts in some part.
        if (steps >= parts) {
          for (let step = 0; step < steps; step++) {
            const row = weights.subarray(step * (parts + 1) + 1, (step + 1) * (parts + 1));
            expect(Math.max(...row)).toBeGreaterThan(0);
          }
        }
      }
    }
  });
});

describe('temporal pooling', () => {
  it('puts the pyramid of one channel side by side', () => {
    const { tf } = engine;
    const values = tf.tidy(() =>
      temporalPool(
        tf,
        tf.tensor3d([
          [
            [1, 10],
            [3, 30],
          ],
          [
            [5, 0],
            [7, 2],
          ],
        ]),
        2,
      ).arraySync(),
    );
    // [mean, first half, second half] of channel 0, then of channel 1.
    expect(values).toEqual([
      [2, 1, 3, 20, 10, 30],
      [6, 5, 7, 1, 0, 2],
    ]);
  });

  it('is the plain mean without parts', () => {
    const { tf } = engine;
    const values = tf.tidy(() => temporalPool(tf, tf.tensor3d([[[1], [2], [6]]]), 0).arraySync());
    expect(values).toEqual([[3]]);
  });
});
