/** Building blocks that the synthesised classes share: struck modes, filtered noise, resonances. */

import type { SeededRandom } from '#core/random';
import { PERFORMANCE_RATE_HZ } from '../../performance.ts';

/** One vibration mode of a struck body. */
export interface Mode {
  hz: number;
  /** Time to fall by 60 dB. */
  decaySec: number;
  gain: number;
}

/** Adds decaying sines that start at `atSec`. */
export function strike(samples: Float32Array, atSec: number, modes: readonly Mode[], gain: number): void {
  const start = Math.round(atSec * PERFORMANCE_RATE_HZ);
  for (const mode of modes) {
    if (mode.hz >= PERFORMANCE_RATE_HZ / 2) continue;
    const angle = (2 * Math.PI * mode.hz) / PERFORMANCE_RATE_HZ;
    const radius = 10 ** (-3 / (mode.decaySec * PERFORMANCE_RATE_HZ));
    const end = Math.min(samples.length, start + Math.ceil(1.2 * mode.decaySec * PERFORMANCE_RATE_HZ));
    const feedback = 2 * radius * Math.cos(angle);
    const loss = radius * radius;
    let previous = 0;
    let current = gain * mode.gain * Math.sin(angle);
    for (let i = start; i < end; i++) {
      samples[i] = (samples[i] as number) + current;
      const next = feedback * current - loss * previous;
      previous = current;
      current = next;
    }
  }
}

/** Adds a burst of noise around `centreHz` that starts at once and dies away over `lengthSec`. */
export function addNoiseBurst(
  samples: Float32Array,
  burst: { atSec: number; lengthSec: number; centreHz: number; bandwidthHz: number; gain: number },
  random: SeededRandom,
): void {
  const start = Math.round(burst.atSec * PERFORMANCE_RATE_HZ);
  const length = Math.round(burst.lengthSec * PERFORMANCE_RATE_HZ);
  const band = new Resonator();
  for (let i = 0; i < length && start + i < samples.length; i++) {
    const fade = (1 - i / length) ** 2;
    const value = band.step(random.uniform(-1, 1), burst.centreHz, burst.bandwidthHz);
    samples[start + i] = (samples[start + i] as number) + burst.gain * fade * value;
  }
}

/** A two-pole band-pass whose centre may move from sample to sample; its gain at the centre is about 1. */
export class Resonator {
  private first = 0;
  private second = 0;

  step(input: number, centreHz: number, bandwidthHz: number): number {
    const radius = Math.exp((-Math.PI * bandwidthHz) / PERFORMANCE_RATE_HZ);
    const cosine = Math.cos((2 * Math.PI * centreHz) / PERFORMANCE_RATE_HZ);
    const output =
      (1 - radius) * 2 * input + 2 * radius * cosine * this.first - radius * radius * this.second;
    this.second = this.first;
    this.first = output;
    return output;
  }
}
