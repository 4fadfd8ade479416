import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { coincidenceCurve, onsetCoincidence, onsetTrain } from '#model/synchronization/onset-coincidence';

const train = (text: string) => Uint8Array.from(text, Number);

/** Onsets in about one step of twelve. */
function randomTrain(steps: number, seed: number): Uint8Array {
  const random = new SeededRandom(seed);
  return Uint8Array.from({ length: steps }, () => (random.next() < 1 / 12 ? 1 : 0));
}

const shifted = (onsets: Uint8Array, steps: number) => onsets.map((_, i) => onsets[i - steps] ?? 0);

describe('coincidence of onsets, worked out by hand', () => {
  it('counts matches of onsets and of their absence', () => {
    // Matches in 6 of 8 steps; one thing seen unheard, one heard unseen.
    const result = onsetCoincidence(train('10010010'), train('10100010'));
    expect(result.matchShare).toBe(0.75);
    expect(result.matchProbability).toBe(0.75);
    expect(result.logLikelihood).toBeCloseTo(6 * Math.log(0.75) + 2 * Math.log(0.25), 12);
    // A'V = 2, 1'V = 3.
    expect(result.score).toBe(-1);
  });

  it('is certain of equal trains, and no surer of trains that avoid each other than of chance', () => {
    expect(onsetCoincidence(train('0110'), train('0110'))).toEqual({
      matchShare: 1,
      matchProbability: 1,
      logLikelihood: 0,
      score: 0,
    });
    const opposite = onsetCoincidence(train('0110'), train('1001'));
    expect(opposite.matchProbability).toBe(0.5);
    expect(opposite.logLikelihood).toBeCloseTo(4 * Math.log(0.5), 12);
    expect(opposite.score).toBe(-2);
  });

  it('finds the probability that makes its own likelihood largest', () => {
    const audio = randomTrain(200, 1);
    const video = randomTrain(200, 2);
    const { matchShare, matchProbability, logLikelihood } = onsetCoincidence(audio, video);
    for (let p = 0.5; p < 1; p += 0.01) {
      const other = 200 * (matchShare * Math.log(p) + (1 - matchShare) * Math.log(1 - p));
      expect(other).toBeLessThanOrEqual(logLikelihood + 1e-9);
    }
    expect(matchProbability).toBe(matchShare);
  });

  it('refuses trains of other lengths and empty ones', () => {
    expect(() => onsetCoincidence(train('01'), train('011'))).toThrow(
      expect.objectContaining({ code: 'shape_mismatch' }),
    );
    expect(() => onsetCoincidence(train(''), train(''))).toThrow(
      expect.objectContaining({ code: 'too_short' }),
    );
  });
});

describe('planted coincidences', () => {
  it('pick the thing that is heard among others', () => {
    const seen = [11, 12, 13, 14].map((seed) => randomTrain(125, seed));
    seen.forEach((heard, played) => {
      // A tenth of the onsets goes unheard.
      const random = new SeededRandom(played);
      const audio = heard.map((onset) => (onset === 1 && random.next() < 0.9 ? 1 : 0));
      for (const measure of ['logLikelihood', 'score'] as const) {
        const scores = seen.map((video) => onsetCoincidence(audio, video)[measure]);
        expect(scores.indexOf(Math.max(...scores))).toBe(played);
      }
    });
  });

  it.each([-25, -7, -1, 0, 1, 4, 25])('show at the shift they were planted at: %i steps', (shift) => {
    const audio = randomTrain(125, 21);
    const curve = coincidenceCurve(audio, shifted(audio, shift), { stepSec: 0.04, limitSec: 1 });
    expect(curve).toHaveLength(51);
    const best = curve.reduce((a, b) => (b.logLikelihood > a.logLikelihood ? b : a));
    expect(best.offsetSec).toBeCloseTo(shift * 0.04, 9);
  });

  it('need a second in common', () => {
    expect(() =>
      coincidenceCurve(randomTrain(20, 1), randomTrain(20, 1), { stepSec: 0.04, limitSec: 1 }),
    ).toThrow(expect.objectContaining({ code: 'too_short' }));
  });
});

describe('onsets of an envelope', () => {
  it('stand where strikes begin, not where they ring', () => {
    const strikes = [10, 30, 33, 60];
    const envelope = Float32Array.from({ length: 80 }, (_, i) =>
      strikes.reduce((sum, start) => sum + (i >= start ? Math.exp(-(i - start) / 6) : 0), 0.01),
    );
    const onsets = [...onsetTrain(envelope)].flatMap((onset, i) => (onset === 1 ? [i] : []));
    expect(onsets).toEqual(strikes);
  });

  it('are none in silence, in a steady tone and under a slow swell', () => {
    const count = (envelope: Float32Array) => onsetTrain(envelope).reduce((sum, onset) => sum + onset, 0);
    expect(count(new Float32Array(50))).toBe(0);
    expect(count(new Float32Array(50).fill(0.7))).toBe(0);
    expect(count(Float32Array.from({ length: 50 }, (_, i) => i))).toBe(0);
    expect(onsetTrain(new Float32Array(0))).toHaveLength(0);
  });
});
