/** The sound's side of augmentation: turning round, gain, masked bands and stretches of time. */
import type { SeededRandom } from '#core/random';

interface LogMelAugmentation {
  /** Frames of a whole cached clip. */
  frames: number;
  bands: number;
  /** Of the front end, added under the logarithm. */
  offset: number;
  normalization: { mean: number; deviation: number };
  gainDb: number;
  maxMaskedBands: number;
  maxMaskedFrames: number;
}

/**
 * Writes one normalised row.
 *
 * @param turnFrames how far the clip is turned round in time
 * @param random     null: neither gain nor masks
 */
export function writeLogMel(
  logMel: Float32Array,
  clip: number,
  spec: LogMelAugmentation,
  turnFrames: number,
  out: Float32Array,
  row: number,
  melFrames: number,
  random: SeededRandom | null,
): void {
  const whole = spec.frames * spec.bands;
  const size = melFrames * spec.bands;
  const { mean, deviation } = spec.normalization;
  const { gainDb, offset } = spec;
  const gain = random ? 10 ** (random.uniform(-gainDb, gainDb) / 20) : 1;
  const source = logMel.subarray(clip * whole, (clip + 1) * whole);
  let from = whole - ((turnFrames * spec.bands) % whole);
  for (let i = 0; i < size; i++, from++) {
    if (from >= whole) from -= whole;
    const value = source[from] as number;
    // Gain acts on the magnitude under the logarithm, whose offset stays as it is.
    const mel = gain === 1 ? value : Math.log((Math.exp(value) - offset) * gain + offset);
    out[row * size + i] = (mel - mean) / deviation;
  }
  if (random) mask(out.subarray(row * size, (row + 1) * size), spec, random);
}

/** Blanks a stretch of bands and a stretch of time. */
function mask(logMel: Float32Array, spec: LogMelAugmentation, random: SeededRandom): void {
  const melFrames = logMel.length / spec.bands;
  const bands = random.integer(0, spec.maxMaskedBands + 1);
  const firstBand = random.integer(0, spec.bands - bands + 1);
  const frames = Math.min(melFrames, random.integer(0, spec.maxMaskedFrames + 1));
  const firstFrame = random.integer(0, melFrames - frames + 1);
  logMel.fill(0, firstFrame * spec.bands, (firstFrame + frames) * spec.bands);
  for (let start = 0; start < logMel.length; start += spec.bands) {
    logMel.fill(0, start + firstBand, start + firstBand + bands);
  }
}
