import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { sharedPart } from '#learning/synchronization/shifted-clips';
import { quietClips } from './quiet-clips.ts';

const HOPS_PER_STEP = 8;

describe('a whole clip whose sound is shifted', () => {
  it('shows all that both streams have at one offset, and nothing beyond the clip', () => {
    const clips = quietClips(1, 4);
    const recorded = 50;
    const random = new SeededRandom('whole');
    const offsets = Array.from({ length: 200 }, () => {
      const placement = clips.placeWhole(0, random, 2);
      const { start, soundStart, steps, offsetSec } = placement;
      const soundFirst = soundStart / HOPS_PER_STEP;
      expect(soundFirst - start).toBeCloseTo(offsetSec / 0.08, 6);
      expect(Math.min(start, soundFirst)).toBeGreaterThanOrEqual(0);
      expect(Math.max(start, soundFirst) + steps).toBeLessThanOrEqual(recorded);
      // No step more would fit: less than one is lost at either end.
      const away = Math.abs(offsetSec) / 0.08;
      expect(steps).toBe(Math.floor(recorded - away + 1e-6));
      const { startSec, endSec } = sharedPart(placement, steps);
      expect(endSec - startSec).toBeGreaterThan(4 - 2 * Math.abs(offsetSec) - 0.17);
      return offsetSec;
    });
    expect(Math.max(...offsets)).toBeGreaterThan(1.7);
    expect(Math.min(...offsets)).toBeLessThan(-1.7);
  });
});
