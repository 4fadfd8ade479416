import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { fitPlatt, plattProbability } from '#model/calibration/platt';

/** Scores whose labels were drawn from a known curve. */
function drawn(count: number, slope: number, intercept: number, seed = 1) {
  const random = new SeededRandom(seed);
  const scores = Array.from({ length: count }, () => random.uniform(-1, 1));
  const labels = scores.map((score) => random.next() < 1 / (1 + Math.exp(-(slope * score + intercept))));
  return { scores, labels };
}

describe('Platt calibration', () => {
  it('recovers the curve that the labels were drawn from', () => {
    const { scores, labels } = drawn(20_000, 6, -2);
    const { slope, intercept } = fitPlatt(scores, labels);
    expect(Math.abs(slope - 6)).toBeLessThan(0.3);
    expect(Math.abs(intercept + 2)).toBeLessThan(0.15);
  });

  it('says as many matches as there are: the mean probability is the share of softened labels', () => {
    const { scores, labels } = drawn(400, 3, 1, 2);
    const fit = fitPlatt(scores, labels);
    const mean = scores.reduce((sum, score) => sum + plattProbability(fit, score), 0) / scores.length;
    const positives = labels.filter(Boolean).length;
    const negatives = labels.length - positives;
    // Where the likelihood is highest, its derivative for the intercept is zero.
    const softened = (positives * (positives + 1)) / (positives + 2) + negatives * (1 / (negatives + 2));
    expect(mean).toBeCloseTo(softened / labels.length, 8);
  });

  it('stays finite for scores that separate the labels, and rises with the score', () => {
    const fit = fitPlatt([-0.2, -0.1, 0.4, 0.5], [false, false, true, true]);
    expect(fit.slope).toBeGreaterThan(0);
    expect(Number.isFinite(fit.slope)).toBe(true);
    // Platt's targets for two of each: 3/4 and 1/4.
    expect(plattProbability(fit, 0.45)).toBeGreaterThan(0.7);
    expect(plattProbability(fit, 0.45)).toBeLessThan(0.8);
    expect(plattProbability(fit, -0.15)).toBeLessThan(0.3);
  });

  it('answers the base rate where scores tell nothing', () => {
    const fit = fitPlatt(
      new Array(90).fill(0.3),
      Array.from({ length: 90 }, (_, i) => i % 3 === 0),
    );
    expect(plattProbability(fit, 0.3)).toBeCloseTo(1 / 3, 1);
  });

  it('keeps to 0..1 far out', () => {
    expect(plattProbability({ slope: 1000, intercept: 0 }, 5)).toBe(1);
    expect(plattProbability({ slope: 1000, intercept: 0 }, -5)).toBe(0);
    expect(plattProbability({ slope: 1, intercept: 0 }, 0)).toBe(0.5);
  });

  it('names what it cannot use', () => {
    const codeOf = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        return error;
      }
    };
    expect(codeOf(() => fitPlatt([1], [true, false]))).toMatchObject({ code: 'shape_mismatch' });
    expect(codeOf(() => fitPlatt([1, Number.NaN], [true, false]))).toMatchObject({
      code: 'invalid_argument',
      subject: 'scores[1]',
    });
    expect(codeOf(() => fitPlatt([0.1, 0.2], [true, true]))).toMatchObject({ code: 'not_enough_data' });
  });
});
