/**
 * The synchronisation head: an embedding for each step of the sound and one for each cell of the picture in each step;
 * the shift at which some cell's embeddings agree best with the sound's is the offset. That a cell agrees is enough:
 * what sounds is somewhere in the picture, and the rest of it may do what it likes. Plain arithmetic: a clip takes
 * less than loading an engine would.
 *
 * @see Chung & Zisserman 2016, "Out of time: automated lip sync in the wild"; Afouras et al. 2020, "Self-supervised
 *   learning of audio-visual objects from video", for the agreement by place
 */
import { EarshotError } from '#core/errors';
import type { NamedArray } from '../layers/parameters.ts';
import { CELL_CHANNELS, CELL_COUNT } from './cell-motion.ts';
import {
  PHASES,
  SOUND_BANDS,
  SOUND_INPUTS,
  SOUND_STEP_SEC,
  soundInput,
  VIDEO_STEP_SEC,
} from './head-input.ts';
import { arrayOf, centre, forward, type Layer, layersOf, MotionStream, SOUND_WIDTHS } from './stream.ts';

/** Larger offsets are not searched for. */
export const SHIFT_LIMIT_SEC = 2;
const LEAST_OVERLAP_SEC = 1;

/**
 * Largest shift that a window is searched for, in video steps: 2 s, and no more than leaves 1 s of overlap.
 *
 * @param steps video steps of the window
 */
export function shiftLimit(steps: number): number {
  const spare = Math.floor(steps - LEAST_OVERLAP_SEC / VIDEO_STEP_SEC + 1e-9);
  return Math.min(Math.round(SHIFT_LIMIT_SEC / VIDEO_STEP_SEC), spare);
}

/** What one window says about the offset. */
export interface ShiftEvidence {
  /** Probability of each shift if the window can be synchronised at all; ascending, in steps of 40 ms around 0. */
  shifts: Float64Array;
  /** Probability that it cannot be. */
  nothing: number;
}

/** The same, place by place. */
export interface PlaceEvidence {
  /**
   * By shift, ascending in steps of 40 ms around 0: `[36]`, how well each cell agrees with the sound. The exponents
   * are in proportion to the probabilities that this cell sounds at this shift.
   */
  agreement: Float64Array[];
  /** Probability that the window cannot be synchronised. */
  nothing: number;
}

export class SynchronizationHead {
  /** As it was made of. */
  readonly arrays: readonly NamedArray[];
  readonly #sound: Layer[];
  readonly #motion: MotionStream;
  readonly #scale: number;
  readonly #nothing: number;

  /** @throws EarshotError `checkpoint_invalid` naming the array that is missing or has another shape */
  constructor(arrays: readonly NamedArray[]) {
    this.arrays = arrays;
    const named = new Map(arrays.map((array) => [array.name, array]));
    this.#sound = layersOf(named, 'sound', SOUND_INPUTS, SOUND_WIDTHS);
    this.#motion = new MotionStream(arrays);
    this.#scale = Math.exp(arrayOf(named, 'scale', [])[0] as number);
    this.#nothing = arrayOf(named, 'nothing', [])[0] as number;
  }

  /**
   * @param sound  `[2 * steps, 32]` of `soundSteps`
   * @param motion `[steps, 36, 7]` of `cellMotion`, from the same instant on
   * @throws EarshotError `shape_mismatch` when they are not of one length, `too_short` when under 1 s would overlap at
   *   every shift but 0
   */
  evidence(sound: Float32Array, motion: Float32Array): ShiftEvidence {
    const { agreement, nothing } = this.placeEvidence(sound, motion);
    return { shifts: softmax(agreement.map(logSumExp)), nothing };
  }

  /**
   * What speaks for each shift, place by place; arguments as for `evidence`.
   *
   * @throws EarshotError as `evidence`
   */
  placeEvidence(sound: Float32Array, motion: Float32Array): PlaceEvidence {
    const steps = motion.length / (CELL_COUNT * CELL_CHANNELS);
    if (sound.length !== steps * PHASES * SOUND_BANDS) {
      throw new EarshotError('shape_mismatch', 'Sound and picture of a window must be equally long.');
    }
    const limit = shiftLimit(steps);
    if (limit < 1) {
      const leastSec = LEAST_OVERLAP_SEC + 2 * VIDEO_STEP_SEC;
      throw new EarshotError('too_short', `Synchronisation needs sound and picture of ${leastSec} s.`);
    }
    const heard = this.#embedSound(sound, steps);
    const seen = this.#motion.embed(motion);
    const agreement = this.#agreement(heard, seen, steps, limit);
    const nothing = softmax([...agreement.map(logSumExp), this.#nothing]).at(-1) as number;
    return { agreement, nothing };
  }

  /** `[2 * steps, width]`, its mean taken off. */
  #embedSound(sound: Float32Array, steps: number): Float32Array {
    const input = new Float32Array(steps * PHASES * SOUND_INPUTS);
    soundInput(sound, input, 0);
    const embedded = forward(this.#sound, input, steps, PHASES);
    centre(embedded, 1);
    return embedded;
  }

  /** How well each cell agrees with the sound, for each shift. */
  #agreement(heard: Float32Array, seen: Float32Array, steps: number, limit: number): Float64Array[] {
    const width = SOUND_WIDTHS[2];
    const most = limit * PHASES;
    return Array.from({ length: 2 * most + 1 }, (_, i) => {
      const shift = i - most;
      const perCell = new Float64Array(CELL_COUNT);
      const [first, end] = overlapOf(shift, steps);
      for (let step = first; step < end; step++) {
        const from = (step * PHASES - shift) * width;
        for (let cell = 0; cell < CELL_COUNT; cell++) {
          const at = (step * CELL_COUNT + cell) * width;
          let sum = 0;
          for (let i = 0; i < width; i++) sum += (heard[from + i] as number) * (seen[at + i] as number);
          perCell[cell] = (perCell[cell] as number) + sum;
        }
      }
      const gain = this.#scale * overlapGain(shift, steps);
      return perCell.map((sum) => sum * gain);
    });
  }
}

/** Video steps from which on, and before which, sound step `2 t - shift` meets video step `t`. */
function overlapOf(shift: number, steps: number): [number, number] {
  return [Math.max(0, Math.ceil(shift / PHASES)), Math.min(steps, steps + Math.ceil(shift / PHASES))];
}

/** By the root of the overlap: what agrees by chance then deviates equally at every shift. */
export function overlapGain(shift: number, steps: number): number {
  const [first, end] = overlapOf(shift, steps);
  return 1 / Math.sqrt(end - first);
}

export function logSumExp(values: Float64Array): number {
  const highest = values.reduce((max, value) => Math.max(max, value), -Infinity);
  return highest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - highest), 0));
}

export function softmax(logits: readonly number[]): Float64Array {
  const highest = logits.reduce((max, value) => Math.max(max, value), -Infinity);
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - highest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** The offset that a place among a window's shifts stands for; positive: audio ahead. */
export function offsetOfShift(index: number, count: number): number {
  return (index - (count - 1) / 2) * SOUND_STEP_SEC;
}
