/**
 * What the synchronisation head takes: sound in steps of 40 ms, picture in steps of 80 ms, each step with what lies
 * around it. Means over the window are taken off, so that neither level nor place counts, but change alone.
 */
import { LogMelFrontEnd, YAMNET_LOG_MEL } from '../front-ends/log-mel.ts';
import { APPEARANCE_CHANNELS, CELL_CHANNELS, CELL_COUNT } from './cell-motion.ts';

/** Of the picture: the rate at which the towers see motion as well. */
export const VIDEO_RATE_HZ = 12.5;
export const SOUND_RATE_HZ = 16_000;
/** Sound steps in a video step. */
export const PHASES = 2;
export const VIDEO_STEP_SEC = 1 / VIDEO_RATE_HZ;
/** Offsets are told apart in steps of the sound. */
export const SOUND_STEP_SEC = VIDEO_STEP_SEC / PHASES;

/** Log-mel frames a sound step, and of its 64 bands, how many become one. */
export const HOPS = Math.round(SOUND_STEP_SEC / YAMNET_LOG_MEL.hopSec);
const BANDS_JOINED = 2;
export const SOUND_BANDS = YAMNET_LOG_MEL.bands / BANDS_JOINED;

/** Steps around each one, itself included: 240 ms of sound, 400 ms of picture. */
const SOUND_CONTEXT = 6;
export const VIDEO_CONTEXT = 5;
/** Numbers that a sound step, and a cell in a video step, are told by. */
export const SOUND_INPUTS = SOUND_CONTEXT * SOUND_BANDS;
export const CELL_INPUTS = VIDEO_CONTEXT * CELL_CHANNELS;

/** Log-mels deviate by about so much from their mean. */
const SOUND_DEVIATION = 1.7;

/** Log-mel of nothing. */
export const SILENCE = Math.log(YAMNET_LOG_MEL.offset);

/**
 * @param samples mono at 16 kHz
 * @returns `[floor(duration / 40 ms), 32]`
 */
export function soundSteps(samples: Float32Array): Float32Array {
  const frontEnd = new LogMelFrontEnd();
  const steps = Math.floor(samples.length / (frontEnd.hopSamples * HOPS));
  if (steps === 0) return new Float32Array(0);
  return stepsOfLogMel(frontEnd.compute(samples, steps * HOPS).data);
}

/**
 * @param logMel `[frames, 64]` of the YAMNet recipe, not normalised
 * @returns `[floor(frames / 4), 32]`
 */
export function stepsOfLogMel(logMel: Float32Array): Float32Array {
  const { bands } = YAMNET_LOG_MEL;
  const steps = Math.floor(logMel.length / (bands * HOPS));
  const out = new Float32Array(steps * SOUND_BANDS);
  for (let step = 0; step < steps; step++) {
    for (let band = 0; band < SOUND_BANDS; band++) {
      let sum = 0;
      for (let hop = 0; hop < HOPS; hop++) {
        const at = (step * HOPS + hop) * bands + band * BANDS_JOINED;
        for (let i = 0; i < BANDS_JOINED; i++) sum += logMel[at + i] as number;
      }
      out[step * SOUND_BANDS + band] = sum / (HOPS * BANDS_JOINED);
    }
  }
  return out;
}

/** A stretch of sound, and where it lies. */
export interface PlacedSound {
  /** `[soundSteps, 32]` of `soundSteps` */
  sound: Float32Array;
  /** Sound steps from the picture's beginning to the sound's; negative where the sound begins first. */
  soundStart: number;
}

/** The part of a sound between two sound steps of the picture; a view of it. */
export function soundBetween({ sound, soundStart }: PlacedSound, from: number, to: number): PlacedSound {
  const first = Math.max(0, from - soundStart);
  const end = Math.min(sound.length / SOUND_BANDS, to - soundStart);
  return { sound: sound.subarray(first * SOUND_BANDS, end * SOUND_BANDS), soundStart: soundStart + first };
}

/**
 * A window of sound as the head takes it.
 *
 * @param window `[steps, 32]`
 * @param out    receives `[steps, SOUND_INPUTS]`
 */
export function soundInput(window: Float32Array, out: Float32Array, at: number): void {
  const steps = window.length / SOUND_BANDS;
  const centred = new Float32Array(window.length);
  for (let band = 0; band < SOUND_BANDS; band++) {
    let mean = 0;
    for (let i = band; i < window.length; i += SOUND_BANDS) mean += (window[i] as number) / steps;
    for (let i = band; i < window.length; i += SOUND_BANDS)
      centred[i] = ((window[i] as number) - mean) / SOUND_DEVIATION;
  }
  withContext(centred, { steps, rows: 1, width: SOUND_BANDS, context: SOUND_CONTEXT }, out, at);
}

/**
 * A window of the picture as the head takes it.
 *
 * @param window `[steps, 36, 7]` of `cellMotion`
 * @param out    receives `[steps, 36, CELL_INPUTS]`
 */
export function motionInput(window: Float32Array, out: Float32Array, at: number): void {
  const steps = window.length / (CELL_COUNT * CELL_CHANNELS);
  const shape = { steps, rows: CELL_COUNT, width: CELL_CHANNELS, context: VIDEO_CONTEXT };
  withContext(centredMotion(window), shape, out, at);
}

/**
 * A window of the picture without its means. Nothing moves in its first frame: what was before is not known.
 *
 * @param window `[steps, 36, 7]` of `cellMotion`
 * @returns of the same shape
 */
export function centredMotion(window: Float32Array): Float32Array {
  const stepSize = CELL_COUNT * CELL_CHANNELS;
  const steps = window.length / stepSize;
  const centred = window.slice();
  for (let i = 0; i < stepSize; i++) {
    if (i % CELL_CHANNELS >= APPEARANCE_CHANNELS) {
      centred[i] = 0;
      continue;
    }
    let mean = 0;
    for (let j = i; j < window.length; j += stepSize) mean += (window[j] as number) / steps;
    for (let j = i; j < window.length; j += stepSize) centred[j] = (window[j] as number) - mean;
  }
  return centred;
}

/**
 * Beside each step those around it, `context` of them with itself; beyond the ends there is nothing.
 *
 * @param values `[steps, rows, width]`
 * @param out    receives `[steps, rows, context, width]` from `at` on
 */
export function withContext(
  values: Float32Array,
  shape: { steps: number; rows: number; width: number; context: number },
  out: Float32Array,
  at: number,
): void {
  const { steps, rows, width, context } = shape;
  const before = context >> 1;
  out.fill(0, at, at + steps * rows * width * context);
  for (let step = 0; step < steps; step++) {
    for (let j = 0; j < context; j++) {
      const source = step + j - before;
      if (source < 0 || source >= steps) continue;
      for (let row = 0; row < rows; row++) {
        const from = (source * rows + row) * width;
        const to = at + ((step * rows + row) * context + j) * width;
        // Rows are too short for views of them to pay.
        for (let i = 0; i < width; i++) out[to + i] = values[from + i] as number;
      }
    }
  }
}
