/** `earshot train --head synchronization`: a head for a model that is there. */
import path from 'node:path';
import type { CommandContext } from './context.ts';
import { StageBar } from './stage-bar.ts';
import type { PlanFlags } from './train-plan.ts';

export interface HeadFlags extends PlanFlags {
  steps: number;
  batchSize: number;
  learningRate?: number;
  resume?: boolean;
  keepPlaces?: boolean;
  json?: boolean;
}

const PEAK_LEARNING_RATE = 0.004;
/** Pairs a step unless told: fewer than the towers need, for every pair is told from all its own shifts. */
const BATCH_SIZE = 16;

/** @param isBatchSizeGiven whether `--batch-size` was, whose default is the towers' */
export async function trainSynchronizationHead(
  flags: HeadFlags,
  context: CommandContext,
  isBatchSizeGiven: boolean,
): Promise<void> {
  const { dataDir } = await context.config();
  const { trainSynchronization } = await import('#learning/synchronization/train-synchronization');
  const modelFolder = await context.modelFolder(flags.base);
  const bar = new StageBar();
  try {
    const trained = await trainSynchronization({
      corpus: path.resolve(flags.corpus ?? path.join(dataDir, 'corpus')),
      also: (flags.also ?? []).map((list) => path.resolve(list)),
      maxClips: flags.maxClips,
      modelFolder,
      resume: flags.resume,
      keepPlaces: flags.keepPlaces,
      cacheFolder: path.join(dataDir, 'cache', 'training'),
      steps: flags.steps,
      batchSize: isBatchSizeGiven ? flags.batchSize : BATCH_SIZE,
      peakLearningRate: flags.learningRate ?? PEAK_LEARNING_RATE,
      seed: flags.seed,
      signal: context.signal,
      onProgress: (stage, done, total) => bar.update(stage, done, total),
      onStep: ({ step, totalSteps, loss, stepMs }) =>
        bar.update('train', step, totalSteps, `loss ${loss.toFixed(3)}  ${Math.round(stepMs)} ms`),
    });
    bar.stop();
    if (flags.json) return context.printJson(trained);
    const { fit, clips, durationSec } = trained;
    context.print(`Synchronisation head of ${trained.model.id}, in ${modelFolder}`);
    context.print(
      `${clips.join(' + ')} clips, ${flags.steps} steps in ${Math.round(durationSec)} s; loss ${trained.loss.toFixed(3)}`,
    );
    context.print(
      `Of the validation clips ${(100 * fit.answered).toFixed(1)} % are answered, of silence and still pictures ${(100 * fit.refused).toFixed(1)} % refused`,
    );
    context.print(`Measure it: earshot evaluate --suite synchronization --model ${trained.model.id}`);
  } finally {
    bar.stop();
  }
}
