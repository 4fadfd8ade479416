/** `earshot train --collection C --base MODEL`, where the base is a pretrained model: projection heads on its towers. */
import path from 'node:path';
import { EarshotError } from '#core/errors';
import type { AdaptResult } from '#learning/training/adapt-model';
import { clipsOfCollection } from './collection-clips.ts';
import type { CommandContext } from './context.ts';
import type { StageBar } from './stage-bar.ts';
import { nameFor, type PlanFlags } from './train-plan.ts';

export interface AdaptFlags extends PlanFlags {
  out?: string;
  resume?: boolean;
  distil?: string;
  media?: string[];
  shufflePairs?: boolean;
}

/**
 * The folder of the base, where its towers are not ours to train; null for all else.
 *
 * @throws EarshotError `model_not_found`, `model_invalid`; `invalid_argument` without a collection, or with an option
 *   that means nothing for heads
 */
export async function frozenBaseOf(flags: AdaptFlags, context: CommandContext): Promise<string | null> {
  const { base } = flags;
  if (base === undefined) return null;
  const { findModelFolder } = await import('#catalog/models');
  const { hasFrozenTowers } = await import('#learning/training/adapt-model');
  const folder = await findModelFolder(base, (await context.config()).dataDir);
  if (!(await hasFrozenTowers(folder))) return null;
  const refuse = (subject: string, message: string) =>
    new EarshotError('invalid_argument', message, { subject });
  if (flags.collection === undefined) {
    const message = `${base} is a pretrained model whose towers stay as they are: give --collection, and projection heads on them are learned from its clips.`;
    throw refuse('base', message);
  }
  for (const option of ['also', 'distil', 'media', 'resume'] as const) {
    if (flags[option] === undefined) continue;
    throw refuse(option, `--${option} has no meaning for projection heads on ${base}: leave it out.`);
  }
  return folder;
}

/** @throws EarshotError as `adaptModel`; `unknown_collection`; `conflict` for a name that is taken by what it needs */
export async function adaptToCollection(
  base: string,
  flags: AdaptFlags,
  context: CommandContext,
  bar: StageBar,
): Promise<AdaptResult> {
  const { dataDir, model } = await context.config();
  const collection = flags.collection ?? '';
  const { candidates, skipped, modelInUse } = await clipsOfCollection(context, collection, {
    folder: path.join(dataDir, 'cache', 'training', 'media'),
    onProgress: (done, total) => bar.update('gather', done, total),
  });
  const name = flags.name ?? nameFor(collection);
  const output = path.resolve(flags.out ?? path.join(dataDir, 'models', name));
  const taken = [modelInUse?.name ?? path.basename(model), path.basename(base)].includes(name);
  if (taken || output === path.resolve(base)) {
    const message = `The model in use, or the base, is named ${name}, and training would replace it: choose another --name.`;
    throw new EarshotError('conflict', message, { subject: 'name' });
  }
  const { adaptModel } = await import('#learning/training/adapt-model');
  return adaptModel(candidates, {
    ...{ name, base, output, skipped, seed: flags.seed },
    where: `collection ${collection}`,
    ...(flags.maxClips !== undefined && { maxClips: flags.maxClips }),
    pairing: flags.shufflePairs ? 'shuffled' : 'true',
    signal: context.signal,
    onProgress: (stage, done, total) => bar.update(stage, done, total),
  });
}
