/**
 * The cache as a training source, augmented on the fly: the clip turned round in time, a random selection of frames,
 * crop and zoom, mirror, colours exchanged and inverted, brightness, contrast and tint; gain and masked bands and stretches of time (SpecAugment) in
 * the sound.
 *
 * @see Park et al. 2019, "SpecAugment"
 */
import type { SeededRandom } from '#core/random';
import type { FrontEnds } from '#model/checkpoint/manifest';
import { AUDIO_TIME_STRIDE } from '#model/towers/audio-tower';
import type { TrainingBatch, TrainingSource } from '#model/training/training-source';
import type { ClipCache } from './clip-cache.ts';

export interface AugmentationOptions {
  /** Part of the clip that a step sees, from a place drawn by lot; the towers pool over time, so any length will do. */
  window: number;
  /** Frames drawn from each window, one from each equal part of it. */
  framesPerClip: number;
  /** Side of the smallest crop, as a part of the frame. */
  smallestCrop: number;
  /** How often a clip's colours are turned into their complements. */
  invertedPart: number;
  /** In decibels, up and down. */
  gainDb: number;
  maxMaskedBands: number;
  maxMaskedFrames: number;
}

export const DEFAULT_AUGMENTATION: AugmentationOptions = {
  window: 0.5,
  framesPerClip: 2,
  smallestCrop: 0.7,
  invertedPart: 0.2,
  gainDb: 9,
  maxMaskedBands: 10,
  maxMaskedFrames: 60,
};

interface PixelTransform {
  /** Top left corner and side of the crop, in pixels of the cached frame. */
  left: number;
  top: number;
  side: number;
  mirrored: boolean;
  /** Which channel of the picture each output channel is taken from. */
  channels: [number, number, number];
  /** Per channel: value * scale + shift, in normalised units. */
  scale: [number, number, number];
  shift: [number, number, number];
}

export class CachedSource implements TrainingSource {
  readonly size: number;
  readonly melFrames: number;
  readonly bands: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  readonly labels: string[];
  readonly #cache: ClipCache;
  readonly #frontEnds: FrontEnds;
  readonly #augmentation: AugmentationOptions;

  constructor(
    cache: ClipCache,
    frontEnds: FrontEnds,
    augmentation: AugmentationOptions = DEFAULT_AUGMENTATION,
  ) {
    this.#cache = cache;
    this.#frontEnds = frontEnds;
    this.#augmentation = augmentation;
    this.size = cache.clips.length;
    this.melFrames = frontEnds.audio.frames;
    this.bands = frontEnds.audio.bands;
    this.frameWidth = frontEnds.video.width;
    this.frameHeight = frontEnds.video.height;
    this.labels = cache.clips.map((clip) => clip.label);
  }

  batch(sounds: readonly number[], pictures: readonly number[], random?: SeededRandom): TrainingBatch {
    const framesPerClip = random ? this.#augmentation.framesPerClip : this.#cache.framesPerClip;
    // Sound and picture turn round together, so that what is simultaneous stays so.
    const shifts = sounds.map(() => (random ? random.integer(0, this.#cache.framesPerClip) : 0));
    const melFrames = random ? this.#windowMelFrames : this.melFrames;
    const logMel = new Float32Array(sounds.length * melFrames * this.bands);
    sounds.forEach((clip, row) => {
      this.#writeLogMel(logMel, row, clip, shifts[row] as number, random);
    });
    const frames = new Float32Array(pictures.length * framesPerClip * this.frameWidth * this.frameHeight * 3);
    const frameTimesSec = new Float32Array(pictures.length * framesPerClip);
    pictures.forEach((clip, row) => {
      const places = this.#choosePlaces(random);
      const transform = this.#drawTransform(random);
      places.forEach((place, i) => {
        const all = this.#cache.framesPerClip;
        const frame = (place - (shifts[row] as number) + all) % all;
        frameTimesSec[row * framesPerClip + i] = place / this.#frontEnds.video.rateHz;
        this.#writeFrame(frames, row * framesPerClip + i, clip, frame, transform);
      });
    });
    return { logMel, melFrames, frames, frameTimesSec, framesPerClip };
  }

  /** Whole tokens of the audio tower, so that a window is cut where the trunk can take it. */
  get #windowMelFrames(): number {
    return Math.round((this.melFrames * this.#augmentation.window) / AUDIO_TIME_STRIDE) * AUDIO_TIME_STRIDE;
  }

  #writeLogMel(out: Float32Array, row: number, clip: number, shift: number, random?: SeededRandom): void {
    const whole = this.melFrames * this.bands;
    const size = (random ? this.#windowMelFrames : this.melFrames) * this.bands;
    const { mean, deviation } = this.#frontEnds.audio.normalization;
    const { gainDb } = this.#augmentation;
    const gain = random ? 10 ** (random.uniform(-gainDb, gainDb) / 20) : 1;
    const { offset } = this.#frontEnds.audio;
    const source = this.#cache.logMel.subarray(clip * whole, (clip + 1) * whole);
    const turn =
      Math.round(shift / (this.#frontEnds.video.rateHz * this.#frontEnds.audio.hopSec)) * this.bands;
    for (let i = 0; i < size; i++) {
      const value = source[(i - (turn % whole) + whole) % whole] as number;
      // Gain acts on the magnitude under the logarithm, whose offset stays as it is.
      const mel = gain === 1 ? value : Math.log((Math.exp(value) - offset) * gain + offset);
      out[row * size + i] = (mel - mean) / deviation;
    }
    if (random) this.#mask(out.subarray(row * size, (row + 1) * size), random);
  }

  /** Blanks a stretch of bands and a stretch of time. */
  #mask(logMel: Float32Array, random: SeededRandom): void {
    const { maxMaskedBands, maxMaskedFrames } = this.#augmentation;
    const melFrames = logMel.length / this.bands;
    const bands = random.integer(0, maxMaskedBands + 1);
    const firstBand = random.integer(0, this.bands - bands + 1);
    const frames = random.integer(0, maxMaskedFrames + 1);
    const firstFrame = random.integer(0, melFrames - frames + 1);
    logMel.fill(0, firstFrame * this.bands, (firstFrame + frames) * this.bands);
    for (let start = 0; start < logMel.length; start += this.bands) {
      logMel.fill(0, start + firstBand, start + firstBand + bands);
    }
  }

  /** Places in the turned clip, ascending. */
  #choosePlaces(random?: SeededRandom): number[] {
    const all = this.#cache.framesPerClip;
    if (!random) return Array.from({ length: all }, (_, i) => i);
    const { framesPerClip, window } = this.#augmentation;
    const places = all * window;
    return Array.from({ length: framesPerClip }, (_, i) =>
      random.integer(
        Math.floor((i * places) / framesPerClip),
        Math.floor(((i + 1) * places) / framesPerClip),
      ),
    );
  }

  #drawTransform(random?: SeededRandom): PixelTransform {
    const { frameSize } = this.#cache.spec;
    const { mean, deviation } = this.#frontEnds.video.normalization;
    const normalise = (scale: number, shift: number, channel: 0 | 1 | 2): [number, number] => [
      scale / 255 / deviation[channel],
      (shift - mean[channel]) / deviation[channel],
    ];
    const inverted = random ? random.next() < this.#augmentation.invertedPart : false;
    const channels = ([0, 1, 2] as const).map((channel) => {
      if (!random) return normalise(1, 0, channel);
      const contrast = random.uniform(0.7, 1.3);
      const brightness = random.uniform(-0.12, 0.12);
      return inverted
        ? normalise(-contrast, 1 + brightness, channel)
        : normalise(contrast, brightness, channel);
    }) as [[number, number], [number, number], [number, number]];
    const side = random ? random.uniform(this.#augmentation.smallestCrop, 1) * frameSize : frameSize;
    return {
      side,
      left: random ? random.uniform(0, frameSize - side) : 0,
      top: random ? random.uniform(0, frameSize - side) : 0,
      mirrored: random ? random.next() < 0.5 : false,
      channels: random ? (random.shuffle([0, 1, 2]) as [number, number, number]) : [0, 1, 2],
      scale: [channels[0][0], channels[1][0], channels[2][0]],
      shift: [channels[0][1], channels[1][1], channels[2][1]],
    };
  }

  /** Bilinear from the crop to the tower's size. */
  #writeFrame(
    out: Float32Array,
    position: number,
    clip: number,
    frame: number,
    transform: PixelTransform,
  ): void {
    const { frameSize } = this.#cache.spec;
    const { frameWidth: width, frameHeight: height } = this;
    const base = (clip * this.#cache.framesPerClip + frame) * frameSize * frameSize * 3;
    const pixels = this.#cache.frames;
    const columns = samplePoints(width, transform.left, transform.side, frameSize);
    const rows = samplePoints(height, transform.top, transform.side, frameSize);
    const { scale, shift, mirrored, channels } = transform;
    for (let y = 0; y < height; y++) {
      const top = base + (rows.low[y] as number) * frameSize * 3;
      const bottom = base + (rows.high[y] as number) * frameSize * 3;
      const fy = rows.fraction[y] as number;
      for (let x = 0; x < width; x++) {
        const left = (columns.low[x] as number) * 3;
        const right = (columns.high[x] as number) * 3;
        const fx = columns.fraction[x] as number;
        const target = ((position * height + y) * width + (mirrored ? width - 1 - x : x)) * 3;
        for (let channel = 0; channel < 3; channel++) {
          const from = channels[channel] as number;
          const a = pixels[top + left + from] as number;
          const b = pixels[top + right + from] as number;
          const c = pixels[bottom + left + from] as number;
          const d = pixels[bottom + right + from] as number;
          const upper = a + (b - a) * fx;
          const value = upper + (c + (d - c) * fx - upper) * fy;
          out[target + channel] = value * (scale[channel] as number) + (shift[channel] as number);
        }
      }
    }
  }
}

/** Where each output pixel's centre lies in the source: two neighbours and the part of the second. */
function samplePoints(count: number, offset: number, side: number, limit: number) {
  const low = new Int32Array(count);
  const high = new Int32Array(count);
  const fraction = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const position = Math.min(limit - 1, Math.max(0, offset + ((i + 0.5) * side) / count - 0.5));
    low[i] = Math.floor(position);
    high[i] = Math.min(limit - 1, (low[i] as number) + 1);
    fraction[i] = position - (low[i] as number);
  }
  return { low, high, fraction };
}
