/** What the network takes, and the refusal of what it cannot take: every error names the argument at fault. */
import { EarshotError, type ErrorCode } from '#core/errors';
import type { FrontEnds } from '../checkpoint/manifest.ts';

/** Mono `[samples]` in -1..1 at the model's rate; with its rate told, another rate is caught. */
export type Waveform = Float32Array | { samples: Float32Array; sampleRateHz: number };

export interface VideoFrames {
  /** `[count, height, width, 3]` RGB of the model's size: bytes, or floats in 0..1. */
  data: Uint8Array | Float32Array;
  count: number;
  /** Where told, frames at another rate than the model's are caught. */
  rateHz?: number;
}

/** A sound and the picture that goes with it. */
export interface Clip {
  waveform: Waveform;
  frames: VideoFrames;
  /** Class name, for the class-level score of validation clips. */
  label?: string;
}

/** A clip whose every number has been looked at. */
export interface CheckedClip {
  samples: Float32Array;
  frames: VideoFrames;
  label: string | undefined;
}

/** Floats that were scaled from bytes may miss 0..1 by rounding. */
const PIXEL_SLACK = 1e-3;

export function refuse(code: ErrorCode, subject: string, message: string): EarshotError {
  return new EarshotError(code, message, { subject });
}

/**
 * @param name the argument's name, for the error
 * @throws EarshotError `invalid_argument` for another type or rate, no samples, or a sample that is not finite;
 *   `too_short` for less than one analysis window
 */
export function checkWaveform(waveform: Waveform, spec: FrontEnds['audio'], name = 'waveform'): Float32Array {
  const bare = waveform instanceof Float32Array;
  const samples = bare ? waveform : waveform?.samples;
  if (!(samples instanceof Float32Array))
    throw refuse('invalid_argument', name, `${name} must be a Float32Array of mono samples.`);
  if (!bare) checkRate(waveform.sampleRateHz, spec.sampleRateHz, `${name}.sampleRateHz`);
  if (samples.length === 0) throw refuse('invalid_argument', name, `${name} is empty.`);
  const window = Math.round(spec.windowSec * spec.sampleRateHz);
  if (samples.length < window) {
    const message = `${name} has ${samples.length} samples, but at least ${window} are needed.`;
    throw refuse('too_short', name, message);
  }
  checkFinite(samples, name);
  return samples;
}

/**
 * @throws EarshotError `invalid_argument` for another type or rate, no frames, or pixels that are not finite or not
 *   in 0..1; `shape_mismatch` when the data is not `count` frames of the model's size
 */
export function checkFrames(frames: VideoFrames, spec: FrontEnds['video'], name = 'frames'): VideoFrames {
  const { data, count, rateHz } = frames ?? {};
  if (!(data instanceof Uint8Array || data instanceof Float32Array))
    throw refuse('invalid_argument', `${name}.data`, `${name}.data must be a Uint8Array or a Float32Array.`);
  if (!Number.isInteger(count) || count < 1)
    throw refuse('invalid_argument', `${name}.count`, `${name}.count is ${count}: at least 1 is needed.`);
  if (rateHz !== undefined) checkRate(rateHz, spec.rateHz, `${name}.rateHz`);
  const expected = count * spec.height * spec.width * 3;
  if (data.length !== expected) {
    const shape = `${count} frames of ${spec.width}x${spec.height} RGB`;
    const message = `${name}.data has ${data.length} values, but ${shape} are ${expected}.`;
    throw refuse('shape_mismatch', `${name}.data`, message);
  }
  if (data instanceof Float32Array) {
    checkFinite(data, `${name}.data`);
    const outside = data.findIndex((value) => value < -PIXEL_SLACK || value > 1 + PIXEL_SLACK);
    if (outside >= 0) {
      const where = `${name}.data[${outside}]`;
      throw refuse('invalid_argument', where, `${where} is ${data[outside]}, but float pixels lie in 0..1.`);
    }
  }
  return frames;
}

/** @throws EarshotError as `checkWaveform` and `checkFrames`, naming the clip's index as well */
export function checkClips(clips: readonly Clip[], frontEnds: FrontEnds, name = 'clips'): CheckedClip[] {
  if (!Array.isArray(clips)) throw refuse('invalid_argument', name, `${name} must be an array of clips.`);
  return clips.map((clip, i) => {
    if (clip === null || typeof clip !== 'object')
      throw refuse('invalid_argument', `${name}[${i}]`, `${name}[${i}] is no clip.`);
    return {
      samples: checkWaveform(clip.waveform, frontEnds.audio, `${name}[${i}].waveform`),
      frames: checkFrames(clip.frames, frontEnds.video, `${name}[${i}].frames`),
      label: clip.label,
    };
  });
}

/** @throws EarshotError `shape_mismatch` for another length, `invalid_argument` for values that are not finite or all zero */
export function checkVector(vector: Float32Array, dimension: number, name: string): Float32Array {
  if (!(vector instanceof Float32Array))
    throw refuse('invalid_argument', name, `${name} must be a Float32Array.`);
  if (vector.length !== dimension) {
    const message = `${name} has ${vector.length} values, but the model's embeddings have ${dimension}.`;
    throw refuse('shape_mismatch', name, message);
  }
  checkFinite(vector, name);
  if (vector.every((value) => value === 0))
    throw refuse('invalid_argument', name, `${name} is all zeros, which points nowhere.`);
  return vector;
}

/** @throws EarshotError `invalid_argument` naming the first value that is not finite */
export function checkFinite(values: Float32Array, name: string): void {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  const where = `${name}[${bad}]`;
  throw refuse('invalid_argument', where, `${where} is ${values[bad]}, not a finite number.`);
}

/** @throws EarshotError `invalid_argument` for anything but a whole number of at least `least` */
export function checkCount(value: number, name: string, least = 1): number {
  if (!Number.isInteger(value) || value < least) {
    const message = `${name} is ${value}: a whole number of at least ${least} is needed.`;
    throw refuse('invalid_argument', name, message);
  }
  return value;
}

/** @throws EarshotError `invalid_argument` for anything but a finite number above zero */
export function checkPositive(value: number, name: string): number {
  if (!Number.isFinite(value) || value <= 0)
    throw refuse('invalid_argument', name, `${name} is ${value}: a number above 0 is needed.`);
  return value;
}

export function checkRate(rateHz: number, expectedHz: number, name: string): void {
  if (rateHz === expectedHz) return;
  const message = `${name} is ${rateHz}, but the model works at ${expectedHz} Hz: resample first.`;
  throw refuse('invalid_argument', name, message);
}
