import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { correspondenceProbability, fitSourceless } from '#model/calibration/correspondence';

const DIMENSION = 16;

/** Unit vectors around one of the axes. */
function around(axis: number, count: number, spread: number, seed: number): Float32Array[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => {
    const vector = Float32Array.from(
      { length: DIMENSION },
      (_, i) => (i === axis ? 1 : 0) + spread * random.normal(),
    );
    const length = Math.hypot(...vector);
    return vector.map((value) => value / length);
  });
}

const kinds = [0, 1].map((axis) => around(axis, 80, 0.1, axis + 1));
const sounds = [4, 5, 6, 7].flatMap((axis) => around(axis, 40, 0.2, axis));
const curve = { slope: 8, intercept: -3 };

describe('the probability that sound and picture belong together', () => {
  it('is the curve of the score where nothing is known of sounds without a source', () => {
    const [sound] = sounds as [Float32Array];
    expect(correspondenceProbability(curve, sound, 0.375)).toBeCloseTo(0.5, 9);
    expect(correspondenceProbability(curve, sound, 0.8)).toBeGreaterThan(0.95);
  });

  it('is near nothing for sounds without a source that were no part of the fit, and as before for others', () => {
    const calibration = { ...curve, sourceless: fitSourceless(kinds, sounds) };
    for (const sound of [0, 1].flatMap((axis) => around(axis, 30, 0.1, axis + 50)))
      expect(correspondenceProbability(calibration, sound, 0.9)).toBeLessThan(0.1);
    for (const sound of [4, 7, 9].flatMap((axis) => around(axis, 30, 0.2, axis + 60))) {
      const before = correspondenceProbability(curve, sound, 0.9);
      expect(correspondenceProbability(calibration, sound, 0.9)).toBeGreaterThan(before - 0.1);
    }
  });

  it('needs sounds of both sorts', () => {
    for (const [some, others] of [
      [kinds, []],
      [[[], []], sounds],
    ] as const)
      expect(() => fitSourceless(some, others)).toThrow(expect.objectContaining({ code: 'not_enough_data' }));
  });
});
