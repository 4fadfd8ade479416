/** The quiet bed that every recording has: hiss, rumble or hum, well below the sounding object. */
import { SeededRandom } from '#core/random';
import { PERFORMANCE_RATE_HZ } from './performance.ts';

/**
 * @param seed names the clip, so that no two share their noise
 * @returns the sound with a noise bed 18 to 45 dB below its loudest part; peak at most 1
 */
export function addRoomNoise(samples: Float32Array, seed: string): Float32Array {
  const random = new SeededRandom(`room-noise/${seed}`);
  const peak = samples.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const level = (peak || 0.1) * 10 ** (-random.uniform(18, 45) / 20);
  // One pole of low-pass between hiss (0) and rumble (0.97).
  const colour = random.pick([0, 0.5, 0.9, 0.97]);
  const humHz = random.next() < 0.3 ? random.pick([50, 60]) * random.pick([1, 2, 3]) : 0;
  const bed = new Float32Array(samples.length);
  let low = 0;
  let loudest = 1e-9;
  for (let i = 0; i < bed.length; i++) {
    low = colour * low + (1 - colour) * random.normal();
    bed[i] =
      low + (humHz > 0 ? 0.3 * (1 - colour) * Math.sin((2 * Math.PI * humHz * i) / PERFORMANCE_RATE_HZ) : 0);
    loudest = Math.max(loudest, Math.abs(bed[i] as number));
  }
  const mixed = samples.map((value, i) => value + ((bed[i] as number) * level) / loudest);
  const mixedPeak = mixed.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
  return mixed.map((value) => value / mixedPeak);
}
