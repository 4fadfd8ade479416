/** Batches for the synchronisation head: pairs shifted by a known offset, and pairs without one. */
import type { SeededRandom } from '#core/random';
import type { Engine } from '#model/engine/engine';
import { CELL_CHANNELS, CELLS_PER_SIDE } from '#model/synchronization/cell-motion';
import { PHASES, SOUND_STEP_SEC } from '#model/synchronization/head-input';
import { MOST_SHIFT_STEPS } from '#model/synchronization/synchronization-head';
import { type SoundAndPicture, type WindowBatch, windowBatch } from '#model/synchronization/window-batch';
import { type ShiftedClips, silentSound, stillMotion } from './shifted-clips.ts';

/** Windows of 2 to 4.6 s; the shorter, the harder, and the quicker to learn from. */
const WINDOW_STEPS = [25, 37, 50, 58];
/** Clips give windows that they are so much longer than, or all windows of a clip would begin with it. */
const LEAST_ROOM_STEPS = 4;
/** Of the pairs, how many have nothing to go by: silence, a still picture, or the sound of another clip. */
const NOTHING_PART = 0.15;
/** How often another clip is heard faintly beside. */
const BACKGROUND_PART = 0.3;
/** How much its log-mels are lowered, at random. */
const BACKGROUND_LOG_GAIN = [-4, -0.5] as const;
/** An offset counts for the shifts around it as well, with this deviation in sound steps. */
const TARGET_DEVIATION = 0.6;
/** Of further sets of clips beside the first, how many pairs of a batch are theirs. */
const FURTHER_PART = 0.5;
/** Velocity to the right: what is mirrored changes its sign. */
const SIDEWAYS_CHANNEL = 5;

interface Pair extends SoundAndPicture {
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
  const shifts = 2 * MOST_SHIFT_STEPS * PHASES + 1;
  const windows = windowBatch(engine, pairs, MOST_SHIFT_STEPS);
  const targets = engine.tf.tensor2d(targetsOf(pairs, shifts), [batchSize, shifts + 1]);
  return { ...windows, targets, dispose: () => engine.tf.dispose([...Object.values(windows), targets]) };
}

function drawPair(sets: readonly ShiftedClips[], steps: number, random: SeededRandom): Pair {
  const further = sets.length > 1 && random.next() < FURTHER_PART;
  const clips = sets[further ? random.integer(1, sets.length) : 0] as ShiftedClips;
  const clip = random.integer(0, clips.count);
  const { start, soundLead, soundStart, soundSteps, offsetSec } = clips.placeAround(clip, steps, random);
  const seen = clips.motionWindow(clip, start, steps);
  const motion = random.next() < 0.5 ? mirrored(seen) : seen;
  const pair = (sound: Float32Array, isTrue = false): Pair => ({
    ...{ sound, soundStart: soundLead, motion },
    offsetSec: isTrue ? offsetSec : null,
  });
  const ofOther = () =>
    clips.soundWindow(
      (clip + random.integer(1, Math.max(2, clips.count))) % clips.count,
      soundStart,
      soundSteps,
    );
  if (random.next() >= NOTHING_PART) {
    const heard = clips.soundWindow(clip, soundStart, soundSteps);
    return pair(random.next() < BACKGROUND_PART ? mixed(heard, ofOther(), random) : heard, true);
  }
  const what = random.integer(0, 4);
  if (what === 0) return pair(silentSound(soundSteps));
  if (what > 1) return pair(ofOther());
  return { ...pair(clips.soundWindow(clip, soundStart, soundSteps)), motion: stillMotion(motion) };
}

/** In place: powers add, of which log-mels are the logarithm. */
function mixed(sound: Float32Array, other: Float32Array, random: SeededRandom): Float32Array {
  const [least, most] = BACKGROUND_LOG_GAIN;
  const gain = random.uniform(least, most);
  for (let i = 0; i < sound.length; i++) {
    const [own, further] = [sound[i] as number, (other[i] as number) + gain];
    sound[i] = Math.max(own, further) + Math.log1p(Math.exp(-Math.abs(own - further)));
  }
  return sound;
}

/** Left and right exchanged. */
function mirrored(motion: Float32Array): Float32Array {
  const out = new Float32Array(motion.length);
  for (let row = 0; row < motion.length / CELL_CHANNELS; row++) {
    const column = row % CELLS_PER_SIDE;
    const source = row - column + (CELLS_PER_SIDE - 1 - column);
    for (let i = 0; i < CELL_CHANNELS; i++) {
      const value = motion[source * CELL_CHANNELS + i] as number;
      out[row * CELL_CHANNELS + i] = i === SIDEWAYS_CHANNEL ? -value : value;
    }
  }
  return out;
}

/** A narrow bell around each offset, rows summing to 1; the last place is for having none. */
function targetsOf(pairs: readonly Pair[], shifts: number): Float32Array {
  const targets = new Float32Array(pairs.length * (shifts + 1));
  pairs.forEach(({ offsetSec }, i) => {
    const row = targets.subarray(i * (shifts + 1), (i + 1) * (shifts + 1));
    if (offsetSec === null) {
      row[shifts] = 1;
      return;
    }
    const centre = offsetSec / SOUND_STEP_SEC + (shifts - 1) / 2;
    const bell = Array.from({ length: shifts }, (_, j) =>
      Math.exp(-0.5 * ((j - centre) / TARGET_DEVIATION) ** 2),
    );
    const total = bell.reduce((sum, weight) => sum + weight, 0);
    row.set(bell.map((weight) => weight / total));
  });
  return targets;
}
