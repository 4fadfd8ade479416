/** Adds up what sounds in a clip: the sources and the noise of the place. */
import { roomNoise } from './room-noise.ts';
import type { Venue } from './venue.ts';

export interface Mix {
  /** `[length]`, peak at most 1; the sum of `stems` and `noise`, sample for sample. */
  mixture: Float32Array;
  /** Each source as loud as it is in the mixture. */
  stems: Float32Array[];
  noise: Float32Array;
}

/**
 * @param sources equally long, at least one
 * @param seed names the clip, so that no two share their noise
 */
export function mixSources(sources: readonly Float32Array[], seed: string, venue: Venue): Mix {
  const length = (sources[0] as Float32Array).length;
  const sum = addUp(sources, length);
  const noise = roomNoise(length, seed, venue, peakOf(sum));
  const gain = 1 / Math.max(1, peakOf(addUp([sum, noise], length)) * 1.0001);
  const scale = (samples: Float32Array) => samples.map((value) => value * gain);
  const stems = sources.map(scale);
  const scaledNoise = scale(noise);
  return { mixture: addUp([...stems, scaledNoise], length), stems, noise: scaledNoise };
}

/** @param length of each of the parts, at least */
export function addUp(parts: readonly Float32Array[], length: number): Float32Array {
  const sum = new Float32Array(length);
  for (const part of parts)
    for (let i = 0; i < length; i++) sum[i] = (sum[i] as number) + (part[i] as number);
  return sum;
}

function peakOf(samples: Float32Array): number {
  return samples.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0);
}
