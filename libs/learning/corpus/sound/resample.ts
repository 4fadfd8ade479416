/** Change of speed by band-limited interpolation. */

/** Taps on each side of a sample. */
const HALF_TAPS = 12;

/**
 * Plays the samples `speed` times as fast: pitch and tempo rise together.
 *
 * @returns `[round(samples.length / speed)]`, free of what lies above half the sample rate
 * @see Smith, Digital Audio Resampling: windowed-sinc interpolation
 */
export function resample(samples: Float32Array, speed: number): Float32Array {
  const output = new Float32Array(Math.round(samples.length / speed));
  const cutoff = Math.min(1, 1 / speed);
  const reach = HALF_TAPS / cutoff;
  for (let i = 0; i < output.length; i++) {
    const centre = i * speed;
    const first = Math.max(0, Math.ceil(centre - reach));
    const last = Math.min(samples.length - 1, Math.floor(centre + reach));
    let sum = 0;
    for (let k = first; k <= last; k++) {
      const distance = k - centre;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * distance) / reach);
      sum += (samples[k] as number) * cutoff * sinc(cutoff * distance) * window;
    }
    output[i] = sum;
  }
  return output;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}
