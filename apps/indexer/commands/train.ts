/** `earshot train`: learns a model from the generated corpus. */
import path from 'node:path';
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import { integerOption, numberOption, partOption, weightOption } from '../option-parsers.ts';
import { StageBar } from '../stage-bar.ts';

interface TrainFlags {
  corpus?: string;
  out?: string;
  run?: string;
  name: string;
  epochs: number;
  batchSize: number;
  learningRate: number;
  seed: number;
  patience: number;
  maxClips?: number;
  resume?: boolean;
  classWeight: number;
  localizationWeight: number;
  alignmentWeight: number;
  hardNegativesFrom: number;
  average: number;
  shufflePairs?: boolean;
  json?: boolean;
}

export function registerTrain(program: Command, context: CommandContext): void {
  program
    .command('train')
    .description('learn which sounds and pictures belong together, from the generated corpus')
    .option('--corpus <folder>', 'made by `earshot corpus` (default: corpus in the data folder)')
    .option('--name <name>', "the model's name", 'mini')
    .option('--out <folder>', 'the model folder to write (default: models/NAME in the data folder)')
    .option('--run <folder>', 'checkpoints and log (default: runs/NAME in the data folder)')
    .option('--epochs <n>', 'passes over the training clips', integerOption(1, 100_000), 60)
    .option('--batch-size <n>', 'pairs a step', integerOption(2, 4096), 32)
    .option('--learning-rate <x>', 'at its peak', numberOption(0, 1), 0.002)
    .option('--seed <n>', 'everything follows from it', integerOption(0, 2 ** 31), 1)
    .option('--class-weight <x>', "of the loss on the clips' classes; 0: pairs alone", weightOption, 4)
    .option(
      '--localization-weight <x>',
      'of InfoNCE over the best position of the picture',
      weightOption,
      0.5,
    )
    .option('--alignment-weight <x>', 'of telling true from shifted steps', weightOption, 0.5)
    .option(
      '--hard-negatives-from <x>',
      'part of the run after which batches are filled class by class; 1: never',
      partOption,
      0.6,
    )
    .option('--average <x>', 'decay of the moving average of the weights; 0: none', partOption, 0.998)
    .option(
      '--patience <n>',
      'evaluations without a better score before stopping',
      integerOption(1, 100_000),
      12,
    )
    .option('--max-clips <n>', 'use only so many training clips', integerOption(2, 10_000_000))
    .option('--resume', 'go on from the last checkpoint of the run')
    .option('--shuffle-pairs', 'the control: every picture gets the sound of another clip')
    .option('--json', 'print one JSON document')
    .action(async (flags: TrainFlags) => {
      const { trainModel } = await import('#learning/training/train-model');
      const { dataDir } = await context.config();
      const bar = new StageBar();
      let validation = '';
      const { manifest, result, durationSec } = await trainModel({
        ...flags,
        corpus: path.resolve(flags.corpus ?? path.join(dataDir, 'corpus')),
        output: path.resolve(flags.out ?? path.join(dataDir, 'models', flags.name)),
        runFolder: path.resolve(flags.run ?? path.join(dataDir, 'runs', flags.name)),
        cacheFolder: path.join(dataDir, 'cache', 'training'),
        peakLearningRate: flags.learningRate,
        weights: {
          class: flags.classWeight,
          localization: flags.localizationWeight,
          alignment: flags.alignmentWeight,
        },
        hardNegatives: { fromPart: flags.hardNegativesFrom, classRun: 4 },
        averageDecay: flags.average,
        pairing: flags.shufflePairs ? 'shuffled' : 'true',
        resume: flags.resume ?? false,
        decodeConcurrency: 2,
        signal: context.signal,
        onCache: (split, done, total) => bar.update(`decode ${split}`, done, total),
        onStep: ({ step, totalSteps, loss }) =>
          bar.update('train', step, totalSteps, `loss ${loss.toFixed(3)}${validation}`),
        onEvaluation: ({ r10, classMap }) => {
          validation = `  validation R@10 ${r10.toFixed(3)}${classMap === null ? '' : `, class mAP ${classMap.toFixed(3)}`}`;
        },
      }).finally(() => bar.stop());
      const { id, version, weights } = manifest;
      if (flags.json) return context.printJson({ model: { id, version }, ...result, durationSec });
      context.print(
        `${id} ${version}: ${weights.parameterCount} parameters, ${result.step} steps in ${Math.round(durationSec)} s`,
      );
      context.print(
        `Best validation score at step ${result.bestStep}. Measure it: earshot evaluate --suite retrieval --model ${id}`,
      );
    });
}
