/** `earshot train --head separation`: learns to separate by what is seen, from the corpus's clips of single sources. */
import path from 'node:path';
import type { CommandContext } from './context.ts';
import { StageBar } from './stage-bar.ts';

interface SeparationFlags {
  collection?: string;
  corpus?: string;
  also?: string[];
  base?: string;
  maxClips?: number;
  name?: string;
  out?: string;
  run?: string;
  steps?: number;
  batchSize: number;
  learningRate?: number;
  seed: number;
  mask: 'binary' | 'ratio';
  resume?: boolean;
  json?: boolean;
}

const STEPS = 1500;
const BATCH_SIZE = 8;
const LEARNING_RATE = 0.004;
const AVERAGE_DECAY = 0.99;

export async function trainSeparation(
  flags: SeparationFlags,
  context: CommandContext,
  isBatchSizeGiven: boolean,
): Promise<void> {
  const { trainSeparation: learn } = await import('#learning/separation/train-separation');
  const { dataDir } = await context.config();
  const base = await context.modelFolder(flags.base);
  const name = flags.name ?? 'separation';
  const bar = new StageBar();
  try {
    const { manifest, steps } = await learn({
      corpus: path.resolve(flags.corpus ?? path.join(dataDir, 'corpus')),
      base,
      output: path.resolve(flags.out ?? path.join(dataDir, 'models', name)),
      runFolder: path.resolve(flags.run ?? path.join(dataDir, 'runs', name)),
      cacheFolder: path.join(dataDir, 'cache', 'training'),
      also: flags.also?.map((list) => path.resolve(list)),
      maxClips: flags.maxClips,
      steps: flags.steps ?? STEPS,
      batchSize: isBatchSizeGiven ? flags.batchSize : BATCH_SIZE,
      peakLearningRate: flags.learningRate ?? LEARNING_RATE,
      averageDecay: AVERAGE_DECAY,
      mask: flags.mask,
      seed: flags.seed,
      resume: flags.resume ?? false,
      signal: context.signal,
      onCache: (split, done, total) => bar.update(`decode ${split}`, done, total),
      onStep: ({ step, totalSteps, mixture, loss, stepMs }) =>
        bar.update('train', step, totalSteps, `${mixture} loss ${loss.toFixed(3)}  ${Math.round(stepMs)} ms`),
    });
    bar.stop();
    const { id, version, weights } = manifest;
    if (flags.json) return context.printJson({ model: { id, version }, step: steps });
    context.print(`${id} ${version}: ${weights.parameterCount} parameters, ${steps} steps`);
    context.print('Measure it: earshot evaluate --suite separation-unlike');
  } finally {
    bar.stop();
  }
}
