/** `earshot train --head localization`: trained on top of a model's towers, which stay as they are. */
import path from 'node:path';
import type { CommandContext } from './context.ts';
import { StageBar } from './stage-bar.ts';

interface TrainHeadFlags {
  base?: string;
  corpus?: string;
  steps?: number;
  maxClips?: number;
  seed: number;
  json?: boolean;
}

export async function trainLocalizationHead(flags: TrainHeadFlags, context: CommandContext): Promise<void> {
  const { dataDir, model } = await context.config();
  const { findModelFolder } = await import('#catalog/models');
  const { trainLocalization } = await import('#learning/localization/train-localization');
  const folder = await findModelFolder(flags.base ?? model, dataDir);
  const bar = new StageBar();
  try {
    const { id, version, heads, calibration } = await trainLocalization({
      folder,
      corpus: path.resolve(flags.corpus ?? path.join(dataDir, 'corpus')),
      cacheFolder: path.join(dataDir, 'cache', 'training'),
      steps: flags.steps,
      maxClips: flags.maxClips,
      seed: flags.seed,
      signal: context.signal,
      onStage: (stage, done, total, detail) => bar.update(stage, done, total, detail),
    });
    bar.stop();
    const parameterCount = heads?.localization?.weights.parameterCount ?? 0;
    if (flags.json) {
      context.printJson({ model: { id, version }, head: 'localization', parameterCount, calibration });
      return;
    }
    context.print(`${id} ${version} in ${folder} has a localization head now: ${parameterCount} parameters`);
    context.print(`Measure it: earshot evaluate --suite localization --model ${flags.base ?? model}`);
  } finally {
    bar.stop();
  }
}
