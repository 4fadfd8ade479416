/** From the options of `earshot train` to the clips and the shape of a run. */
import path from 'node:path';
import { EarshotError } from '#core/errors';
import type { ModelShape } from '#learning/training/model-shape';
import type { TrainingClips } from '#learning/training/training-clips';
import type { UsableClip } from '#learning/training/usable-clips';
import { clipsOfCollection } from './collection-clips.ts';
import type { CommandContext } from './context.ts';
import type { StageBar } from './stage-bar.ts';

export interface PlanFlags {
  corpus?: string;
  collection?: string;
  base?: string;
  also?: string[];
  name?: string;
  seed: number;
  maxClips?: number;
}

export interface TrainPlan {
  name: string;
  clips: TrainingClips;
  shape: ModelShape;
  /** Of a collection: what the new model is compared on, and with. */
  comparison: { heldOut: UsableClip[]; folder: string; modelName: string } | null;
}

/** @throws EarshotError `not_enough_data`, `unknown_collection`, `file_not_found`, `conflict`, `invalid_argument` */
export async function planTraining(
  flags: PlanFlags,
  context: CommandContext,
  bar: StageBar,
): Promise<TrainPlan> {
  const plan = flags.collection
    ? await planCollection(flags.collection, flags, context, bar)
    : await planCorpus(flags, context);
  for (const list of flags.also ?? []) {
    const { readClipList, describeSkipped } = await import('#learning/training/usable-clips');
    const { withFurtherClips } = await import('#learning/training/training-clips');
    const joined = await withFurtherClips(plan.clips, await readClipList(list), {
      where: path.basename(list),
      seed: flags.seed,
      segmentSec: plan.shape.cache.segmentSec,
      signal: context.signal,
      onProgress: (done, total) => bar.update('look', done, total, path.basename(list)),
    });
    const added = joined.train.length - plan.clips.train.length;
    const held = joined.validation.length - plan.clips.validation.length;
    context.note(`${list}: ${added} segments to learn from, ${held} for validation.`);
    if (describeSkipped(joined.skipped))
      context.note(`${list}: left out ${describeSkipped(joined.skipped)}.`);
    plan.clips = joined;
  }
  return plan;
}

async function planCorpus(flags: PlanFlags, context: CommandContext): Promise<TrainPlan> {
  const { dataDir } = await context.config();
  const { corpusTrainingClips } = await import('#learning/training/training-clips');
  const { MINI_SHAPE } = await import('#learning/training/model-shape');
  const corpus = path.resolve(flags.corpus ?? path.join(dataDir, 'corpus'));
  return {
    name: flags.name ?? 'mini',
    clips: await corpusTrainingClips(corpus, flags.maxClips),
    shape: flags.base ? await shapeOf(flags.base, context) : MINI_SHAPE,
    comparison: null,
  };
}

async function planCollection(
  collection: string,
  flags: PlanFlags,
  context: CommandContext,
  bar: StageBar,
): Promise<TrainPlan> {
  const { dataDir, model } = await context.config();
  const { candidates, skipped, modelInUse } = await clipsOfCollection(context, collection, {
    folder: path.join(dataDir, 'cache', 'training', 'media'),
    onProgress: (done, total) => bar.update('gather', done, total),
  });
  const { findModelFolder } = await import('#catalog/models');
  const { ownTrainingClips } = await import('#learning/training/training-clips');
  const { describeSkipped } = await import('#learning/training/usable-clips');
  const modelName = modelInUse?.name ?? model;
  const name = flags.name ?? nameFor(collection);
  if (name === modelName) {
    const message = `The model in use is named ${name}, and training would replace it: choose another --name.`;
    throw new EarshotError('conflict', message, { subject: 'name' });
  }
  // A model that was given by its path is found there again; one of a server by its name.
  const folder = await findModelFolder(path.basename(model) === modelName ? model : modelName, dataDir);
  const shape = flags.base ? await shapeOf(flags.base, context) : await shapeInUse(folder, context);
  const { heldOut, ...clips } = await ownTrainingClips(candidates, {
    where: `collection ${collection}`,
    skipped,
    seed: flags.seed,
    segmentSec: shape.cache.segmentSec,
    maxClips: flags.maxClips,
    signal: context.signal,
    onProgress: (done, total) => bar.update('look', done, total),
  });
  const leftOut = describeSkipped(clips.skipped);
  if (leftOut) context.note(`Left out of ${collection}: ${leftOut}.`);
  return { name, clips, shape, comparison: { heldOut, folder, modelName } };
}

async function shapeOf(base: string, context: CommandContext): Promise<ModelShape> {
  const { findModelFolder } = await import('#catalog/models');
  const { shapeOfModel } = await import('#learning/training/model-shape');
  return shapeOfModel(await findModelFolder(base, (await context.config()).dataDir));
}

/** The model in use, where a run can go on from it; else `mini` from its first weights. */
async function shapeInUse(folder: string, context: CommandContext): Promise<ModelShape> {
  const { MINI_SHAPE, shapeOfModel } = await import('#learning/training/model-shape');
  try {
    return await shapeOfModel(folder);
  } catch (error) {
    if (!(error instanceof EarshotError) || !['invalid_argument', 'model_invalid'].includes(error.code))
      throw error;
    context.note(
      `${error.message} Starting from scratch; --base ${path.basename(folder)} learns projection heads on its towers instead.`,
    );
    return MINI_SHAPE;
  }
}

/** A model's name made of a collection's. */
export function nameFor(collection: string): string {
  const plain = collection
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|-+$/g, '');
  return plain === '' ? 'own' : plain;
}
