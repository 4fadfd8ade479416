import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { bootstrap, mean, median } from '#model/metrics/bootstrap';
import { chanceQuery, rankQuery, similarityMatrix } from '#model/metrics/retrieval';

describe('a ranking without ties', () => {
  it('scores as worked out by hand', () => {
    // Ranks of the relevant items 0 and 3 in [0.9, 0.8, 0.7, 0.6]: 1 and 4.
    const result = rankQuery([0.9, 0.8, 0.7, 0.6], (i) => i === 0 || i === 3);
    expect(result.averagePrecision).toBeCloseTo((1 / 1 + 2 / 4) / 2, 12);
    expect(result.r1).toBe(1);
    expect(result.rank).toBe(1);
    expect(result.ndcg10).toBeCloseTo((1 + 1 / Math.log2(5)) / (1 + 1 / Math.log2(3)), 12);
  });

  it('counts recall at k by the first relevant item', () => {
    const scores = Array.from({ length: 20 }, (_, i) => -i);
    const at = (rank: number) => rankQuery(scores, (i) => i === rank - 1);
    expect(at(1)).toMatchObject({ r1: 1, r5: 1, r10: 1, rank: 1 });
    expect(at(5)).toMatchObject({ r1: 0, r5: 1, r10: 1, rank: 5, averagePrecision: 1 / 5 });
    expect(at(10)).toMatchObject({ r5: 0, r10: 1 });
    expect(at(11)).toMatchObject({ r10: 0, rank: 11, ndcg10: 0 });
  });

  it('refuses a query that nothing answers', () => {
    expect(() => rankQuery([1, 2], () => false)).toThrow(RangeError);
  });
});

describe('ties', () => {
  /** The same metrics as the mean over many random orders of the tied items. */
  function simulate(scores: number[], relevant: (i: number) => boolean) {
    const random = new SeededRandom(7);
    const runs = Array.from({ length: 20_000 }, () =>
      rankQuery(
        scores.map((s) => s + 1e-6 * random.next()),
        relevant,
      ),
    );
    return {
      r1: mean(runs.map((run) => run.r1)),
      r5: mean(runs.map((run) => run.r5)),
      averagePrecision: mean(runs.map((run) => run.averagePrecision)),
      ndcg10: mean(runs.map((run) => run.ndcg10)),
      rank: mean(runs.map((run) => run.rank)),
    };
  }

  it.each([
    ['all tied', [1, 1, 1, 1, 1, 1, 1, 1], [2, 5]],
    ['a tied group in the middle', [3, 2, 2, 2, 2, 2, 1, 0], [3, 6]],
    ['a relevant item before the group', [3, 2, 2, 2, 2, 2, 1, 0], [0, 1, 7]],
  ])('are counted as the expectation over random orders: %s', (_, scores, relevantItems) => {
    const relevant = (i: number) => relevantItems.includes(i);
    const exact = rankQuery(scores, relevant);
    const simulated = simulate(scores, relevant);
    for (const metric of ['r1', 'r5', 'averagePrecision', 'ndcg10'] as const) {
      expect(exact[metric]).toBeCloseTo(simulated[metric], 1.7);
      expect(Math.abs(exact[metric] - simulated[metric])).toBeLessThan(0.012);
    }
    expect(Math.abs(exact.rank - simulated.rank)).toBeLessThan(0.06);
  });

  it('make a constant embedding score exactly chance', () => {
    const same = Array.from({ length: 30 }, () => new Float32Array([1, 0]));
    for (const scores of similarityMatrix(same, same)) {
      expect(rankQuery(scores, (i) => i < 6)).toEqual(chanceQuery(30, 6));
    }
    expect(chanceQuery(30, 1).r10).toBeCloseTo(1 / 3, 12);
    expect(chanceQuery(200, 1).rank).toBe(100.5);
  });
});

describe('bootstrap', () => {
  it('covers the mean, narrows with more clips, and repeats by seed', () => {
    const random = new SeededRandom(3);
    const few = Array.from({ length: 20 }, () => random.next());
    const many = Array.from({ length: 2000 }, () => random.next());
    const a = bootstrap(few);
    const b = bootstrap(many);
    expect(a).toEqual(bootstrap(few));
    expect(a.ci95[0]).toBeLessThan(a.value);
    expect(a.ci95[1]).toBeGreaterThan(a.value);
    expect(b.ci95[1] - b.ci95[0]).toBeLessThan((a.ci95[1] - a.ci95[0]) / 4);
  });

  it('takes another statistic', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(bootstrap([5, 5, 5], median)).toEqual({ value: 5, ci95: [5, 5] });
  });
});
