/** Seeded sounds for the tests of separation. */
import { SeededRandom } from '#core/random';

export function whiteNoise(sampleCount: number, seed: number, deviation = 0.2): Float32Array {
  const random = new SeededRandom(seed);
  return Float32Array.from({ length: sampleCount }, () => deviation * random.normal());
}

export function tone(
  sampleCount: number,
  hertz: number,
  sampleRateHz: number,
  amplitude = 0.3,
): Float32Array {
  return Float32Array.from(
    { length: sampleCount },
    (_, n) => amplitude * Math.sin((2 * Math.PI * hertz * n) / sampleRateHz),
  );
}

export function sumOf(...sounds: Float32Array[]): Float32Array {
  const [first = new Float32Array(0)] = sounds;
  return first.map((_, i) => sounds.reduce((sum, sound) => sum + (sound[i] as number), 0));
}

export function energy(samples: Float32Array, from = 0, to = samples.length): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += (samples[i] as number) ** 2;
  return sum;
}

export function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    // A missing value must not pass as equal.
    largest = Number.isFinite(difference) ? Math.max(largest, difference) : Number.POSITIVE_INFINITY;
  }
  return largest;
}
