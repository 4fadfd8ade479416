import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { expectedCalibrationError, reliabilityBins } from '#model/metrics/calibration';
import { areaUnderRoc, averagePrecision } from '#model/metrics/ranking-curves';

describe('ranking curves, worked out by hand', () => {
  const labels = [true, false, true, false, false];
  const isPositive = (i: number) => labels[i] as boolean;

  it('average precision', () => {
    expect(averagePrecision([5, 4, 3, 2, 1], isPositive)).toBeCloseTo((1 + 2 / 3) / 2, 12);
    expect(averagePrecision([1, 2, 3, 4, 5], isPositive)).toBeCloseTo((1 / 3 + 2 / 5) / 2, 12);
    // Scores 2, 2 and 2 are one step: from nothing to both positives among three.
    expect(averagePrecision([2, 2, 2, 1, 1], isPositive)).toBeCloseTo(2 / 3, 12);
    expect(averagePrecision([1, 1], () => false)).toBe(0);
  });

  it('area under the ROC curve', () => {
    // Pairs won: the first positive beats 3 negatives, the second 2 of 3.
    expect(areaUnderRoc([5, 4, 3, 2, 1], isPositive)).toBeCloseTo(5 / 6, 12);
    expect(areaUnderRoc([1, 2, 3, 4, 5], isPositive)).toBeCloseTo(1 / 6, 12);
    // Ties of a positive with the one negative at 2: half a pair each.
    expect(areaUnderRoc([2, 2, 2, 1, 1], isPositive)).toBeCloseTo(5 / 6, 12);
  });

  it('a constant score is chance', () => {
    expect(averagePrecision([1, 1, 1, 1, 1], isPositive)).toBeCloseTo(2 / 5, 12);
    expect(areaUnderRoc([1, 1, 1, 1, 1], isPositive)).toBe(0.5);
  });

  it('refuse what cannot be ranked', () => {
    expect(() => areaUnderRoc([1, 2], () => true)).toThrow(
      expect.objectContaining({ code: 'not_enough_data' }),
    );
    expect(() => averagePrecision([1, Number.NaN], () => true)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});

describe('calibration', () => {
  it('is worked out by hand', () => {
    const bins = reliabilityBins([0.1, 0.3, 0.5, 0.9, 1], [false, true, true, true, false], 2);
    expect(bins[0]).toMatchObject({ low: 0, high: 0.5, count: 2, frequency: 0.5 });
    expect(bins[0]?.confidence).toBeCloseTo(0.2, 12);
    expect(bins[1]).toMatchObject({ low: 0.5, high: 1, count: 3 });
    expect(bins[1]?.confidence).toBeCloseTo(0.8, 12);
    // 2/5 * |0.2 - 0.5| + 3/5 * |0.8 - 2/3|
    expect(expectedCalibrationError(bins)).toBeCloseTo(0.4 * 0.3 + 0.6 * (0.8 - 2 / 3), 12);
  });

  it('is near zero for probabilities that come true, and large for boasts', () => {
    const random = new SeededRandom(5);
    const probabilities = Array.from({ length: 20_000 }, () => random.next());
    const outcomes = probabilities.map((probability) => random.next() < probability);
    expect(expectedCalibrationError(reliabilityBins(probabilities, outcomes))).toBeLessThan(0.015);
    const boasts = probabilities.map((probability) => (probability > 0.5 ? 1 : 0));
    // Mean distance of a uniform probability from its nearer end.
    expect(expectedCalibrationError(reliabilityBins(boasts, outcomes))).toBeCloseTo(0.25, 1.5);
  });

  it('leaves empty bins empty and refuses what is no probability', () => {
    const bins = reliabilityBins([0.95], [true], 10);
    expect(bins[0]).toEqual({ low: 0, high: 0.1, count: 0, confidence: null, frequency: null });
    expect(expectedCalibrationError(bins)).toBeCloseTo(0.05, 12);
    expect(expectedCalibrationError(reliabilityBins([], []))).toBe(0);
    const invalid = expect.objectContaining({ code: 'invalid_argument' });
    expect(() => reliabilityBins([1.1], [true])).toThrow(invalid);
    expect(() => reliabilityBins([Number.NaN], [true])).toThrow(invalid);
    expect(() => reliabilityBins([0.5], [])).toThrow(expect.objectContaining({ code: 'shape_mismatch' }));
  });
});
