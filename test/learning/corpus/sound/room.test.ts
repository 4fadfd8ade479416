import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { PERFORMANCE_RATE_HZ } from '#learning/corpus/performance';
import { drawRoom, placeInRoom } from '#learning/corpus/sound/room';
import type { Venue } from '#learning/corpus/venue';

/** Energy of a click's answer from `fromSec` on against all of it, dB, for ten rooms of a place. */
function lateDb(venue: Venue, fromSec: number): number[] {
  return Array.from({ length: 10 }, (_, seed) => {
    const click = new Float32Array(2 * PERFORMANCE_RATE_HZ);
    click[0] = 1;
    const answer = placeInRoom(click, drawRoom(new SeededRandom(`${venue}/${seed}`), venue));
    const energy = (samples: Float32Array) => samples.reduce((sum, value) => sum + value * value, 1e-20);
    return 10 * Math.log10(energy(answer.subarray(fromSec * PERFORMANCE_RATE_HZ)) / energy(answer));
  });
}

describe('reverberation', () => {
  it('is long in halls, short in rooms, and none outdoors or in a studio', () => {
    for (const db of lateDb('hall', 0.5)) expect(db).toBeGreaterThan(-40);
    for (const db of lateDb('room', 0.5)) expect(db).toBeLessThan(-60);
    for (const db of lateDb('room', 0.05)) expect(db).toBeGreaterThan(-40);
    for (const venue of ['landscape', 'rain', 'beach', 'studio'] as const)
      for (const db of lateDb(venue, 0.05)) expect(db).toBeLessThan(-90);
    for (const db of lateDb('street', 0.2)) expect(db).toBeLessThan(-90);
  });

  it('leaves the direct sound where it is', () => {
    for (const venue of ['hall', 'tiled', 'room'] as const) {
      const click = new Float32Array(PERFORMANCE_RATE_HZ);
      click[100] = 1;
      const answer = placeInRoom(click, drawRoom(new SeededRandom(venue), venue));
      expect(answer.findIndex((value) => value !== 0)).toBe(100);
      const largest = answer.reduce((at, value, i) => (Math.abs(value) > Math.abs(answer[at]!) ? i : at), 0);
      expect(largest).toBe(100);
    }
  });
});
