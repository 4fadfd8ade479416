import { describe, expect, it } from 'vitest';
import { offsetClass, offsetClasses, synchronizationScores } from '#model/metrics/synchronization';
import { offsetVerdict } from '#model/synchronization/verdict';

describe('verdict bands of ITU-R BT.1359', () => {
  it.each([
    [0, 'in_sync'],
    [0.045, 'in_sync'],
    [0.046, 'detectable'],
    [0.09, 'detectable'],
    [0.091, 'out_of_sync'],
    [-0.045, 'in_sync'],
    [-0.125, 'in_sync'],
    [-0.126, 'detectable'],
    [-0.185, 'detectable'],
    [-0.186, 'out_of_sync'],
    [2, 'out_of_sync'],
  ] as const)('%d s is %s', (offsetSec, verdict) => {
    expect(offsetVerdict(offsetSec)).toBe(verdict);
  });

  it('refuses what is no offset', () => {
    expect(() => offsetVerdict(Number.NaN)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

describe('offset classes', () => {
  it('are 21 from -2 s to 2 s, and fewer for clips under 3 s', () => {
    const all = offsetClasses(5);
    expect(all).toHaveLength(21);
    expect([all[0], all[9], all[10], all[20]]).toEqual([-2, -0.2, 0, 2]);
    expect(offsetClasses(3)).toHaveLength(21);
    expect(offsetClasses(2.9)).toHaveLength(19);
    expect(offsetClasses(2)).toHaveLength(11);
    expect(offsetClasses(1)).toEqual([0]);
    expect(() => offsetClasses(0.99)).toThrow(expect.objectContaining({ code: 'too_short' }));
  });

  it('are told by the nearest', () => {
    expect([0.09, -0.09, 0.11, -0.11, 1.95, 7].map(offsetClass)).toEqual([0, -0, 1, -1, 10, 10]);
  });
});

describe('scores', () => {
  it('are worked out by hand', () => {
    const scores = synchronizationScores([
      { trueSec: 0, estimatedSec: 0.02 },
      { trueSec: 0.4, estimatedSec: 0.6 },
      { trueSec: -1, estimatedSec: -1.04 },
      { trueSec: 2, estimatedSec: -2 },
    ]);
    expect(scores).toMatchObject({ count: 4, accuracy: 0.5, withinOneClass: 0.75, verdictAccuracy: 1 });
    expect(scores.meanErrorMs).toBeCloseTo((20 + 200 + 40 + 4000) / 4, 9);
    expect(scores.medianErrorMs).toBeCloseTo(120, 9);
    expect(synchronizationScores([{ trueSec: 0.04, estimatedSec: 0.05 }])).toMatchObject({
      accuracy: 1,
      verdictAccuracy: 0,
    });
    expect(() => synchronizationScores([])).toThrow(expect.objectContaining({ code: 'not_enough_data' }));
  });
});
