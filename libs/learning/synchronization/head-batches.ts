/** Batches for the synchronisation head: pairs shifted by a known offset, and pairs without one. */
import type { SeededRandom } from '#core/random';
import type { Engine } from '#model/engine/engine';
import { CELL_CHANNELS, CELL_COUNT } from '#model/synchronization/cell-motion';
import {
  CELL_INPUTS,
  motionInput,
  PHASES,
  SOUND_INPUTS,
  SOUND_STEP_SEC,
  soundInput,
} from '#model/synchronization/head-input';
import type { WindowBatch } from '#model/synchronization/head-network';
import { shiftLimit } from '#model/synchronization/synchronization-head';
import { type ShiftedClips, silentSound, stillMotion } from './shifted-clips.ts';

/** Windows of 2, 3 and 4 s; the shorter, the harder, and the quicker to learn from. */
const WINDOW_STEPS = [25, 25, 37, 37, 37, 50];
/** Clips give windows that they are so much longer than, or there would be no offsets to plant. */
const LEAST_ROOM_STEPS = 8;
/** Of the pairs, how many have nothing to go by: silence, a still picture, or the sound of another clip. */
const NOTHING_PART = 0.15;
/** An offset counts for the shifts around it as well, with this deviation in sound steps. */
const TARGET_DEVIATION = 0.6;
/** Of further sets of clips beside the first, how many pairs of a batch are theirs. */
const FURTHER_PART = 0.3;
/** Velocity to the right: what is mirrored changes its sign. */
const SIDEWAYS_CHANNEL = 5;

interface Pair {
  sound: Float32Array;
  motion: Float32Array;
  /** Null where there is nothing to go by. */
  offsetSec: number | null;
}

export interface HeadBatch extends WindowBatch {
  /** `[batch, shifts + 1]`, rows sum to 1. */
  targets: ReturnType<Engine['tf']['tensor2d']>;
  dispose(): void;
}

/** @param sets the first one gives most of the pairs */
export function drawBatch(
  engine: Engine,
  sets: readonly ShiftedClips[],
  batchSize: number,
  random: SeededRandom,
): HeadBatch {
  const steps = WINDOW_STEPS[random.integer(0, WINDOW_STEPS.length)] as number;
  const roomy = sets.filter(({ shortest }) => shortest >= steps + LEAST_ROOM_STEPS);
  const usable = roomy.length > 0 ? roomy : sets;
  const pairs = Array.from({ length: batchSize }, () => drawPair(usable, steps, random));
  return toTensors(engine, pairs, steps);
}

function drawPair(sets: readonly ShiftedClips[], steps: number, random: SeededRandom): Pair {
  const further = sets.length > 1 && random.next() < FURTHER_PART;
  const clips = sets[further ? random.integer(1, sets.length) : 0] as ShiftedClips;
  const clip = random.integer(0, clips.count);
  const { start, soundStart, offsetSec } = clips.place(clip, steps, random);
  const seen = clips.motionWindow(clip, start, steps);
  const motion = random.next() < 0.5 ? mirrored(seen) : seen;
  const heard = () => clips.soundWindow(clip, soundStart, steps);
  if (random.next() >= NOTHING_PART) return { sound: heard(), motion, offsetSec };
  const what = random.integer(0, 4);
  if (what === 0) return { sound: silentSound(steps), motion, offsetSec: null };
  if (what === 1) return { sound: heard(), motion: stillMotion(motion), offsetSec: null };
  const other = (clip + random.integer(1, Math.max(2, clips.count))) % clips.count;
  return { sound: clips.soundWindow(other, soundStart, steps), motion, offsetSec: null };
}

function mirrored(motion: Float32Array): Float32Array {
  for (let i = SIDEWAYS_CHANNEL; i < motion.length; i += CELL_CHANNELS) motion[i] = -(motion[i] as number);
  return motion;
}

function toTensors(engine: Engine, pairs: readonly Pair[], steps: number): HeadBatch {
  const { tf } = engine;
  const soundSize = steps * PHASES * SOUND_INPUTS;
  const motionSize = steps * CELL_COUNT * CELL_INPUTS;
  const shifts = 2 * shiftLimit(steps) * PHASES + 1;
  const sound = new Float32Array(pairs.length * soundSize);
  const motion = new Float32Array(pairs.length * motionSize);
  const targets = new Float32Array(pairs.length * (shifts + 1));
  pairs.forEach((pair, i) => {
    soundInput(pair.sound, sound, i * soundSize);
    motionInput(pair.motion, motion, i * motionSize);
    targets.set(targetOf(pair.offsetSec, shifts), i * (shifts + 1));
  });
  const batch = pairs.length;
  const tensors = {
    sound: tf.tensor4d(sound, [batch, steps, PHASES, SOUND_INPUTS]),
    motion: tf.tensor4d(motion, [batch, steps, CELL_COUNT, CELL_INPUTS]),
    targets: tf.tensor2d(targets, [batch, shifts + 1]),
  };
  return { ...tensors, dispose: () => tf.dispose(Object.values(tensors)) };
}

/** A narrow bell around the offset; the last place is for having none. */
function targetOf(offsetSec: number | null, shifts: number): Float32Array {
  const target = new Float32Array(shifts + 1);
  if (offsetSec === null) {
    target[shifts] = 1;
    return target;
  }
  const centre = offsetSec / SOUND_STEP_SEC + (shifts - 1) / 2;
  let total = 0;
  for (let i = 0; i < shifts; i++) {
    const weight = Math.exp(-0.5 * ((i - centre) / TARGET_DEVIATION) ** 2);
    target[i] = weight;
    total += weight;
  }
  return target.map((weight) => weight / total);
}
