import { describe, expect, it } from 'vitest';
import { ordinary } from '#learning/training/calibrate-concepts';

const rows = [
  [0.1, 0.9],
  [0.9, 0.1],
  [0.2, 0.2],
  [0.3, 0.3],
  [0.2, 0.1],
].map((row) => Float64Array.from(row));

describe('what a concept scores on ordinary material', () => {
  it('is the mean without the clips that score the concept highest', () => {
    const [first, second] = ordinary(rows, 0.2);
    expect(first).toBeCloseTo((0.1 + 0.2 + 0.3 + 0.2) / 4, 12);
    expect(second).toBeCloseTo((0.1 + 0.2 + 0.3 + 0.1) / 4, 12);
  });

  it('is the plain mean where nothing is left out, and never a mean of nothing', () => {
    expect(ordinary(rows, 0)[0]).toBeCloseTo(1.7 / 5, 12);
    expect(ordinary(rows.slice(0, 1), 1)[1]).toBe(0.9);
  });
});
