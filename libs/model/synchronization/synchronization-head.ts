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
import { arrayOf, MotionStream, Stream } from './stream.ts';

/** Larger offsets are not searched for. */
export const SHIFT_LIMIT_SEC = 2;
const LEAST_OVERLAP_SEC = 1;

export const MOST_SHIFT_STEPS = Math.round(SHIFT_LIMIT_SEC / VIDEO_STEP_SEC);
const LEAST_OVERLAP_STEPS = LEAST_OVERLAP_SEC / VIDEO_STEP_SEC;

/** How the sound of a window lies to its picture. */
export interface SoundPlacement {
  /** Sound steps from the picture's beginning to the sound's; negative where the sound begins first. */
  soundStart?: number;
  /** Largest shift to answer for, in video steps; that which leaves 1 s in one direction unless told. */
  limit?: number;
}

/** Either may begin before the other, and end after it. */
export interface WindowExtent {
  /** Video steps of the picture. */
  steps: number;
  /** Sound steps from the picture's beginning to the sound's; negative where the sound begins first. */
  soundStart: number;
  soundSteps: number;
}

/** What a window is searched for. */
export interface ShiftSearch {
  extent: WindowExtent;
  /** Largest shift, in video steps. */
  limit: number;
}

/**
 * Largest shift that a window of sound and picture from one instant to another is searched for, in video steps: 2 s,
 * and no more than leaves 1 s of overlap.
 *
 * @param steps video steps of the window
 */
export function shiftLimit(steps: number): number {
  return shiftLimitOf({ steps, soundStart: 0, soundSteps: steps * PHASES });
}

/** The same where sound and picture are not from one instant to another: what leaves 1 s in one direction. */
export function shiftLimitOf(extent: WindowExtent): number {
  for (let limit = MOST_SHIFT_STEPS; limit >= 0; limit--) {
    const most = limit * PHASES;
    if (isShared(most, extent) || isShared(-most, extent)) return limit;
  }
  return -1;
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

/** How the names begin of the arrays of a second head, which tells places apart. */
const PLACES_PREFIX = 'places/';

/** The arrays of a head that leaves telling places apart to another one. */
export function withPlaces(arrays: readonly NamedArray[], places: SynchronizationHead): NamedArray[] {
  const renamed = places.arrays.map((array) => ({ ...array, name: PLACES_PREFIX + array.name }));
  return [...arrays.filter(({ name }) => !name.startsWith(PLACES_PREFIX)), ...renamed];
}

export class SynchronizationHead {
  /** As it was made of. */
  readonly arrays: readonly NamedArray[];
  /**
   * Which places move as the sound goes is asked of this one: of the head itself, unless it came with a second one. What
   * finds offsets best need not tell two faces apart best.
   */
  readonly places: SynchronizationHead;
  readonly sound: Stream;
  readonly motion: MotionStream;
  readonly #scale: number;
  readonly #nothing: number;

  /** @throws EarshotError `checkpoint_invalid` naming the array that is missing or has another shape */
  constructor(arrays: readonly NamedArray[]) {
    this.arrays = arrays;
    const named = new Map(arrays.map((array) => [array.name, array]));
    const ofPlaces = arrays.filter(({ name }) => name.startsWith(PLACES_PREFIX));
    const own = ofPlaces.map((array) => ({ ...array, name: array.name.slice(PLACES_PREFIX.length) }));
    this.places = own.length > 0 ? new SynchronizationHead(own) : this;
    this.sound = new Stream(named, 'sound', SOUND_INPUTS);
    this.motion = new MotionStream(arrays);
    if (this.sound.width !== this.motion.width) {
      const message = `The synchronisation head has embeddings of ${this.sound.width} numbers for sound and of ${this.motion.width} for the picture.`;
      throw new EarshotError('checkpoint_invalid', message, { subject: 'motion/3/bias' });
    }
    this.#scale = Math.exp(arrayOf(named, 'scale', [])[0] as number);
    this.#nothing = arrayOf(named, 'nothing', [])[0] as number;
  }

  /**
   * @param sound  `[soundSteps, 32]` of `soundSteps`
   * @param motion `[steps, 36, 7]` of `cellMotion`
   * @param placed from the same instant on unless told. Sound that begins before the picture and ends after it tells
   *   more: shifts then have more in common
   * @throws EarshotError `shape_mismatch` for parts of steps, `too_short` when under 1 s would overlap at every shift
   *   but 0
   */
  evidence(sound: Float32Array, motion: Float32Array, placed: SoundPlacement = {}): ShiftEvidence {
    return shiftsOf(this.placeEvidence(sound, motion, placed));
  }

  /**
   * What speaks for each shift, place by place; arguments as for `evidence`.
   *
   * @throws EarshotError as `evidence`
   */
  placeEvidence(sound: Float32Array, motion: Float32Array, placed: SoundPlacement = {}): PlaceEvidence {
    const search = this.searchOf(sound, motion, placed);
    return this.compare(this.#embedSound(sound, search.extent.soundSteps), this.motion.embed(motion), search);
  }

  /**
   * Which shifts a window is searched for; arguments as for `evidence`.
   *
   * @throws EarshotError as `evidence`
   */
  searchOf(sound: Float32Array, motion: Float32Array, placed: SoundPlacement): ShiftSearch {
    const steps = motion.length / (CELL_COUNT * CELL_CHANNELS);
    const soundSteps = sound.length / SOUND_BANDS;
    if (!Number.isInteger(steps) || !Number.isInteger(soundSteps / PHASES)) {
      const message =
        'Sound and picture of a window need whole steps, two of the sound for each of the picture.';
      throw new EarshotError('shape_mismatch', message);
    }
    const extent = { steps, soundStart: placed.soundStart ?? 0, soundSteps };
    const limit = placed.limit ?? shiftLimitOf(extent);
    if (limit < 1) {
      const leastSec = LEAST_OVERLAP_SEC + 2 * VIDEO_STEP_SEC;
      throw new EarshotError('too_short', `Synchronisation needs sound and picture of ${leastSec} s.`);
    }
    return { extent, limit };
  }

  /**
   * The same from embeddings.
   *
   * @param heard `[soundSteps, width]`
   * @param seen  `[steps, 36, width]`
   */
  compare(heard: Float32Array, seen: Float32Array, { extent, limit }: ShiftSearch): PlaceEvidence {
    const agreement = this.#agreement(heard, seen, extent, limit);
    const nothing = softmax([...agreement.map(logSumExp), this.#nothing]).at(-1) as number;
    return { agreement, nothing };
  }

  /** `[soundSteps, width]`, its mean taken off. */
  #embedSound(sound: Float32Array, soundSteps: number): Float32Array {
    const input = new Float32Array(soundSteps * SOUND_INPUTS);
    soundInput(sound, input, 0);
    // Phases are rows, so that a step's neighbours are a video step away; their mean is one.
    return this.sound.embed(input, soundSteps / PHASES, PHASES, 1);
  }

  /** How well each cell agrees with the sound, for each shift; not at all where too little is shared. */
  #agreement(heard: Float32Array, seen: Float32Array, extent: WindowExtent, limit: number): Float64Array[] {
    const { width } = this.sound;
    const most = limit * PHASES;
    return Array.from({ length: 2 * most + 1 }, (_, i) => {
      const shift = i - most;
      const perCell = new Float64Array(CELL_COUNT);
      if (!isShared(shift, extent)) return perCell.fill(-Infinity);
      const [first, end] = overlapOf(shift, extent);
      for (let step = first; step < end; step++) {
        const from = (step * PHASES - shift - extent.soundStart) * width;
        // Four cells at once, whose sums stay in registers.
        for (let cell = 0; cell < CELL_COUNT; cell += 4) {
          const at = (step * CELL_COUNT + cell) * width;
          let a = 0;
          let b = 0;
          let c = 0;
          let d = 0;
          for (let i = 0; i < width; i++) {
            const value = heard[from + i] as number;
            a += value * (seen[at + i] as number);
            b += value * (seen[at + width + i] as number);
            c += value * (seen[at + 2 * width + i] as number);
            d += value * (seen[at + 3 * width + i] as number);
          }
          perCell[cell] = (perCell[cell] as number) + a;
          perCell[cell + 1] = (perCell[cell + 1] as number) + b;
          perCell[cell + 2] = (perCell[cell + 2] as number) + c;
          perCell[cell + 3] = (perCell[cell + 3] as number) + d;
        }
      }
      // By the root of what is shared: what agrees by chance then deviates equally at every shift.
      const gain = this.#scale / Math.sqrt(end - first);
      return perCell.map((sum) => sum * gain);
    });
  }
}

/** Video steps from which on, and before which, sound step `2 t - shift - soundStart` meets video step `t`. */
function overlapOf(shift: number, { steps, soundStart, soundSteps }: WindowExtent): [number, number] {
  const first = Math.ceil((shift + soundStart) / PHASES);
  const end = Math.ceil((shift + soundStart + soundSteps) / PHASES);
  return [Math.max(0, first), Math.min(steps, end)];
}

/** How many video steps have sound at a shift. */
export function sharedSteps(shift: number, extent: WindowExtent): number {
  const [first, end] = overlapOf(shift, extent);
  return Math.max(0, end - first);
}

/** Whether a shift leaves 1 s in common. */
export function isShared(shift: number, extent: WindowExtent): boolean {
  return sharedSteps(shift, extent) >= LEAST_OVERLAP_STEPS;
}

/** Of all places together. */
export function shiftsOf({ agreement, nothing }: PlaceEvidence): ShiftEvidence {
  return { shifts: softmax(agreement.map(logSumExp)), nothing };
}

export function logSumExp(values: Float64Array): number {
  const highest = values.reduce((max, value) => Math.max(max, value), -Infinity);
  if (highest === -Infinity) return highest;
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
