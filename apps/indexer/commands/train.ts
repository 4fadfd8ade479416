/** `earshot train`: learns a model, from the generated corpus or from the clips of a collection. */
import path from 'node:path';
import { type Command, Option } from 'commander';
import { EarshotError } from '#core/errors';
import type { ModelComparison } from '#learning/training/compare-models';
import type { TrainOptions } from '#learning/training/train-model';
import { adaptToCollection, frozenBaseOf } from '../adapt-collection.ts';
import type { CommandContext } from '../context.ts';
import { mediaFilesAt } from '../media-files.ts';
import { integerOption, listOption, numberOption, partOption, weightOption } from '../option-parsers.ts';
import { StageBar } from '../stage-bar.ts';
import { trainHeadThatLocalizes } from '../train-localization.ts';
import { type PlanFlags, planTraining, type TrainPlan } from '../train-plan.ts';
import { report, reportAdapted } from '../train-report.ts';
import { trainSeparation } from '../train-separation.ts';
import { trainSynchronizationHead } from '../train-synchronization.ts';

interface TrainFlags extends PlanFlags {
  head?: 'synchronization' | 'localization' | 'grouping' | 'separation';
  withoutGrouping?: boolean;
  steps?: number;
  mask: 'binary' | 'ratio';
  out?: string;
  run?: string;
  epochs: number;
  batchSize: number;
  threads: number;
  learningRate?: number;
  patience: number;
  resume?: boolean;
  classWeight?: number;
  localizationWeight: number;
  alignmentWeight: number;
  hardNegativesFrom: number;
  background: number;
  average: number;
  distil?: string;
  media?: string[];
  distilWeight: number;
  distilRows: number;
  shufflePairs?: boolean;
  json?: boolean;
}

type StepReport = Parameters<NonNullable<TrainOptions['onStep']>>[0];

/** Weights that are learned on from are moved more carefully than those that know nothing. */
const LEARNING_RATE = { fromScratch: 0.002, fromBase: 0.0005 };
const SYNCHRONIZATION_STEPS = 3000;
const CLASS_WEIGHT = { corpus: 4, collection: 0 };

export function registerTrain(program: Command, context: CommandContext): void {
  const command = program
    .command('train')
    .description(
      'learn which sounds and pictures belong together, from the generated corpus or your own clips',
    );
  describeClips(command);
  describeHeads(command);
  describeLearning(command);
  command
    .addOption(
      new Option('--mask <kind>', 'head separation: the masks to predict')
        .choices(['binary', 'ratio'])
        .default('binary'),
    )
    .option('--without-grouping', 'head grouping: the ablation, class tokens that gather no features')
    .option(
      '--resume',
      'go on from the last checkpoint of the run; head synchronization: from the head that the model has',
    )
    .option(
      '--keep-places',
      'head synchronization: the head that the model has goes on telling places apart, the new one is for offsets',
    )
    .option('--json', 'print one JSON document')
    .action((flags: TrainFlags) => {
      if (flags.head === 'separation') {
        const isBatchGiven = command.getOptionValueSource('batchSize') === 'cli';
        return trainSeparation(flags, context, isBatchGiven);
      }
      if (flags.head === 'localization' || flags.head === 'grouping')
        return trainHeadThatLocalizes(flags.head, flags, context);
      if (flags.head !== 'synchronization') return train(flags, context);
      const isBatchSizeGiven = command.getOptionValueSource('batchSize') === 'cli';
      const { steps = SYNCHRONIZATION_STEPS } = flags;
      return trainSynchronizationHead({ ...flags, steps }, context, isBatchSizeGiven);
    });
}

function describeClips(command: Command): void {
  command
    .addOption(
      new Option(
        '--collection <name>',
        'learn from the clips of this collection, which need no labels',
      ).conflicts('corpus'),
    )
    .option('--corpus <folder>', 'made by `earshot corpus` (default: corpus in the data folder)')
    .option(
      '--also <list>',
      'further clips: JSON lines of {"file", "labels", "source"?}; may be repeated',
      listOption,
    )
    .option('--max-clips <n>', 'use only so many training clips', integerOption(2, 10_000_000))
    .option(
      '--base <model>',
      "start from this model's weights (default: from scratch; with --collection: from the model in use); of a pretrained one the towers stay, and heads on them are learned from --collection",
    )
    .option(
      '--distil <model>',
      'learn beside the pairs what this model, one with a space of concepts, makes of the media in --media',
    )
    .option(
      '--media <path>',
      'a file, or a folder of sounds, pictures and clips; may be repeated',
      listOption,
    )
    .option('--name <name>', "the model's name (default: mini; with --collection: as the collection)")
    .option('--out <folder>', 'the model folder to write (default: models/NAME in the data folder)')
    .option(
      '--run <folder>',
      'log, plot and checkpoints (default: runs/NAME in the data folder; of a head runs/HEAD)',
    );
}

function describeHeads(command: Command): void {
  command
    .addOption(
      new Option(
        '--head <name>',
        'instead of towers, learn this head for the model of --base (default: the model in use)',
      )
        .choices(['synchronization', 'localization', 'grouping', 'separation'])
        .conflicts('collection'),
    )
    .option(
      '--steps <n>',
      `batches that a head learns from (default: synchronization ${SYNCHRONIZATION_STEPS}, localization 700, grouping 1500, separation 1500)`,
      integerOption(1, 10_000_000),
    );
}

function describeLearning(command: Command): void {
  const { fromScratch, fromBase } = LEARNING_RATE;
  command
    .option('--epochs <n>', 'passes over the training clips', integerOption(1, 100_000), 60)
    .option('--batch-size <n>', 'pairs a step', integerOption(2, 4096), 32)
    .option(
      '--threads <n>',
      'threads that share each batch; 2 may be faster on two cores with nothing else to do',
      integerOption(1, 64),
      1,
    )
    .option(
      '--learning-rate <x>',
      `at its peak (default: ${fromScratch}; from a base: ${fromBase})`,
      numberOption(0, 1),
    )
    .option('--seed <n>', 'everything follows from it', integerOption(0, 2 ** 31), 1)
    .option(
      '--class-weight <x>',
      `of the loss on the clips' classes; 0: pairs alone (default: ${CLASS_WEIGHT.corpus}; with --collection: ${CLASS_WEIGHT.collection})`,
      weightOption,
    )
    .option(
      '--localization-weight <x>',
      'of InfoNCE over the best position of the picture',
      weightOption,
      0.5,
    )
    .option('--distil-weight <x>', 'of agreement with the teacher', weightOption, 1)
    .option('--distil-rows <n>', 'sounds, and as many pictures, a step', integerOption(1, 4096), 16)
    .option('--alignment-weight <x>', 'of telling true from shifted steps', weightOption, 0.5)
    .option(
      '--hard-negatives-from <x>',
      'part of the run after which batches are filled class by class; 1: never',
      partOption,
      0.6,
    )
    .option('--background <x>', 'how often a faint background is mixed into a sound', partOption, 0.5)
    .option('--average <x>', 'decay of the moving average of the weights; 0: none', partOption, 0.998)
    .option(
      '--patience <n>',
      'evaluations without a better score before stopping',
      integerOption(1, 100_000),
      12,
    )
    .option('--shuffle-pairs', 'the control: every picture gets the sound of another clip');
}

async function train(flags: TrainFlags, context: CommandContext): Promise<void> {
  const bar = new StageBar();
  try {
    const frozen = await frozenBaseOf(flags, context);
    if (frozen !== null) {
      const adapted = await adaptToCollection(frozen, flags, context, bar);
      bar.stop();
      reportAdapted(adapted, flags, context);
      return;
    }
    const { checkThreads, trainModel } = await import('#learning/training/train-model');
    checkThreads(flags);
    const plan = await planTraining(flags, context, bar);
    const options = await runOptions(flags, plan, context);
    const { base } = plan.shape;
    context.note(
      `${plan.clips.train.length} segments to learn from, ${plan.clips.validation.length} for validation; ${
        base ? `from the weights of ${base.id} ${base.version}` : 'from scratch'
      }. Log, plot and checkpoints: ${options.runFolder}`,
    );
    const trained = await trainModel({ ...options, ...progressOn(bar) });
    const comparison = plan.comparison && (await compare(plan.comparison, options.output, context, bar));
    bar.stop();
    report(trained, comparison, flags, context);
  } finally {
    bar.stop();
  }
}

async function runOptions(
  flags: TrainFlags,
  plan: TrainPlan,
  context: CommandContext,
): Promise<TrainOptions> {
  const { dataDir } = await context.config();
  const { name, clips, shape } = plan;
  const { epochs, batchSize, threads, seed, patience } = flags;
  return {
    ...{ name, clips, shape, epochs, batchSize, threads, seed, patience },
    output: path.resolve(flags.out ?? path.join(dataDir, 'models', name)),
    runFolder: path.resolve(flags.run ?? path.join(dataDir, 'runs', name)),
    cacheFolder: path.join(dataDir, 'cache', 'training'),
    peakLearningRate: flags.learningRate ?? LEARNING_RATE[shape.base ? 'fromBase' : 'fromScratch'],
    weights: {
      class: flags.classWeight ?? CLASS_WEIGHT[flags.collection ? 'collection' : 'corpus'],
      localization: flags.localizationWeight,
      alignment: flags.alignmentWeight,
      ...(flags.distil !== undefined && { teacher: flags.distilWeight }),
    },
    hardNegatives: { fromPart: flags.hardNegativesFrom, classRun: 4 },
    distillation: await distillationOf(flags, context),
    backgroundPart: flags.background,
    averageDecay: flags.average,
    pairing: flags.shufflePairs ? 'shuffled' : 'true',
    resume: flags.resume ?? false,
    decodeConcurrency: 2,
    signal: context.signal,
  };
}

/** Null without a teacher. @throws EarshotError `invalid_argument` for media without a teacher, or the reverse */
async function distillationOf(
  { distil, media = [], distilRows: rows }: TrainFlags,
  context: CommandContext,
): Promise<TrainOptions['distillation']> {
  if (distil === undefined && media.length === 0) return undefined;
  if (distil === undefined || media.length === 0) {
    const message = 'A teacher and its media belong together: give --distil and --media.';
    throw new EarshotError('invalid_argument', message, {
      subject: distil === undefined ? 'distil' : 'media',
    });
  }
  const { findModelFolder } = await import('#catalog/models');
  const folder = await findModelFolder(distil, (await context.config()).dataDir);
  const files: string[] = [];
  for (const place of media) files.push(...(await mediaFilesAt(path.resolve(place), { withPictures: true })));
  return { teacher: { folder, name: path.basename(folder) }, files, rows };
}

function progressOn(bar: StageBar): Pick<TrainOptions, 'onCache' | 'onStep' | 'onEvaluation'> {
  let validation = '';
  return {
    onCache: (split, done, total) => bar.update(`decode ${split}`, done, total),
    onStep: (step) => bar.update('train', step.step, step.totalSteps, `${describeStep(step)}${validation}`),
    onEvaluation: ({ r10, chanceR10, classMap }) => {
      const ofClass = classMap === null ? '' : `, class mAP ${classMap.toFixed(3)}`;
      validation = `  validation R@10 ${r10.toFixed(3)} (chance ${chanceR10.toFixed(3)})${ofClass}`;
    },
  };
}

/** `loss 3.210 (pairs 2.1, class 0.3)  850 ms` */
function describeStep({ loss, terms, stepMs }: StepReport): string {
  const parts = Object.entries(terms).map(([name, value]) => `${name} ${value.toFixed(2)}`);
  return `loss ${loss.toFixed(3)} (${parts.join(', ')})  ${Math.round(stepMs)} ms`;
}

async function compare(
  { heldOut, folder }: NonNullable<TrainPlan['comparison']>,
  output: string,
  context: CommandContext,
  bar: StageBar,
): Promise<ModelComparison> {
  const { compareModels } = await import('#learning/training/compare-models');
  return compareModels({ before: folder, after: output }, heldOut, {
    signal: context.signal,
    onProgress: (done, total) => bar.update('compare', done, total),
  });
}
