import { describe, expect, it } from 'vitest';
import { epochOrder } from '#model/training/batch-order';

const labels = Array.from({ length: 26 }, (_, i) => 'abc'[i % 3] as string);

describe('the order of an epoch', () => {
  it.each([0, 4])('holds every clip once, with class runs of %i', (classRun) => {
    const order = epochOrder({ seed: 3, size: 26, labels, classRun }, 2);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 26 }, (_, i) => i));
  });

  it('follows from seed and epoch alone', () => {
    const order = (seed: number, epoch: number) => epochOrder({ seed, size: 26, labels, classRun: 4 }, epoch);
    expect(order(3, 2)).toEqual(order(3, 2));
    expect(order(3, 2)).not.toEqual(order(3, 3));
    expect(order(4, 2)).not.toEqual(order(3, 2));
  });

  it('brings clips of one class together in runs, and mixes the runs', () => {
    const order = epochOrder({ seed: 1, size: 24, labels: labels.slice(0, 24), classRun: 4 }, 0);
    const runs = Array.from({ length: 6 }, (_, i) =>
      order.slice(4 * i, 4 * i + 4).map((clip) => labels[clip]),
    );
    for (const run of runs) expect(new Set(run).size).toBe(1);
    const classes = runs.map((run) => run[0]).join('');
    expect(classes).not.toBe([...classes].sort().join(''));
  });

  it('mixes all without labels, whatever runs are asked for', () => {
    const mixed = epochOrder({ seed: 1, size: 26, classRun: 4 }, 0);
    expect(mixed).toEqual(epochOrder({ seed: 1, size: 26, labels, classRun: 0 }, 0));
  });
});
