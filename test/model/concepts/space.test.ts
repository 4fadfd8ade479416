import { describe, expect, it } from 'vitest';
import { audioConceptScores, videoConceptScores } from '#model/concepts/scores';
import { ConceptProjection, calibrate } from '#model/concepts/space';

const one = (index: number, weight = 1) => [{ index, weight }];

function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}

describe('concept scores', () => {
  it('come from a sound concept’s best class and, a little, from the others, averaged over the patches', () => {
    // Two patches of three classes.
    const scores = Float32Array.from([0.8, 0.4, 0, 0.2, 0.6, 0]);
    const dog = [...one(0, 0.5), ...one(1)];
    const [first, second] = [(0.4 ** 4 + 0.4 ** 4) ** (1 / 4), (0.1 ** 4 + 0.6 ** 4) ** (1 / 4)];
    expect([...audioConceptScores(scores, 3, [dog, one(2)])]).toEqual([
      expect.closeTo((first + second) / 2, 6),
      0,
    ]);
    expect(second).toBeLessThan(0.601);
  });

  it('do not exceed 1, whatever speaks for a concept', () => {
    const [certain] = audioConceptScores(Float32Array.of(1, 1), 2, [[...one(0), ...one(1)]]);
    expect(certain).toBe(1);
  });

  it('take of a wider class what the narrower ones that mean something else leave of it', () => {
    // Vehicle, helicopter, boat: a helicopter, a vehicle of no known kind, a boat heard even without the vehicle.
    const scores = Float32Array.from([0.9, 0.8, 0.1, 0.7, 0, 0, 0.1, 0, 0.6]);
    const car = [{ index: 0, weight: 0.5, others: [1, 2] }];
    expect([...audioConceptScores(scores, 3, [car, one(1)])]).toEqual([
      expect.closeTo((0.5 * 0.1 + 0.5 * 0.7 + 0) / 3, 6),
      expect.closeTo(0.8 / 3, 6),
    ]);
  });

  it('add up the probabilities of a sight concept’s exclusive classes, without the background', () => {
    // The background's logit is the highest, and counts nothing.
    const logits = Float32Array.from([9, Math.log(1), Math.log(2), Math.log(5)]);
    const [both, last] = videoConceptScores(logits, 4, [[...one(1), ...one(2, 0.5)], one(3)]);
    expect(both).toBeCloseTo(1 / 8 + 0.5 * (2 / 8), 6);
    expect(last).toBeCloseTo(5 / 8, 6);
  });
});

describe('the space', () => {
  it('calibrates by a power, less what is usual', () => {
    expect([...calibrate([0.25, 0], { exponent: 0.5, centre: [0.1, 0.2] })]).toEqual([0.4, -0.2]);
  });

  // Classes 0 and 1 have nearly the same weights, class 2 other ones.
  const vectors = { data: Float32Array.from([1, 0.1, 1, -0.1, -1, 1]), width: 2 };
  const classes = [one(0), one(1), one(2)];
  const axis = (index: number) => Float64Array.from([0, 1, 2], (i) => Number(i === index));

  it('is orthonormal without kinship', () => {
    const projection = new ConceptProjection([{ vectors, classes, share: 0 }]);
    const [a, b] = [projection.project(axis(0)), projection.project(axis(1))];
    expect(Math.hypot(...a)).toBeCloseTo(1, 6);
    expect(cosine(a, b)).toBeCloseTo(0, 6);
  });

  it('brings concepts near each other that the network can hardly tell apart', () => {
    const projection = new ConceptProjection([{ vectors, classes, share: 0.4 }]);
    const [a, b] = [projection.project(axis(0)), projection.project(axis(1))];
    expect(cosine(a, b)).toBeGreaterThan(0.3);
    expect(cosine(a, b)).toBeLessThan(0.4 + 1e-6);
    for (const vector of [a, b]) expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
  });

  it('gives exactly ordinary material a unit vector all the same', () => {
    const projection = new ConceptProjection([{ vectors, classes, share: 0.2 }]);
    expect(Math.hypot(...projection.project(new Float64Array(3)))).toBeCloseTo(1, 6);
  });
});
