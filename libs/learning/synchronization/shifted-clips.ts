/** Clips whose sound can be taken from another instant than their picture: pairs of a known offset to learn from. */
import type { SeededRandom } from '#core/random';
import { CELL_CHANNELS, CELL_COUNT, cellMotion, LUMA_SIZE } from '#model/synchronization/cell-motion';
import {
  HOPS,
  PHASES,
  SILENCE,
  SOUND_BANDS,
  SOUND_STEP_SEC,
  stepsOfLogMel,
  VIDEO_STEP_SEC,
} from '#model/synchronization/head-input';
import { MOST_SHIFT_STEPS, shiftLimit } from '#model/synchronization/synchronization-head';
import type { ClipCache } from '../training/clip-cache.ts';

const STEP_SIZE = CELL_COUNT * CELL_CHANNELS;
/** Offsets are planted in hops of the log-mel, parts of a sound step. */
const HOP_SEC = SOUND_STEP_SEC / HOPS;
const HOPS_PER_STEP = PHASES * HOPS;
/** Of what belongs together, so much is in a pair to learn from. */
const LEAST_SHARED_SEC = 1.5;
/** And of a window that is shorter, such a part. */
const LEAST_SHARED_PART = 0.75;
/** Of a file's sound, what may be missing at either end. */
const MOST_CUT = 1 / 8;

interface ShiftedClip {
  id: string;
  label: string;
  /** Video steps that were recorded. */
  steps: number;
  /** `[steps, 36, 7]` */
  motion: Float32Array;
  /** `[soundSteps, 32]`, as often as a step has hops: from the beginning, from a hop later, and so on. */
  sound: Float32Array[];
}

/**
 * Sound steps that a clip of so many video steps has, counted from one of its instants.
 *
 * @param instant in hops
 */
function soundStepsWithin(steps: number, instant: number): { first: number; end: number } {
  return { first: Math.ceil(-instant / HOPS), end: Math.floor((steps * HOPS_PER_STEP - instant) / HOPS) };
}

/** Sound steps that are left out at an end: a few, or many now and then. */
function cutOff(random: SeededRandom): number {
  return random.integer(0, 16) + (random.next() < 0.25 ? random.integer(0, 40) : 0);
}

/** Where the windows of a pair begin. */
export interface Placement {
  /** Of the picture, in video steps. */
  start: number;
  /** Of the sound, in hops of 10 ms; what it lacks at either end is silence. */
  soundStart: number;
  /** Positive: audio ahead. */
  offsetSec: number;
}

/** The same where sound and picture need not go from one instant to another. */
export interface FilePlacement extends Placement {
  /** Video steps. */
  steps: number;
  /** Sound steps from the picture's beginning to the sound's. */
  soundLead: number;
  soundSteps: number;
}

export class ShiftedClips {
  readonly clips: ShiftedClip[];

  private constructor(clips: ShiftedClip[]) {
    this.clips = clips;
  }

  /**
   * @param chosen   which of the cache's clips
   * @param lengthSec how much of each was recorded; what the cache holds beyond is padding
   */
  static of(
    cache: ClipCache,
    chosen: readonly number[],
    lengthSec: (clip: number) => number = () => Number.POSITIVE_INFINITY,
  ): ShiftedClips {
    return new ShiftedClips(chosen.map((clip) => shiftedClip(cache, clip, lengthSec(clip))));
  }

  /** These clips and others. */
  joined(others: ShiftedClips): ShiftedClips {
    return new ShiftedClips([...this.clips, ...others.clips]);
  }

  /** Video steps of the shortest clip. */
  get shortest(): number {
    return this.clips.reduce((least, { steps }) => Math.min(least, steps), Number.POSITIVE_INFINITY);
  }

  get count(): number {
    return this.clips.length;
  }

  /**
   * An offset that the windows' length and the clip's leave room for, drawn evenly. Both windows lie inside the clip: a
   * silence at the end of one of them would give the offset away.
   *
   * @param limitSec draws no larger ones
   */
  place(clip: number, steps: number, random: SeededRandom, limitSec = Number.POSITIVE_INFINITY): Placement {
    const room = Math.max(0, this.#clip(clip).steps - steps);
    const limit = Math.min(shiftLimit(steps), room) * HOPS_PER_STEP;
    const most = Math.min(limit, Math.floor(limitSec / HOP_SEC + 1e-9));
    const hops = Math.round(random.uniform(-most, most));
    const apart = hops / HOPS_PER_STEP;
    const first = Math.ceil(Math.max(0, -apart));
    const last = Math.floor(Math.min(room, room - apart));
    const start = random.integer(first, Math.max(first, last) + 1);
    return { start, soundStart: start * HOPS_PER_STEP + hops, offsetSec: hops * HOP_SEC };
  }

  /**
   * What a file shows of this clip whose sound was shifted by a drawn offset, and that begins and ends with its picture:
   * sound that is late begins after it and is cut off at its end; of sound that is ahead, the beginning is lost, and it
   * ends first. A drawn part more is cut off at either end: else where the sound begins or ends would lie at the same
   * instant of the clip as where the picture does, and tell the offset by itself.
   */
  placeFile(clip: number, random: SeededRandom, limitSec: number): FilePlacement {
    const { steps } = this.#clip(clip);
    const most = Math.floor(limitSec / HOP_SEC + 1e-9);
    const hops = Math.round(random.uniform(-most, most));
    // In sound steps, of which a file has whole ones only.
    const cut = () => random.integer(1, Math.floor(steps * PHASES * MOST_CUT) + 1);
    const there = soundStepsWithin(steps, hops);
    const soundLead = Math.max(0, there.first) + cut();
    const end = Math.min(steps * PHASES, there.end) - cut();
    const soundStart = hops + soundLead * HOPS;
    return { start: 0, steps, soundLead, soundStart, soundSteps: end - soundLead, offsetSec: hops * HOP_SEC };
  }

  /**
   * As `place`, with the sound around the picture's window: 2 s before and after it, as far as the clip has it, less a
   * drawn part at either end, so that where the sound ends says nothing of the offset. 1.5 s of what belongs together
   * remains.
   */
  placeAround(clip: number, steps: number, random: SeededRandom): FilePlacement {
    const recorded = this.#clip(clip).steps;
    const leastSec = Math.min(
      LEAST_SHARED_SEC,
      LEAST_SHARED_PART * Math.min(recorded, steps) * VIDEO_STEP_SEC,
    );
    for (;;) {
      const most = MOST_SHIFT_STEPS * HOPS_PER_STEP;
      const hops = Math.round(random.uniform(-most, most));
      const start = random.integer(0, Math.max(0, recorded - steps) + 1);
      const instant = start * HOPS_PER_STEP + hops;
      const reach = MOST_SHIFT_STEPS * PHASES;
      const there = soundStepsWithin(recorded, instant);
      const first = Math.max(-reach, there.first) + cutOff(random);
      const end = Math.min(steps * PHASES + reach, there.end) - cutOff(random);
      const soundSteps = (end - first) & ~1;
      const soundStart = instant + first * HOPS;
      const placement = { start, steps, soundLead: first, soundStart, soundSteps, offsetSec: hops * HOP_SEC };
      if (soundSteps <= 0) continue;
      const { startSec, endSec } = sharedPart(placement);
      if (endSec - startSec >= leastSec) return placement;
    }
  }

  /** From a drawn instant on, as much of the sound as the clip has, and no more than is asked for. */
  soundFrom(clip: number, mostSteps: number, random: SeededRandom): Float32Array {
    const { steps } = this.#clip(clip);
    const soundStart = random.integer(0, Math.floor((steps * HOPS_PER_STEP) / 3));
    const there = Math.floor((steps * HOPS_PER_STEP - soundStart) / HOPS);
    return this.soundWindow(clip, soundStart, Math.min(mostSteps, there));
  }

  /** `[soundSteps, 32]`; silence where the clip has none. */
  soundWindow(clip: number, soundStart: number, soundSteps: number): Float32Array {
    const beyond = ((soundStart % HOPS) + HOPS) % HOPS;
    const source = this.#clip(clip).sound[beyond] as Float32Array;
    const out = new Float32Array(soundSteps * SOUND_BANDS).fill(SILENCE);
    return copyWithin(source, ((soundStart - beyond) / HOPS) * SOUND_BANDS, out);
  }

  /** `[steps, 36, 7]`; a still picture where the clip has none. */
  motionWindow(clip: number, start: number, steps: number): Float32Array {
    const { motion, steps: recorded } = this.#clip(clip);
    const out = new Float32Array(steps * STEP_SIZE);
    for (let step = 0; step < steps; step++) {
      const source = Math.min(recorded - 1, Math.max(0, start + step));
      out.set(motion.subarray(source * STEP_SIZE, (source + 1) * STEP_SIZE), step * STEP_SIZE);
      if (source !== start + step) hold(out, step);
    }
    return out;
  }

  #clip(index: number): ShiftedClip {
    return this.clips[index] as ShiftedClip;
  }
}

/** Instants of the clip that are both heard and seen. */
export function sharedPart({
  start,
  steps,
  soundStart,
  soundSteps,
}: Pick<FilePlacement, 'start' | 'steps' | 'soundStart' | 'soundSteps'>): {
  startSec: number;
  endSec: number;
} {
  const heardFrom = soundStart / HOPS_PER_STEP;
  const first = Math.max(start, heardFrom);
  const end = Math.min(start + steps, heardFrom + soundSteps / PHASES);
  return { startSec: first * VIDEO_STEP_SEC, endSec: end * VIDEO_STEP_SEC };
}

/** Windows of silence and of a picture in which nothing moves. */
export function silentSound(soundSteps: number): Float32Array {
  return new Float32Array(soundSteps * SOUND_BANDS).fill(SILENCE);
}

export function stillMotion(window: Float32Array): Float32Array {
  const out = new Float32Array(window.length);
  for (let step = 0; step < window.length / STEP_SIZE; step++) {
    out.set(window.subarray(0, STEP_SIZE), step * STEP_SIZE);
    hold(out, step);
  }
  return out;
}

/** The picture stays as it is in this step: its appearance remains, its motion ends. */
function hold(motion: Float32Array, step: number): void {
  for (let i = 0; i < STEP_SIZE; i++) if (i % CELL_CHANNELS >= 2) motion[step * STEP_SIZE + i] = 0;
}

/** Fills `out` from `from` on, as far as the source reaches; the rest of it stays. */
function copyWithin(source: Float32Array, from: number, out: Float32Array): Float32Array {
  const first = Math.max(0, from);
  const end = Math.min(source.length, from + out.length);
  if (end > first) out.set(source.subarray(first, end), first - from);
  return out;
}

function shiftedClip(cache: ClipCache, clip: number, lengthSec: number): ShiftedClip {
  const { steps: cached, audio } = cache.spec;
  const steps = Math.min(cached, Math.floor(lengthSec / VIDEO_STEP_SEC + 1e-6));
  const frames = Math.min(audio.frames, Math.floor(lengthSec / audio.hopSec + 1e-6));
  const at = clip * audio.frames * audio.bands;
  const logMel = cache.logMel.subarray(at, at + frames * audio.bands);
  const { id, label } = cache.clips[clip] as ClipCache['clips'][number];
  return {
    id,
    label,
    steps,
    motion: cellMotion(lumaOf(cache, clip, steps), steps),
    sound: Array.from({ length: HOPS }, (_, hop) => stepsOfLogMel(logMel.subarray(hop * audio.bands))),
  };
}

/** `[steps, 48, 48]` in 0..1 from the cache's bytes, which leave room for crops. */
function lumaOf(cache: ClipCache, clip: number, steps: number): Float32Array {
  const { lumaSize, steps: cached } = cache.spec;
  const frame = lumaSize * lumaSize;
  const out = new Float32Array(steps * LUMA_SIZE * LUMA_SIZE);
  const rows = new Float32Array(lumaSize * LUMA_SIZE);
  for (let step = 0; step < steps; step++) {
    const from = (clip * cached + step) * frame;
    shrinkRows(cache.luma.subarray(from, from + frame), lumaSize, rows);
    const to = step * LUMA_SIZE * LUMA_SIZE;
    // Laid down and shrunk again: what were columns are rows then.
    shrinkRows(rows, lumaSize, out.subarray(to, to + LUMA_SIZE * LUMA_SIZE));
  }
  return out.map((value) => value / 255);
}

/**
 * Every row to 48 values, each the mean of what it covers.
 *
 * @param image `[height, size]`
 * @param out   receives the transpose, `[48, height]`
 */
function shrinkRows(image: Uint8Array | Float32Array, size: number, out: Float32Array): void {
  const height = image.length / size;
  const ratio = size / LUMA_SIZE;
  for (let x = 0; x < LUMA_SIZE; x++) {
    const left = x * ratio;
    const right = left + ratio;
    const first = Math.floor(left);
    const last = Math.min(size, Math.ceil(right - 1e-9));
    for (let y = 0; y < height; y++) {
      let sum = 0;
      for (let i = first; i < last; i++)
        sum += (Math.min(right, i + 1) - Math.max(left, i)) * (image[y * size + i] as number);
      out[x * height + y] = sum / ratio;
    }
  }
}
