/**
 * The sound's side of augmentation: turning round, gain, another colour of sound, a slight transposition, a background
 * from elsewhere, masked bands and stretches of time. Sounds add in power: uncorrelated ones, whose phases a log-mel
 * has forgotten.
 */
import type { SeededRandom } from '#core/random';

interface LogMelAugmentation {
  /** Frames of a whole cached clip. */
  frames: number;
  bands: number;
  /** Of the front end, added under the logarithm. */
  offset: number;
  normalization: { mean: number; deviation: number };
  gainDb: number;
  /** Largest gain of a band beside the others, in decibels up and down; 0 leaves the colour of the sound as it is. */
  colourDb: number;
  /** How far all bands are moved at most, up and down, in bands: about a semitone each. */
  shiftBands: number;
  /** How often a background is mixed in. */
  backgroundPart: number;
  /** How far the background lies below the clip, in decibels: from the faintest to the loudest. */
  backgroundDb: readonly [number, number];
  maxMaskedBands: number;
  maxMaskedFrames: number;
}

/** Frames of a background, about half a second; longer stretches repeat it forwards and backwards. */
const BACKGROUND_FRAMES = 48;
/** Of backgrounds, the part that is noise rather than another clip's quiet stretch. */
const NOISE_PART = 0.4;

/**
 * Writes one normalised row.
 *
 * @param logMel     `[clips, frames, bands]`
 * @param turnFrames how far the clip is turned round in time
 * @param random     null: the clip as it is
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
  const { gainDb, offset, bands } = spec;
  const gain = random ? 10 ** (random.uniform(-gainDb, gainDb) / 20) : 1;
  const bandGain = random ? drawBandGains(spec, gain, random) : null;
  const shift =
    random && spec.shiftBands > 0 ? bandPositions(bands, random.uniform(-1, 1) * spec.shiftBands) : null;
  const source = logMel.subarray(clip * whole, (clip + 1) * whole);
  const background = random && drawBackground(logMel, clip, spec, gain, random);
  let from = whole - ((turnFrames * bands) % whole);
  for (let i = 0, band = 0; i < size; i++, from++, band++) {
    if (from >= whole) from -= whole;
    if (band === bands) band = 0;
    let mel = source[from] as number;
    if (shift) {
      const first = from - band;
      const low = source[first + (shift.low[band] as number)] as number;
      const high = source[first + (shift.high[band] as number)] as number;
      mel = low + (high - low) * (shift.fraction[band] as number);
    }
    // Gains and background act on the magnitude under the logarithm, whose offset stays as it is.
    if (bandGain) {
      const magnitude = (Math.exp(mel) - offset) * (bandGain[band] as number);
      const power = background ? (background[mirroredPosition(i, bands)] as number) : 0;
      mel = Math.log((power > 0 ? Math.sqrt(magnitude * magnitude + power) : magnitude) + offset);
    }
    out[row * size + i] = (mel - mean) / deviation;
  }
  if (random) mask(out.subarray(row * size, (row + 1) * size), spec, random);
}

/**
 * One gain a band: straight lines between a few bands drawn by lot, in decibels, on top of the gain of them all. Another
 * instrument of the kind, another microphone, another room.
 *
 * @see Nam et al. 2022, "FilterAugment" (its linear form)
 */
function drawBandGains(
  { bands, colourDb }: LogMelAugmentation,
  gain: number,
  random: SeededRandom,
): Float32Array {
  const gains = new Float32Array(bands).fill(gain);
  if (colourDb === 0) return gains;
  const knots = random.integer(2, 6);
  const at = [0, ...Array.from({ length: knots - 2 }, () => random.uniform(0, bands - 1)), bands - 1];
  at.sort((a, b) => a - b);
  const decibels = at.map(() => random.uniform(-colourDb, colourDb));
  let knot = 0;
  for (let band = 0; band < bands; band++) {
    while (knot < knots - 2 && band > (at[knot + 1] as number)) knot++;
    const [from, to] = [at[knot] as number, at[knot + 1] as number];
    const part = to > from ? (band - from) / (to - from) : 0;
    const level = (decibels[knot] as number) * (1 - part) + (decibels[knot + 1] as number) * part;
    gains[band] = gain * 10 ** (level / 20);
  }
  return gains;
}

/** For each band, the two bands that it is taken from when all move up by `shift`, and the part of the second. */
function bandPositions(bands: number, shift: number) {
  const low = new Int32Array(bands);
  const high = new Int32Array(bands);
  const fraction = new Float32Array(bands);
  for (let band = 0; band < bands; band++) {
    const at = Math.min(bands - 1, Math.max(0, band - shift));
    low[band] = Math.floor(at);
    high[band] = Math.min(bands - 1, Math.floor(at) + 1);
    fraction[band] = at - Math.floor(at);
  }
  return { low, high, fraction };
}

/** Where value `i` of a row lies in a background that runs forwards, then backwards. */
function mirroredPosition(i: number, bands: number): number {
  const frame = Math.floor(i / bands);
  const turn = frame % (2 * BACKGROUND_FRAMES);
  const within = turn < BACKGROUND_FRAMES ? turn : 2 * BACKGROUND_FRAMES - 1 - turn;
  return within * bands + (i - frame * bands);
}

/**
 * Power of a background, `[BACKGROUND_FRAMES, bands]`, at its level below the clip; null where none is mixed in.
 * A silent clip gets a silent one.
 */
function drawBackground(
  logMel: Float32Array,
  clip: number,
  spec: LogMelAugmentation,
  gain: number,
  random: SeededRandom,
): Float32Array | null {
  if (spec.backgroundPart === 0 || random.next() >= spec.backgroundPart) return null;
  const [faintest, loudest] = spec.backgroundDb;
  const below = random.uniform(loudest, faintest);
  const power =
    random.next() < NOISE_PART ? noise(spec.bands, random) : quietStretch(logMel, clip, spec, random);
  const whole = spec.frames * spec.bands;
  const own = meanPower(logMel.subarray(clip * whole, (clip + 1) * whole), spec.offset) * gain * gain;
  const its = power.reduce((sum, value) => sum + value, 0) / power.length;
  if (its === 0) return null;
  const scale = (own / its) * 10 ** (-below / 10);
  return power.map((value) => value * scale);
}

/** Noise with a spectrum drawn by lot: a straight slope over the bands, and the scatter of a single window. */
function noise(bands: number, random: SeededRandom): Float32Array {
  const slopeDb = random.uniform(-30, 12);
  return Float32Array.from({ length: BACKGROUND_FRAMES * bands }, (_, i) => {
    const level = 10 ** ((slopeDb * (i % bands)) / bands / 10);
    // Power of a Gaussian signal in one band is exponentially distributed.
    return -level * Math.log(1 - random.next());
  });
}

/** The quietest of a few stretches of another clip. */
function quietStretch(
  logMel: Float32Array,
  clip: number,
  spec: LogMelAugmentation,
  random: SeededRandom,
): Float32Array {
  const whole = spec.frames * spec.bands;
  const clips = logMel.length / whole;
  const other = (clip + random.integer(1, Math.max(2, clips))) % clips;
  const length = Math.min(BACKGROUND_FRAMES, spec.frames) * spec.bands;
  let best: Float32Array | null = null;
  let bestSum = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 4; attempt++) {
    const first = other * whole + random.integer(0, spec.frames - length / spec.bands + 1) * spec.bands;
    const stretch = logMel.subarray(first, first + length);
    const sum = stretch.reduce((total, value) => total + value, 0);
    if (sum < bestSum) [best, bestSum] = [stretch, sum];
  }
  const power = new Float32Array(BACKGROUND_FRAMES * spec.bands);
  best?.forEach((value, i) => {
    power[i] = (Math.exp(value) - spec.offset) ** 2;
  });
  return power;
}

/** Over every seventh value, which visits all bands in turn: a level needs no more. */
function meanPower(logMel: Float32Array, offset: number): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < logMel.length; i += 7, count++) sum += (Math.exp(logMel[i] as number) - offset) ** 2;
  return sum / count;
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
