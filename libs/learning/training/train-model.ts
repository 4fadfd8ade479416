/**
 * One training run from a corpus folder to a model folder: cache, learn, write, export what serves. The run's log is JSON lines, one a
 * step, so that it can be plotted while it runs.
 */
import { appendFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { writeModelFolder } from '#model/checkpoint/checkpoint';
import { MODEL_NAME, type ModelManifest } from '#model/checkpoint/manifest';
import { loadEngine } from '#model/engine/engine';
import { exportServingGraphs } from '#model/onnx/export-serving';
import { MINI_TOWERS, TwoTowerNetwork } from '#model/towers/two-tower';
import { type LearnResult, learnCorrespondence, type StepReport } from '#model/training/learn-correspondence';
import { type ObjectiveWeights, TRAINING_ONLY } from '#model/training/objective';
import type { EvaluationReport } from '#model/training/validation';
import { manifestHash, readManifest } from '../corpus/manifest.ts';
import type { Split } from '../corpus/performance.ts';
import { CachedSource } from './cached-source.ts';
import { type ClipCache, openClipCache } from './clip-cache.ts';
import { MINI_CACHE, MINI_SEGMENTS, miniFrontEnds } from './mini.ts';

export interface TrainOptions {
  corpus: string;
  /** Checkpoints and the log; the model goes to `output`. */
  runFolder: string;
  output: string;
  cacheFolder: string;
  name: string;
  epochs: number;
  batchSize: number;
  peakLearningRate: number;
  seed: number;
  pairing: 'true' | 'shuffled';
  weights: ObjectiveWeights;
  hardNegatives: { fromPart: number; classRun: number };
  averageDecay: number;
  patience: number;
  resume: boolean;
  /** Only the first so many training clips: for trying out. */
  maxClips?: number;
  decodeConcurrency: number;
  signal?: AbortSignal;
  onCache?(split: Split, done: number, total: number): void;
  onStep?(report: StepReport): void;
  onEvaluation?(report: EvaluationReport): void;
}

export interface TrainResult {
  manifest: ModelManifest;
  result: LearnResult;
  durationSec: number;
}

const EVALUATE_EVERY_STEPS = 200;
const CHECKPOINT_EVERY_STEPS = 200;
const WARM_UP_STEPS = 100;

/**
 * @throws EarshotError `invalid_argument` for a name that can't be one, `file_not_found` without a corpus,
 *   `checkpoint_invalid` when the run to resume was started with other settings
 */
export async function trainModel(options: TrainOptions): Promise<TrainResult> {
  if (!MODEL_NAME.test(options.name)) {
    const message = `"${options.name}" can't name a model: use lower-case letters, digits, dots, dashes and underscores.`;
    throw new EarshotError('invalid_argument', message, { subject: 'name' });
  }
  const started = Date.now();
  const train = await openSplit('train', options);
  const validation = await openSplit('validation', options);
  const normalization = momentsOf(train.logMel);
  const frontEnds = miniFrontEnds(normalization);
  const motionSize = MINI_TOWERS.video.motion?.size ?? 0;
  const network = new TwoTowerNetwork(await loadEngine(), MINI_TOWERS, options.seed);
  const log = await openLog(options);
  const result = await learnCorrespondence(network, new CachedSource(train, frontEnds, motionSize), {
    epochs: options.epochs,
    batchSize: options.batchSize,
    peakLearningRate: options.peakLearningRate,
    warmUpSteps: WARM_UP_STEPS,
    seed: options.seed,
    pairing: options.pairing,
    weights: options.weights,
    hardNegatives: options.hardNegatives,
    averageDecay: options.averageDecay,
    evaluateEverySteps: EVALUATE_EVERY_STEPS,
    patience: options.patience,
    validation: new CachedSource(validation, frontEnds, motionSize),
    checkpoint: {
      folder: path.join(options.runFolder, 'checkpoint'),
      everySteps: CHECKPOINT_EVERY_STEPS,
      resume: options.resume,
    },
    signal: options.signal,
    onStep: (report) => {
      log({ kind: 'step', ...report });
      options.onStep?.(report);
    },
    onEvaluation: (report) => {
      log({ kind: 'evaluation', ...report });
      options.onEvaluation?.(report);
    },
  });
  const durationSec = (Date.now() - started) / 1000;
  await writeModelFolder(
    options.output,
    {
      id: options.name,
      baseVersion: '0.1.0',
      description: 'Two towers trained on the generated corpus of sounding objects.',
      dimension: MINI_TOWERS.audio.embeddingDimension,
      segments: MINI_SEGMENTS,
      frontEnds,
      towers: { kind: 'two-tower', ...MINI_TOWERS },
      training: await describeRun(options, train, validation, result),
      parameterCount: countParameters(network),
    },
    network.store.snapshot().filter(({ name }) => !name.startsWith(TRAINING_ONLY)),
  );
  network.dispose();
  const manifest = await exportServingGraphs(options.output);
  return { manifest, result, durationSec };
}

function countParameters(network: TwoTowerNetwork): number {
  let count = 0;
  for (const [name, variable] of network.store.trainable)
    if (!name.startsWith(TRAINING_ONLY)) count += variable.size;
  return count;
}

async function openSplit(split: Split, options: TrainOptions): Promise<ClipCache> {
  const entries = await readManifest(options.corpus, split);
  const chosen = split === 'train' && options.maxClips ? entries.slice(0, options.maxClips) : entries;
  return openClipCache(
    chosen.map(({ id, file, label }) => ({ id, label, file: path.join(options.corpus, file) })),
    MINI_CACHE,
    {
      folder: options.cacheFolder,
      concurrency: options.decodeConcurrency,
      signal: options.signal,
      onProgress: (done, total) => options.onCache?.(split, done, total),
    },
  );
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
  return { mean: round(mean), deviation: round(Math.sqrt(squares / logMel.length - mean * mean)) };
}

async function openLog(options: TrainOptions): Promise<(line: object) => void> {
  const file = path.join(options.runFolder, 'log.jsonl');
  await mkdir(options.runFolder, { recursive: true });
  if (!options.resume) {
    await rm(path.join(options.runFolder, 'checkpoint'), { recursive: true, force: true });
    await writeFile(file, '');
  }
  // Synchronous on purpose: steps leave the event loop only a moment each, in which queued writes would fall behind.
  return (line) => appendFileSync(file, `${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
}

async function describeRun(
  options: TrainOptions,
  train: ClipCache,
  validation: ClipCache,
  result: LearnResult,
) {
  const hashes = await Promise.all(
    (['train', 'validation', 'test'] as const).map(async (split) =>
      manifestHash(await readManifest(options.corpus, split)),
    ),
  );
  return {
    corpus: { train: hashes[0], validation: hashes[1], test: hashes[2] },
    clips: { train: train.clips.length, validation: validation.clips.length },
    seed: options.seed,
    epochs: options.epochs,
    batchSize: options.batchSize,
    peakLearningRate: options.peakLearningRate,
    pairing: options.pairing,
    weights: options.weights,
    hardNegatives: options.hardNegatives,
    averageDecay: options.averageDecay,
    steps: result.step,
    bestStep: result.bestStep,
    stoppedBy: result.stoppedBy,
  };
}
