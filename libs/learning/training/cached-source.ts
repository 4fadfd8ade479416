/**
 * The cache as a training source, augmented on the fly: the clip turned round in time, a part of its length, a random
 * selection of colour frames, crop, zoom and bent axes, mirror, colours exchanged and inverted, brightness, contrast and
 * tint; gain, the colour of the sound (FilterAugment), a slight transposition, a faint background from elsewhere, and
 * masked bands and stretches of time (SpecAugment) in the sound.
 *
 * @see Park et al. 2019, "SpecAugment"; Nam et al. 2022, "FilterAugment"
 */
import { SeededRandom } from '#core/random';
import type { FrontEnds } from '#model/checkpoint/manifest';
import { AUDIO_TIME_STRIDE } from '#model/towers/audio-tower';
import type { BatchRequest, TrainingBatch, TrainingSource } from '#model/training/training-source';
import type { ClipCache } from './clip-cache.ts';
import { writeLogMel } from './log-mel-augmentation.ts';
import {
  ColourWriter,
  drawPixelTransform,
  type PixelTransform,
  writeMotion,
} from './picture-augmentation.ts';

export interface AugmentationOptions {
  /**
   * Part of the clip that a step sees, from a place drawn by lot, and from which part of the run on it is the whole
   * clip: short windows are cheap and various, but the towers serve whole segments.
   */
  window: { early: number; wholeFrom: number };
  /** Colour frames drawn from each window, one from each equal part of it. */
  framesPerClip: number;
  /** Side of the smallest crop, as a part of the frame. */
  smallestCrop: number;
  /** How much wider or taller than it was a picture becomes at most. */
  largestAspect: number;
  /** How unevenly an axis is stretched at most, below 1. */
  largestBend: number;
  /** How often a clip's colours are turned into their complements. */
  invertedPart: number;
  /**
   * By how many steps a picture lags behind its sound, drawn from these: pictures always in step would be aligned by
   * their place in the clip alone. Too short a time to matter to what the clip is about.
   */
  lagSteps: readonly number[];
  /** The picture's clock starts by lot up to so late, or the towers would align by the clock alone. */
  latestClockSec: number;
  /** In decibels, up and down. */
  gainDb: number;
  /** Gain of single bands beside the others, in decibels, up and down. */
  colourDb: number;
  /** How far the bands are moved at most, up and down. */
  shiftBands: number;
  /** How often noise, or the quiet part of another clip, is mixed into the sound. */
  backgroundPart: number;
  /** How far it lies below the clip, in decibels: from the faintest to the loudest. */
  backgroundDb: [number, number];
  maxMaskedBands: number;
  maxMaskedFrames: number;
}

export const DEFAULT_AUGMENTATION: AugmentationOptions = {
  window: { early: 0.5, wholeFrom: 0.8 },
  framesPerClip: 3,
  smallestCrop: 0.7,
  largestAspect: 1.25,
  largestBend: 0.35,
  invertedPart: 0.2,
  lagSteps: [0, -2, 2, -3, 3, -5, 5],
  latestClockSec: 3,
  gainDb: 9,
  colourDb: 8,
  shiftBands: 1.5,
  backgroundPart: 0.5,
  backgroundDb: [40, 12],
  maxMaskedBands: 10,
  maxMaskedFrames: 60,
};

export class CachedSource implements TrainingSource {
  readonly size: number;
  readonly bands: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  readonly motionSize: number;
  /** Where every clip has one. */
  readonly labels: string[] | undefined;
  readonly settings: Readonly<Record<string, unknown>> | undefined;
  readonly #cache: ClipCache;
  readonly #frontEnds: FrontEnds;
  readonly #augmentation: AugmentationOptions;

  /** @param motionSize side of the towers' motion frames */
  constructor(
    cache: ClipCache,
    frontEnds: FrontEnds,
    motionSize: number,
    augmentation: AugmentationOptions = DEFAULT_AUGMENTATION,
  ) {
    this.#cache = cache;
    this.#frontEnds = frontEnds;
    this.#augmentation = augmentation;
    this.size = cache.clips.length;
    this.bands = frontEnds.audio.bands;
    this.frameWidth = frontEnds.video.width;
    this.frameHeight = frontEnds.video.height;
    this.motionSize = motionSize;
    const { backgroundPart, backgroundDb } = augmentation;
    // None leaves no trace, so that runs from before there were backgrounds can be resumed.
    this.settings = backgroundPart > 0 ? { backgroundPart, backgroundDb } : undefined;
    const labels = cache.clips.map((clip) => clip.label);
    this.labels = labels.includes('') ? undefined : labels;
  }

  async batch({ sounds, pictures, seed, progress }: BatchRequest): Promise<TrainingBatch> {
    const random = seed === null ? null : new SeededRandom(seed);
    const { steps: all } = this.#cache.spec;
    const { rateHz } = this.#frontEnds.video;
    // Sound and picture turn round together, so that what is simultaneous stays so.
    const turns = sounds.map(() => (random ? random.integer(0, all) : 0));
    const lagSteps = Int8Array.from(pictures, () => (random ? random.pick(this.#augmentation.lagSteps) : 0));
    const clocksSec = pictures.map(() => (random ? random.uniform(0, this.#augmentation.latestClockSec) : 0));
    const { early, wholeFrom } = this.#augmentation.window;
    const steps = random && progress < wholeFrom ? Math.max(1, Math.round(all * early)) : all;
    const framesPerClip = random ? this.#augmentation.framesPerClip : this.#cache.framesPerClip;
    const melFrames = steps * AUDIO_TIME_STRIDE;
    const batch: TrainingBatch = {
      logMel: new Float32Array(sounds.length * melFrames * this.bands),
      melFrames,
      frames: new Float32Array(pictures.length * framesPerClip * this.frameWidth * this.frameHeight * 3),
      frameTimesSec: new Float32Array(pictures.length * framesPerClip),
      framesPerClip,
      motion: new Float32Array(pictures.length * steps * this.motionSize * this.motionSize * 2),
      motionSteps: steps,
      motionTimesSec: Float32Array.from(
        { length: pictures.length * steps },
        (_, i) => (clocksSec[Math.floor(i / steps)] as number) + (i % steps) / rateHz,
      ),
      lagSteps,
    };
    sounds.forEach((clip, row) => {
      const spec = { ...this.#frontEnds.audio, ...this.#augmentation };
      const turn = (turns[row] as number) * AUDIO_TIME_STRIDE;
      writeLogMel(this.#cache.logMel, clip, spec, turn, batch.logMel, row, melFrames, random);
    });
    pictures.forEach((clip, row) => {
      const transform = this.#transform(random);
      const turn = ((turns[row] as number) + (lagSteps[row] as number) + all) % all;
      this.#writePicture(batch, row, clip, turn, transform, random);
      for (let i = row * framesPerClip; i < (row + 1) * framesPerClip; i++)
        batch.frameTimesSec[i] = (batch.frameTimesSec[i] as number) + (clocksSec[row] as number);
    });
    return batch;
  }

  #transform(random: SeededRandom | null): PixelTransform {
    const { normalization, views } = this.#frontEnds.video;
    const options = { ...this.#augmentation, centrePart: views?.centrePart ?? 1 };
    return drawPixelTransform(normalization, options, random);
  }

  #writePicture(
    batch: TrainingBatch,
    row: number,
    clip: number,
    turn: number,
    transform: PixelTransform,
    random: SeededRandom | null,
  ): void {
    const { steps: all, frameSize, lumaSize } = this.#cache.spec;
    const { rateHz, colourEveryFrames: every } = this.#frontEnds.video;
    const { framesPerClip, motionSteps } = batch;
    const size = { width: this.frameWidth, height: this.frameHeight };
    const colour = new ColourWriter(size, frameSize, transform);
    for (let i = 0; i < framesPerClip; i++) {
      const wanted = random
        ? random.integer(
            Math.floor((i * motionSteps) / framesPerClip),
            Math.max(1, Math.floor(((i + 1) * motionSteps) / framesPerClip)),
          )
        : i * every;
      const source = (wanted - turn + all) % all;
      const frame = this.#frameNear(source, wanted);
      const position = row * framesPerClip + i;
      batch.frameTimesSec[position] = Math.max(0, wanted + frame * every - source) / rateHz;
      const from = (clip * this.#cache.framesPerClip + frame) * frameSize * frameSize * 3;
      colour.write(this.#cache.frames, from, batch.frames, position);
    }
    const luma = {
      data: this.#cache.luma,
      offset: clip * all * lumaSize * lumaSize,
      size: lumaSize,
      steps: all,
    };
    writeMotion(luma, turn, motionSteps, this.motionSize, batch.motion as Float32Array, row, transform);
  }

  /** The kept frame next to a step of the clip, that does not lie beyond an end of the turned one. */
  #frameNear(step: number, wanted: number): number {
    const every = this.#frontEnds.video.colourEveryFrames;
    const last = this.#cache.framesPerClip - 1;
    const frame = Math.min(last, Math.round(step / every));
    const at = wanted + frame * every - step;
    if (at < 0) return Math.min(last, frame + 1);
    return at >= this.#cache.spec.steps ? Math.max(0, frame - 1) : frame;
  }
}
