/**
 * One training run from clips to a model folder: cache, learn, write, export what serves. The run's folder keeps its
 * log, its plot and its checkpoints.
 */
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { writeModelFolder } from '#model/checkpoint/checkpoint';
import type { ModelManifest } from '#model/checkpoint/manifest';
import { MODEL_NAME } from '#model/checkpoint/manifest-parts';
import { loadEngine } from '#model/engine/engine';
import { exportServingGraphs } from '#model/onnx/export-serving';
import { TwoTowerNetwork } from '#model/towers/two-tower';
import { learnCorrespondence } from '#model/training/learn-correspondence';
import type { LearnOptions, LearnResult, StepReport } from '#model/training/learn-options';
import { type ObjectiveWeights, TRAINING_ONLY } from '#model/training/objective';
import { shardSize } from '#model/training/shards';
import type { EvaluationReport } from '#model/training/validation';
import { BatchThread } from './batch-thread.ts';
import { DEFAULT_AUGMENTATION } from './cached-source.ts';
import { type BuildOptions, type CacheClip, type ClipCache, openClipCache } from './clip-cache.ts';
import { type DistillationOptions, describeDistillation, openTaughtMedia } from './distillation.ts';
import { MINI_SHAPE, type ModelShape } from './model-shape.ts';
import { plotRun } from './plot-run.ts';
import { loggedHooks, openRunLog } from './run-log.ts';
import type { TrainingClips } from './training-clips.ts';

export interface TrainOptions {
  clips: TrainingClips;
  /** Of `mini` unless told; a model's own shape brings the weights that the run starts from. */
  shape?: ModelShape;
  /** Log, plot and checkpoints; the model goes to `output`. */
  runFolder: string;
  output: string;
  cacheFolder: string;
  name: string;
  epochs: number;
  batchSize: number;
  /** Worker threads that share each batch; part of what makes the weights. */
  threads: number;
  peakLearningRate: number;
  seed: number;
  pairing: 'true' | 'shuffled';
  weights: ObjectiveWeights;
  hardNegatives: { fromPart: number; classRun: number };
  /** A teacher whose opinions of real media are learned beside the pairs. */
  distillation?: DistillationOptions | undefined;
  /** How often a background is mixed into a clip's sound. */
  backgroundPart: number;
  averageDecay: number;
  patience: number;
  resume: boolean;
  decodeConcurrency: number;
  signal?: AbortSignal;
  onCache?(split: 'train' | 'validation' | 'taught', done: number, total: number): void;
  onStep?(report: StepReport): void;
  onEvaluation?(report: EvaluationReport): void;
}

export interface TrainResult {
  manifest: ModelManifest;
  result: LearnResult;
  durationSec: number;
  /** The run as a picture. */
  plot: string;
}

/** Of long runs; short ones are evaluated a dozen times. */
const EVALUATE_EVERY_STEPS = 200;
const CHECKPOINT_EVERY_STEPS = 200;
const WARM_UP_STEPS = 100;

/** @throws EarshotError `invalid_argument` for a batch that has no equal parts for the threads */
export function checkThreads({ batchSize, threads }: Pick<TrainOptions, 'batchSize' | 'threads'>): void {
  shardSize(batchSize, threads);
}

/**
 * @throws EarshotError `invalid_argument` for a name that can't be one or a batch that the threads can't share, `not_enough_data`, `checkpoint_invalid` when
 *   the run to resume was started with other settings
 */
export async function trainModel(options: TrainOptions): Promise<TrainResult> {
  if (!MODEL_NAME.test(options.name)) {
    const message = `"${options.name}" can't name a model: use lower-case letters, digits, dots, dashes and underscores.`;
    throw new EarshotError('invalid_argument', message, { subject: 'name' });
  }
  checkThreads(options);
  const started = Date.now();
  const { shape = MINI_SHAPE, clips } = options;
  // Before the large caches: a process that holds them takes long to start each decoder.
  const taught =
    options.distillation &&
    (await openTaughtMedia(options.distillation, shape.cache, cacheOptions('taught', options)));
  const train = await openSplit('train', clips.train, shape, options);
  const validation = await openSplit('validation', clips.validation, shape, options);
  const frontEnds = shape.frontEnds(momentsOf(train.logMel));
  const motionSize = shape.towers.video.motion?.size ?? 0;
  const network = new TwoTowerNetwork(await loadEngine(), shape.towers, options.seed);
  if (shape.base) network.store.restore(shape.base.weights);
  const augmentation = { ...DEFAULT_AUGMENTATION, backgroundPart: options.backgroundPart };
  const thread = new BatchThread({
    train: { cache: train, frontEnds, motionSize, augmentation },
    validation: { cache: validation, frontEnds, motionSize },
    // Without taught media nobody asks for this one.
    taught: {
      cache: taught?.cache ?? validation,
      frontEnds,
      motionSize,
      augmentation: { ...augmentation, backgroundPart: 0 },
    },
  });
  try {
    const log = await openRunLog(options.runFolder, options.resume);
    const source = thread.source('train');
    const learnOptions = {
      ...learningOf(options, log),
      validation: thread.source('validation'),
      teaching: taught && { ...taught.teaching, source: thread.source('taught') },
    };
    const result = await learnCorrespondence(network, source, learnOptions);
    const durationSec = (Date.now() - started) / 1000;
    await writeModelFolder(
      options.output,
      {
        id: options.name,
        baseVersion: '0.1.0',
        description: clips.description,
        dimension: shape.towers.audio.embeddingDimension,
        segments: shape.segments,
        frontEnds,
        towers: { kind: 'two-tower', ...shape.towers },
        training: describeRun(options, result),
        parameterCount: countParameters(network),
      },
      network.store.snapshot().filter(({ name }) => !name.startsWith(TRAINING_ONLY)),
    );
    const manifest = await exportServingGraphs(options.output);
    return { manifest, result, durationSec, plot: await plotRun(options.runFolder) };
  } finally {
    await thread.close();
    network.dispose();
  }
}

function learningOf(options: TrainOptions, log: (line: object) => void): LearnOptions {
  const {
    epochs,
    batchSize,
    threads,
    peakLearningRate,
    seed,
    pairing,
    weights,
    hardNegatives,
    averageDecay,
    patience,
  } = options;
  const totalSteps = Math.floor(options.clips.train.length / batchSize) * epochs;
  return {
    epochs,
    batchSize,
    threads,
    peakLearningRate,
    seed,
    pairing,
    weights,
    hardNegatives,
    averageDecay,
    patience,
    warmUpSteps: Math.min(WARM_UP_STEPS, Math.ceil(totalSteps / 10)),
    evaluateEverySteps: Math.min(EVALUATE_EVERY_STEPS, Math.max(5, Math.round(totalSteps / 12))),
    validation: null,
    checkpoint: {
      folder: path.join(options.runFolder, 'checkpoint'),
      everySteps: CHECKPOINT_EVERY_STEPS,
      resume: options.resume,
    },
    signal: options.signal,
    ...loggedHooks(log, options),
  };
}

function countParameters(network: TwoTowerNetwork): number {
  let count = 0;
  for (const [name, variable] of network.store.trainable)
    if (!name.startsWith(TRAINING_ONLY)) count += variable.size;
  return count;
}

function openSplit(
  split: 'train' | 'validation',
  clips: readonly CacheClip[],
  shape: ModelShape,
  options: TrainOptions,
): Promise<ClipCache> {
  return openClipCache(clips, shape.cache, cacheOptions(split, options));
}

function cacheOptions(split: 'train' | 'validation' | 'taught', options: TrainOptions): BuildOptions {
  return {
    folder: options.cacheFolder,
    concurrency: options.decodeConcurrency,
    signal: options.signal,
    onProgress: (done, total) => options.onCache?.(split, done, total),
  };
}

/** Mean and deviation of all log-mel values of the training clips. */
function momentsOf(logMel: Float32Array): { mean: number; deviation: number } {
  let sum = 0;
  let squares = 0;
  for (const value of logMel) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / logMel.length;
  const round = (value: number) => Number(value.toFixed(4));
  // Clips of one single value have no deviation to divide by.
  const deviation = Math.sqrt(Math.max(0, squares / logMel.length - mean * mean));
  return { mean: round(mean), deviation: Math.max(0.01, round(deviation)) };
}

function describeRun(options: TrainOptions, result: LearnResult): Record<string, unknown> {
  const { clips, shape, seed, epochs, batchSize, threads, peakLearningRate, pairing, weights } = options;
  const { hardNegatives, backgroundPart, averageDecay } = options;
  const base = shape?.base ? { id: shape.base.id, version: shape.base.version } : undefined;
  return {
    ...clips.provenance,
    ...(base && { base }),
    clips: { train: clips.train.length, validation: clips.validation.length },
    ...{ seed, epochs, batchSize, threads, peakLearningRate, pairing, weights },
    ...{ hardNegatives, backgroundPart, averageDecay },
    ...(options.distillation && { distillation: describeDistillation(options.distillation) }),
    steps: result.step,
    bestStep: result.bestStep,
    stoppedBy: result.stoppedBy,
  };
}
