import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import type { CorrespondenceScores, ScoredSound } from '#learning/evaluation/correspondence-pairs';
import { scoreCorrespondence } from '#learning/evaluation/correspondence-suite';
import { reliabilityPlot } from '#learning/evaluation/reliability-plot';
import { fitPlatt, plattProbability } from '#model/calibration/platt';

/** A sound with a source, and what it scores. */
function heard(score: number): ScoredSound {
  return { audio: Float32Array.of(1, 0), score };
}

/** Scores whose matches come true exactly as often as a logistic curve of slope 6 says. */
function honest(seed: number): CorrespondenceScores {
  const random = new SeededRandom(seed);
  const pairs = Array.from({ length: 1200 }, (_, i) => {
    const score = random.uniform(-1, 1);
    const isMatch = random.next() < plattProbability({ slope: 6, intercept: 0 }, score);
    return { clip: i % 40, ...heard(score), isMatch };
  });
  const ordered = Array.from({ length: 50 }, () => ({ matching: 0.8, shifted: 0.5, mismatched: -0.1 }));
  return { pairs, ordered, silence: [-0.9, -0.8].map(heard), noise: [-0.7, 0.9].map(heard) };
}

describe('the correspondence suite', () => {
  it('finds a calibration that keeps its word, and one that does not', () => {
    const scores = honest(1);
    const fitted = fitPlatt(
      scores.pairs.map(({ score }) => score),
      scores.pairs.map(({ isMatch }) => isMatch),
    );
    expect(fitted.slope).toBeGreaterThan(4.5);
    const unseen = honest(2);
    const { n, results } = scoreCorrespondence(unseen, fitted);
    expect(n).toBe(1200);
    expect(results.ece?.value).toBeLessThan(0.06);
    expect(results.ece?.chance).toBeGreaterThan(0.15);
    const boastful = scoreCorrespondence(unseen, { slope: 60, intercept: 0 });
    expect(boastful.results.ece?.value).toBeGreaterThan(0.08);
  });

  it('reports the order of the scores, and what silence and noise are told', () => {
    const { results } = scoreCorrespondence(honest(3), { slope: 6, intercept: 0 });
    expect(results.matchingAboveShifted?.value).toBe(1);
    expect(results.shiftedAboveMismatched?.value).toBe(1);
    expect(results['score.shifted']?.value).toBeCloseTo(0.5, 9);
    expect(results['silence.unlikely']?.value).toBe(1);
    expect(results['noise.unlikely']?.value).toBe(0.5);
  });

  it('takes a sound without a source for what it is, however near the picture is', () => {
    const noise = [-0.7, 0.9].map((score) => ({ audio: Float32Array.of(0, 1), score }));
    const scores = { ...honest(3), noise };
    const sourceless = { centres: [[0, 1]], slope: 40, intercept: -20 };
    const { results } = scoreCorrespondence(scores, { slope: 6, intercept: 0, sourceless });
    expect(results['noise.unlikely']?.value).toBe(1);
    const without = scoreCorrespondence(scores, { slope: 6, intercept: 0 }).results;
    expect(results.ece?.value).toBeCloseTo(without.ece?.value as number, 6);
  });

  it('draws the reliability: a point for every bin that holds something', () => {
    const { reliability } = scoreCorrespondence(honest(4), { slope: 6, intercept: 0 });
    const svg = reliabilityPlot(reliability, 'a < b');
    expect(svg.match(/<circle/g)).toHaveLength(reliability.filter(({ count }) => count > 0).length);
    expect(svg).toContain('a &lt; b');
  });
});
