/**
 * What a teacher adds to a run: sounds and pictures of its own, that need not belong together, each with the teacher's
 * opinion of it. They travel in the same batches, behind the pairs, so that batch normalisation sees both.
 *
 * @see Hinton et al. 2015, "Distilling the knowledge in a neural network"; Aytar et al. 2016, "SoundNet"
 */
import { joined } from '#core/joined';
import { SeededRandom } from '#core/random';
import type { TaughtRows, TrainingBatch, TrainingSource } from './training-source.ts';

export interface Teaching {
  /** Holds the taught items; an item may have a sound, a picture, or both. */
  source: TrainingSource;
  /** Indices of the items with a sound, and of those with a picture. */
  sounds: readonly number[];
  pictures: readonly number[];
  /** `[items, classes]`: the teacher's distribution over its classes for an item's sound; zeros without one. */
  soundTargets: Float32Array;
  /** Likewise for its picture. */
  pictureTargets: Float32Array;
  classes: number;
  /** Sounds, and as many pictures, in each step. */
  rows: number;
  /** Tells one teaching from another, for runs that are resumed. */
  digest: string;
}

/** The taught rows of a step, which follow from the seed and the step alone. */
export async function taughtBatch(
  teaching: Teaching,
  { seed, progress }: { seed: string; progress: number },
): Promise<TrainingBatch> {
  const random = new SeededRandom(`${seed}:taught`);
  const draw = (items: readonly number[]) =>
    Array.from({ length: teaching.rows }, () => items[random.integer(0, items.length)] as number);
  const sounds = draw(teaching.sounds);
  const pictures = draw(teaching.pictures);
  const batch = await teaching.source.batch({ sounds, pictures, seed: `${seed}:taught`, progress });
  const { classes } = teaching;
  const targetsOf = (items: readonly number[], all: Float32Array) => {
    const targets = new Float32Array(items.length * classes);
    items.forEach((item, row) => {
      targets.set(all.subarray(item * classes, (item + 1) * classes), row * classes);
    });
    return targets;
  };
  const taught: TaughtRows = {
    count: teaching.rows,
    sounds: targetsOf(sounds, teaching.soundTargets),
    pictures: targetsOf(pictures, teaching.pictureTargets),
  };
  return { ...batch, taught };
}

/** The rows of both, the pairs first. Both show windows of equal length. */
export function joinBatches(pairs: TrainingBatch, taught: TrainingBatch): TrainingBatch {
  return {
    ...pairs,
    logMel: joined([pairs.logMel, taught.logMel]),
    frames: joined([pairs.frames, taught.frames]),
    frameTimesSec: joined([pairs.frameTimesSec, taught.frameTimesSec]),
    motion: pairs.motion && taught.motion ? joined([pairs.motion, taught.motion]) : null,
    motionTimesSec: joined([pairs.motionTimesSec, taught.motionTimesSec]),
    lagSteps: Int8Array.from([...pairs.lagSteps, ...taught.lagSteps]),
    taught: taught.taught,
  };
}
