/**
 * Clips in memory as a training source. A step sees one segment of each clip, from a place drawn by lot, sometimes
 * mirrored, at another gain; what is shorter than a segment goes on in silence with its last frame.
 */
import { SeededRandom } from '#core/random';
import type { ModelManifest } from '../checkpoint/manifest.ts';
import { LogMelFrontEnd } from '../front-ends/log-mel.ts';
import { logMelBatch } from '../front-ends/log-mel-batch.ts';
import { motionFrames } from '../front-ends/motion.ts';
import { videoBatch } from '../front-ends/video-batch.ts';
import { AUDIO_TIME_STRIDE } from '../towers/audio-tower.ts';
import type { BatchRequest, TrainingBatch, TrainingSource } from '../training/training-source.ts';
import type { CheckedClip } from './inputs.ts';

/** Colour frames that a step sees of each clip, one from each equal part; they cost the most. */
const COLOUR_FRAMES = 4;
const GAIN_DB = 6;

/** Part of a manifest that says how clips become inputs. */
export type SourceSpec = Pick<ModelManifest, 'frontEnds' | 'segments' | 'towers'>;

interface Row {
  samples: Float32Array;
  frames: (Uint8Array | Float32Array)[];
}

export class ArrayClipSource implements TrainingSource {
  readonly size: number;
  readonly bands: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  readonly motionSize: number;
  readonly labels: readonly string[] | undefined;
  readonly #clips: readonly CheckedClip[];
  readonly #spec: SourceSpec;
  readonly #logMel: LogMelFrontEnd;
  readonly #melFrames: number;
  readonly #frameCount: number;

  /** @param clips at least one */
  constructor(clips: readonly CheckedClip[], spec: SourceSpec) {
    const { audio, video } = spec.frontEnds;
    this.#clips = clips;
    this.#spec = spec;
    this.#logMel = new LogMelFrontEnd(audio);
    this.size = clips.length;
    this.bands = audio.bands;
    this.frameWidth = video.width;
    this.frameHeight = video.height;
    this.motionSize = spec.towers.video.motion?.size ?? 0;
    this.labels = clips.every((clip) => clip.label !== undefined)
      ? clips.map((clip) => clip.label as string)
      : undefined;
    // No more than a segment, and no more than the longest clip can fill.
    const longestSec = Math.max(
      ...clips.map(({ samples, frames }) =>
        Math.max(samples.length / audio.sampleRateHz, frames.count / video.rateHz),
      ),
    );
    const lengthSec = Math.min(spec.segments.lengthSec, longestSec);
    const steps = Math.max(1, Math.round(lengthSec / (audio.hopSec * AUDIO_TIME_STRIDE)));
    this.#melFrames = Math.min(audio.frames, steps * AUDIO_TIME_STRIDE);
    // Where the towers align their steps, there is one frame a step; else as many as the time holds.
    this.#frameCount = stepsAlign(spec)
      ? this.#melFrames / AUDIO_TIME_STRIDE
      : Math.max(1, Math.round(lengthSec * video.rateHz));
  }

  async batch(request: BatchRequest): Promise<TrainingBatch> {
    return this.collect(request);
  }

  /** @throws RangeError for an index beyond the clips */
  collect({ sounds, pictures, seed }: BatchRequest): TrainingBatch {
    const random = seed === null ? null : new SeededRandom(seed);
    // A sound and its picture are taken from the same place, so that what is simultaneous stays so.
    const rows = sounds.map((sound, row) => this.#row(sound, pictures[row] as number, random));
    const spec = this.#spec.frontEnds;
    const chosen = this.#colourFrames(random);
    const size = this.frameWidth * this.frameHeight * 3;
    const blocks = rows.map(({ frames }) => ({
      count: chosen.length,
      data: joined(
        chosen.map((i) => frames[i] as Row['frames'][number]),
        size,
      ),
    }));
    const colour = videoBatch(blocks, { ...spec.video, colourEveryFrames: 1 }, null);
    const motion = this.#spec.towers.video.motion;
    const steps = motion ? this.#frameCount : 0;
    const timeOf = (frame: number) => frame / spec.video.rateHz;
    return {
      logMel: this.#logMels(rows),
      melFrames: this.#melFrames,
      frames: colour.frames,
      frameTimesSec: Float32Array.from(rows.flatMap(() => chosen.map(timeOf))),
      framesPerClip: chosen.length,
      motion: motion ? this.#motion(rows, motion) : null,
      motionSteps: steps,
      motionTimesSec: Float32Array.from({ length: rows.length * steps }, (_, i) => timeOf(i % steps)),
      lagSteps: new Int8Array(rows.length),
    };
  }

  #row(sound: number, picture: number, random: SeededRandom | null): Row {
    const { audio, video } = this.#spec.frontEnds;
    const { samples } = this.#clip(sound);
    const { frames } = this.#clip(picture);
    const part = random ? random.next() : 0.5;
    const gain = random ? 10 ** (random.uniform(-GAIN_DB, GAIN_DB) / 20) : 1;
    const mirrored = random ? random.next() < 0.5 : false;
    const firstFrame = Math.round(part * Math.max(0, frames.count - this.#frameCount));
    const perFrame = audio.sampleRateHz / video.rateHz;
    const span = (this.#melFrames - 1) * this.#logMel.hopSamples + this.#logMel.windowSamples;
    // Of a shuffled pair, the sound has its own length: the same part of it is taken.
    const firstSample = sound === picture ? firstFrame * perFrame : part * Math.max(0, samples.length - span);
    const from = Math.min(Math.round(firstSample), Math.max(0, samples.length - 1));
    return {
      samples: samples.subarray(from, from + span).map((sample) => sample * gain),
      frames: Array.from({ length: this.#frameCount }, (_, i) =>
        this.#frame(picture, Math.min(frames.count - 1, firstFrame + i), mirrored),
      ),
    };
  }

  #clip(index: number): CheckedClip {
    const clip = this.#clips[index];
    if (!clip) throw new RangeError(`clip ${index} of ${this.size}`);
    return clip;
  }

  #frame(clip: number, index: number, mirrored: boolean): Uint8Array | Float32Array {
    const size = this.frameWidth * this.frameHeight * 3;
    const { data } = this.#clip(clip).frames;
    const frame = data.subarray(index * size, (index + 1) * size);
    return mirrored ? mirror(frame, this.frameWidth) : frame;
  }

  /** Which frames go through the colour trunk: one drawn from each equal part, or all that serving would take. */
  #colourFrames(random: SeededRandom | null): number[] {
    const every = this.#spec.frontEnds.video.colourEveryFrames;
    const all = Array.from({ length: Math.ceil(this.#frameCount / every) }, (_, i) => i * every);
    if (!random || all.length <= COLOUR_FRAMES) return all;
    return Array.from({ length: COLOUR_FRAMES }, (_, part) =>
      random.integer(
        Math.floor((part * this.#frameCount) / COLOUR_FRAMES),
        Math.floor(((part + 1) * this.#frameCount) / COLOUR_FRAMES),
      ),
    );
  }

  #logMels(rows: readonly Row[]): Float32Array {
    const spec = { ...this.#spec.frontEnds.audio, frames: this.#melFrames };
    return logMelBatch(
      this.#logMel,
      rows.map(({ samples }) => samples),
      spec,
    );
  }

  #motion(rows: readonly Row[], motion: { size: number }): Float32Array {
    const size = this.frameWidth * this.frameHeight * 3;
    const perRow = this.#frameCount * motion.size * motion.size * 2;
    const out = new Float32Array(rows.length * perRow);
    rows.forEach(({ frames }, row) => {
      const pixels = joined(frames, size);
      motionFrames(pixels, frames.length, this.frameWidth, this.frameHeight, motion, out, row * perRow);
    });
    return out;
  }
}

/** Whether both towers have per-step embeddings of the same instants, as the alignment loss needs them. */
export function stepsAlign({ frontEnds, towers }: SourceSpec): boolean {
  const { audio, video } = towers;
  const stepSec = frontEnds.audio.hopSec * AUDIO_TIME_STRIDE;
  const together = Math.abs(stepSec * frontEnds.video.rateHz - 1) < 1e-6;
  return together && audio.alignmentDimension > 0 && video.alignmentDimension > 0 && video.motion !== null;
}

/** Frames of one kind in a row. */
function joined(frames: readonly (Uint8Array | Float32Array)[], size: number): Uint8Array | Float32Array {
  const out =
    frames[0] instanceof Float32Array
      ? new Float32Array(frames.length * size)
      : new Uint8Array(frames.length * size);
  frames.forEach((frame, i) => {
    out.set(frame, i * size);
  });
  return out;
}

/** One frame, left and right exchanged. */
function mirror<T extends Uint8Array | Float32Array>(frame: T, width: number): T {
  const out = frame.slice() as T;
  for (let i = 0; i < frame.length; i++) {
    const pixel = Math.floor(i / 3);
    const x = pixel % width;
    out[(pixel - x + width - 1 - x) * 3 + (i % 3)] = frame[i] as number;
  }
  return out;
}
