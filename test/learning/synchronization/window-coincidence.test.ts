import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { windowCoincidence } from '#learning/synchronization/window-coincidence';
import { CELL_CHANNELS, CELL_COUNT } from '#model/synchronization/cell-motion';
import { PHASES, SILENCE, SOUND_BANDS } from '#model/synchronization/head-input';
import { offsetOfShift, shiftLimit } from '#model/synchronization/synchronization-head';

const STEPS = 37;
const CHANGE_CHANNEL = 3;

/** Sounds that begin at these sound steps and die away, over all bands. */
function soundOf(onsets: readonly number[]): Float32Array {
  const sound = new Float32Array(STEPS * PHASES * SOUND_BANDS).fill(SILENCE);
  for (let step = 0; step < STEPS * PHASES; step++) {
    const since = Math.min(
      ...onsets.map((onset) => (step >= onset ? step - onset : Number.POSITIVE_INFINITY)),
    );
    if (since < 4) sound.fill(-1 - since, step * SOUND_BANDS, (step + 1) * SOUND_BANDS);
  }
  return sound;
}

/** One cell moves in these video steps, the others not at all. */
function motionOf(onsets: readonly number[]): Float32Array {
  const motion = new Float32Array(STEPS * CELL_COUNT * CELL_CHANNELS);
  for (const step of onsets) motion[(step * CELL_COUNT + 20) * CELL_CHANNELS + CHANGE_CHANNEL] = 3;
  return motion;
}

function bestShift(curve: Float64Array): number {
  const best = curve.indexOf(Math.max(...curve));
  return Math.round(offsetOfShift(best, curve.length) / 0.04);
}

describe('the onsets of a window', () => {
  it.each([-14, -5, 0, 3, 12])('fit best where they were planted (sound ahead by %i steps)', (shift) => {
    const random = new SeededRandom(4);
    const seen = [9, 12, 17, 19, 24, 27].map((step) => step + random.integer(0, 2));
    const curve = windowCoincidence(soundOf(seen.map((step) => step * PHASES - shift)), motionOf(seen));
    expect(curve).toHaveLength(2 * shiftLimit(STEPS) * PHASES + 1);
    // An onset belongs to a video step as a whole, which two shifts agree with.
    expect([shift, shift - 1, shift + 1]).toContain(bestShift(curve));
    expect(curve.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 9);
  });

  it.each([
    ['silence', soundOf([]), motionOf([5, 9, 21])],
    ['a still picture', soundOf([10, 18, 42]), motionOf([])],
  ])('say next to nothing about %s', (_, sound, motion) => {
    const planted = windowCoincidence(soundOf([18, 28, 48]), motionOf([9, 14, 24]));
    const spread = (curve: Float64Array) => Math.max(...curve) - Math.min(...curve);
    expect(spread(windowCoincidence(sound, motion))).toBeLessThan(spread(planted));
  });
});
