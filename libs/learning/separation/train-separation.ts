/** One run from a corpus to a separation model: cache, learn, write what serves. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { readTwoTowerManifest, sha256 } from '#model/checkpoint/checkpoint';
import { decodeSafetensors } from '#model/checkpoint/safetensors';
import { loadEngine } from '#model/engine/engine';
import type { NamedArray } from '#model/layers/parameters';
import { GuideTower } from '#model/separation/network/guide-tower';
import {
  learnSeparation,
  type SeparationEvaluation,
  type SeparationStep,
} from '#model/separation/network/learn-separation';
import {
  isSeparationModel,
  readCheckedFile,
  readSeparationManifest,
  type SeparationManifest,
} from '#model/separation/network/manifest';
import {
  SeparationNetwork,
  type SeparationNetworkOptions,
} from '#model/separation/network/separation-network';
import { writeSeparationModel } from '#model/separation/network/write-separation-model';
import { AUDIO_TIME_STRIDE } from '#model/towers/audio-tower';
import { manifestHash, readManifest } from '../corpus/manifest.ts';
import { loggedHooks, openRunLog } from '../training/run-log.ts';
import { openSoloCache } from './solo-cache.ts';
import { DEFAULT_MIXING, SoloSource } from './solo-source.ts';

export interface TrainSeparationOptions {
  corpus: string;
  /**
   * Folder of the two-tower model whose video tower guides; or of a separation model, whose guide is kept and whose
   * weights are trained on.
   */
  base: string;
  runFolder: string;
  output: string;
  cacheFolder: string;
  /** Only the first so many training clips. */
  maxClips?: number | undefined;
  steps: number;
  batchSize: number;
  peakLearningRate: number;
  averageDecay: number;
  mask: SeparationNetworkOptions['mask'];
  seed: number;
  resume: boolean;
  signal?: AbortSignal | undefined;
  onCache?(split: 'train' | 'validation', done: number, total: number): void;
  onStep?(report: SeparationStep): void;
  onEvaluation?(report: SeparationEvaluation): void;
}

/** Small enough for a laptop core. */
const SHAPE = { levelChannels: [24, 32, 48, 64, 96, 128], featureMaps: 24, hiddenWidth: 128 };
const VALIDATION_CLIPS = 108;
const EVERY_STEPS = { evaluate: 200, checkpoint: 100 };

/**
 * Trains, and writes a model folder; a stopped run (`signal`) writes the weights that it has.
 *
 * @returns the manifest as written, and the steps taken
 * @throws EarshotError `not_enough_data` without a corpus of single sources, `model_invalid` for a guide without
 *   positions, `training_diverged`, `checkpoint_invalid` when the run to resume was started with other settings
 */
export async function trainSeparation(
  options: TrainSeparationOptions,
): Promise<{ manifest: SeparationManifest; steps: number }> {
  const { corpus, base, maxClips, mask, seed } = options;
  const [train, validation] = await Promise.all(
    (['train', 'validation'] as const).map((split) => readManifest(corpus, split)),
  );
  const clips = (train ?? []).slice(0, maxClips);
  if (new Set(clips.map(({ label }) => label)).size < 3) {
    const message = `${corpus} has clips of fewer than three classes: make a corpus with "earshot corpus".`;
    throw new EarshotError('not_enough_data', message, { subject: corpus });
  }
  const { graph, guide, shape, weights, version } = await readBase(base);
  const tower = await GuideTower.open(graph, guide.video);
  const open = (split: 'train' | 'validation', entries: typeof clips) =>
    openSoloCache(entries, {
      ...{ folder: options.cacheFolder, corpus, tower, guide, widths: shape, signal: options.signal },
      onProgress: (done, total) => options.onCache?.(split, done, total),
    });
  const trainCache = await open('train', clips);
  const validationCache = await open('validation', (validation ?? []).slice(0, VALIDATION_CLIPS));
  await tower.dispose();
  const network = new SeparationNetwork(await loadEngine(), { ...shape, mask }, seed);
  try {
    if (weights) network.store.restore(weights);
    const steps = await learn(network, trainCache, validationCache, options);
    const manifest = await writeSeparationModel(options.output, network, {
      id: 'separation',
      baseVersion: '0.1.0',
      description:
        'Visually guided separation, trained on mixtures of the generated corpus of sounding objects.',
      guide: { graph, ...guide },
      training: {
        corpus: manifestHash(train ?? []),
        clips: clips.length,
        ...(weights && { startedFrom: version }),
        ...{ steps, ofSteps: options.steps, seed, batchSize: options.batchSize },
        ...{ peakLearningRate: options.peakLearningRate, averageDecay: options.averageDecay },
        mixing: DEFAULT_MIXING,
      },
    });
    return { manifest, steps };
  } finally {
    network.dispose();
  }
}

async function learn(
  network: SeparationNetwork,
  train: Awaited<ReturnType<typeof openSoloCache>>,
  validation: Awaited<ReturnType<typeof openSoloCache>>,
  options: TrainSeparationOptions,
): Promise<number> {
  const log = await openRunLog(options.runFolder, options.resume);
  return learnSeparation(network, new SoloSource(train, network.options), {
    totalSteps: options.steps,
    batchSize: options.batchSize,
    peakLearningRate: options.peakLearningRate,
    averageDecay: options.averageDecay,
    seed: options.seed,
    validation: new SoloSource(validation, network.options),
    evaluateEverySteps: EVERY_STEPS.evaluate,
    checkpoint: {
      folder: path.join(options.runFolder, 'checkpoint'),
      everySteps: EVERY_STEPS.checkpoint,
      resume: options.resume,
    },
    signal: options.signal,
    ...loggedHooks(log, options),
  });
}

interface Base {
  /** Of the guide. */
  graph: Uint8Array;
  guide: Omit<SeparationManifest['guide'], 'file'>;
  shape: Omit<SeparationNetworkOptions, 'mask'>;
  /** To train on from; null: from scratch. */
  weights: NamedArray[] | null;
  version: string;
}

async function readBase(folder: string): Promise<Base> {
  if (!(await isSeparationModel(folder))) return await readGuide(folder);
  const { guide, network, weights, version } = await readSeparationManifest(folder);
  const [graph, bytes] = await Promise.all([
    readCheckedFile(folder, guide),
    readCheckedFile(folder, weights),
  ]);
  return { graph, guide, shape: network, weights: decodeSafetensors(bytes, folder), version };
}

/** What a two-tower model's video tower takes and gives, by its description. */
async function readGuide(folder: string): Promise<Base> {
  const model = await readTwoTowerManifest(folder);
  const { video } = model.towers;
  const { motion } = video;
  if (!motion || !video.positions) {
    const message = `The model "${model.id}" sees no motion or has no positions: give one that has, such as mini.`;
    throw new EarshotError('model_invalid', message, { subject: model.id });
  }
  const graph = await readFile(path.join(folder, model.serving?.video.file ?? 'video.onnx'));
  const guide = {
    sha256: sha256(graph),
    model: { id: model.id, version: model.version },
    steps: model.frontEnds.audio.frames / AUDIO_TIME_STRIDE,
    motionSize: motion.size,
    video: model.frontEnds.video,
  };
  const widths = {
    positionWidth: video.embeddingDimension,
    embeddingWidth: video.embeddingDimension,
    stepWidth: video.tokenWidth,
  };
  return { graph, guide, shape: { ...SHAPE, ...widths }, weights: null, version: model.version };
}
