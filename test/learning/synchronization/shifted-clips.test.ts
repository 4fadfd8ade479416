import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { sharedPart } from '#learning/synchronization/shifted-clips';
import { quietClips } from './quiet-clips.ts';

const HOPS_PER_STEP = 8;
const HOPS_PER_SOUND_STEP = 4;

describe('a file of a clip whose sound is shifted', () => {
  it('begins and ends with its picture, and has all of the sound that falls into it', () => {
    const clips = quietClips(1, 4);
    const recorded = 50;
    const random = new SeededRandom('file');
    const offsets = Array.from({ length: 200 }, () => {
      const placement = clips.placeFile(0, random, 2);
      const { start, steps, soundLead, soundStart, soundSteps, offsetSec } = placement;
      expect([start, steps]).toEqual([0, recorded]);
      // What is heard as the picture begins was recorded so much later.
      expect(soundStart - soundLead * HOPS_PER_SOUND_STEP).toBeCloseTo(offsetSec / 0.01, 6);
      expect(soundLead).toBeGreaterThan(0);
      expect(soundLead + soundSteps).toBeLessThan(2 * recorded);
      expect(soundStart).toBeGreaterThan(0);
      expect(soundStart + soundSteps * HOPS_PER_SOUND_STEP).toBeLessThanOrEqual(recorded * HOPS_PER_STEP);
      // Of what is left of 4 s an eighth at most is cut off at either end, and something always.
      const { startSec, endSec } = sharedPart(placement);
      expect(endSec - startSec).toBeLessThanOrEqual(4 - Math.abs(offsetSec) - 0.08 + 1e-6);
      expect(endSec - startSec).toBeGreaterThan(4 - Math.abs(offsetSec) - 1.08);
      return offsetSec;
    });
    expect(Math.max(...offsets)).toBeGreaterThan(1.7);
    expect(Math.min(...offsets)).toBeLessThan(-1.7);
  });
});

describe('a window with the sound around it', () => {
  it('holds sound of the clip alone, at the drawn offset, and 1.5 s of what belongs together', () => {
    const clips = quietClips(1, 5);
    const random = new SeededRandom('around');
    const placements = Array.from({ length: 300 }, () => clips.placeAround(0, 37, random));
    for (const placement of placements) {
      const { start, steps, soundLead, soundStart, soundSteps, offsetSec } = placement;
      expect([steps, soundSteps % 2]).toEqual([37, 0]);
      expect(soundStart - soundLead * HOPS_PER_SOUND_STEP - start * HOPS_PER_STEP).toBeCloseTo(
        offsetSec / 0.01,
        6,
      );
      expect(soundStart).toBeGreaterThanOrEqual(0);
      expect(soundStart + soundSteps * HOPS_PER_SOUND_STEP).toBeLessThanOrEqual(62 * HOPS_PER_STEP);
      expect(soundLead).toBeGreaterThanOrEqual(-50);
      expect(soundLead + soundSteps).toBeLessThanOrEqual(2 * steps + 50);
      const { startSec, endSec } = sharedPart(placement);
      expect(endSec - startSec).toBeGreaterThanOrEqual(1.5 - 1e-6);
    }
    const offsets = placements.map(({ offsetSec }) => offsetSec);
    expect([Math.min(...offsets) < -1.8, Math.max(...offsets) > 1.8]).toEqual([true, true]);
    // Where the sound begins says nothing of the offset.
    const leads = placements.map(({ soundLead }) => soundLead);
    expect(new Set(leads).size).toBeGreaterThan(30);
  });
});
