/** Light colouring of a dry sound: a few early reflections, a tilt of the spectrum and a level. */

import type { SeededRandom } from '#core/random';
import { PERFORMANCE_RATE_HZ } from '../performance.ts';

export interface Room {
  /** Echoes after the direct sound, which itself is neither delayed nor scaled. */
  reflections: { delaySamples: number; gain: number }[];
  /** Gain of everything above about 1 kHz against everything below. */
  tiltDb: number;
  /** Peak of the finished clip against full scale. */
  peakDb: number;
}

const TILT_HZ = 1000;
const FADE_SEC = 0.02;

export function drawRoom(random: SeededRandom): Room {
  const count = random.next() < 0.3 ? 0 : random.integer(2, 8);
  const size = random.uniform(0.006, 0.045);
  const level = random.uniform(0.08, 0.4);
  const reflections = Array.from({ length: count }, () => {
    const delaySec = random.uniform(0.003, size);
    const sign = random.next() < 0.5 ? -1 : 1;
    const gain = sign * level * Math.exp((-1.5 * delaySec) / size);
    return { delaySamples: Math.round(delaySec * PERFORMANCE_RATE_HZ), gain };
  });
  return { reflections, tiltDb: random.uniform(-6, 6), peakDb: random.uniform(-12, 0) };
}

/** The sound in the room: same length, the end faded to silence, the peak at `room.peakDb`. */
export function placeInRoom(dry: Float32Array, room: Room): Float32Array {
  const wet = Float32Array.from(dry);
  for (const { delaySamples, gain } of room.reflections) {
    for (let i = delaySamples; i < wet.length; i++) {
      wet[i] = (wet[i] as number) + gain * (dry[i - delaySamples] as number);
    }
  }
  tilt(wet, room.tiltDb);
  fadeEnd(wet);
  setPeak(wet, 10 ** (room.peakDb / 20));
  return wet;
}

function tilt(samples: Float32Array, tiltDb: number): void {
  const share = 1 - Math.exp((-2 * Math.PI * TILT_HZ) / PERFORMANCE_RATE_HZ);
  const high = 10 ** (tiltDb / 20);
  let low = 0;
  for (let i = 0; i < samples.length; i++) {
    const value = samples[i] as number;
    low += share * (value - low);
    samples[i] = low + high * (value - low);
  }
}

function fadeEnd(samples: Float32Array): void {
  const length = Math.min(samples.length, Math.round(FADE_SEC * PERFORMANCE_RATE_HZ));
  for (let i = 0; i < length; i++) {
    const at = samples.length - 1 - i;
    samples[at] = ((samples[at] as number) * i) / length;
  }
}

function setPeak(samples: Float32Array, peak: number): void {
  let largest = 0;
  for (const value of samples) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return;
  // Rounding to float32 must not push the peak past full scale.
  const scale = (peak * 0.9999) / largest;
  for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] as number) * scale;
}
