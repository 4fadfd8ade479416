/** One run from a corpus to a separation model: cache, learn, write what serves. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { readCheckedFile, readTwoTowerManifest, sha256 } from '#model/checkpoint/checkpoint';
import { decodeSafetensors } from '#model/checkpoint/safetensors';
import { readSynchronization } from '#model/checkpoint/synchronization';
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
  readSeparationManifest,
  type SeparationManifest,
} from '#model/separation/network/manifest';
import {
  SeparationNetwork,
  type SeparationNetworkOptions,
} from '#model/separation/network/separation-network';
import { writeSeparationModel } from '#model/separation/network/write-separation-model';
import { MotionStream } from '#model/synchronization/stream';
import { AUDIO_TIME_STRIDE } from '#model/towers/audio-tower';
import { type ManifestEntry, manifestHash, readManifest } from '../corpus/manifest.ts';
import { loggedHooks, openRunLog } from '../training/run-log.ts';
import type { ListPart } from '../training/split-list.ts';
import { corpusScenes, corpusSolos, LIST_SEED, listedSolos } from './learning-clips.ts';
import { ClipMixtures, DEFAULT_MIXING } from './mixture-source.ts';
import {
  type CacheOptions,
  type ClipCache,
  openSceneCache,
  openSoloCache,
  type Scene,
  type Solo,
} from './separation-cache.ts';

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
  /** Lists of further clips, two of which are mixed: talking faces, for example. */
  also?: readonly string[] | undefined;
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
  onCache?(stage: string, done: number, total: number): void;
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
  const from = await readBase(base);
  const { graph, stream, guide, weights, version } = from;
  const shape = { ...from.shape, mask };
  const entries = { train: clips, validation: (validation ?? []).slice(0, VALIDATION_CLIPS) };
  const sources = await openSources(entries, from, shape, options);
  const network = new SeparationNetwork(await loadEngine(), shape, seed);
  try {
    if (weights) network.store.restore(weights);
    const steps = await learn(network, sources, options);
    const manifest = await writeSeparationModel(options.output, network, {
      id: 'separation',
      baseVersion: '0.1.0',
      description:
        'Visually guided separation, trained on mixtures of the generated corpus of sounding objects.',
      guide: { graph, stream, ...guide },
      training: {
        corpus: manifestHash(train ?? []),
        clips: clips.length,
        lists: (options.also ?? []).map((list) => path.basename(list)),
        scenes: sources.train.settings.scenes,
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

/** The clips of the corpus and of the lists, decoded and looked at. */
async function openSources(
  entries: Record<'train' | 'validation', ManifestEntry[]>,
  { graph, stream, guide }: Base,
  shape: SeparationNetworkOptions,
  options: TrainSeparationOptions,
): Promise<Record<'train' | 'validation', ClipMixtures>> {
  const { corpus, cacheFolder, signal } = options;
  const tower = await GuideTower.open(graph, guide.video);
  const cacheOptions = (stage: string): CacheOptions => ({
    ...{ folder: cacheFolder, tower, guide, widths: shape, signal },
    onProgress: (done, total) => options.onCache?.(stage, done, total),
  });
  const lists: { name: string; parts: Record<ListPart, Solo[]> }[] = [];
  for (const list of options.also ?? []) {
    const parts = await listedSolos(list, { seed: LIST_SEED, cacheFolder, signal });
    lists.push({ name: path.basename(list), parts });
  }
  const scenes = await scenesOf(corpus);
  const made = async (split: 'train' | 'validation') => {
    const caches = {
      solos: await openSoloCache(await corpusSolos(corpus, entries[split]), cacheOptions(split)),
      listed: [] as ClipCache[],
      scenes: [] as ClipCache[],
    };
    for (const { name, parts } of lists)
      caches.listed.push(await openSoloCache(parts[split], cacheOptions(`${name}, ${split}`)));
    for (const [name, parts] of scenes)
      caches.scenes.push(await openSceneCache(parts[split], cacheOptions(`${name}, ${split}`)));
    return new ClipMixtures(caches, shape, new MotionStream(stream));
  };
  const sources = { train: await made('train'), validation: await made('validation') };
  await tower.dispose();
  return sources;
}

/** Duets and trios, where the corpus has them: by the name of their split. */
async function scenesOf(corpus: string): Promise<[string, Record<'train' | 'validation', Scene[]>][]> {
  const found: [string, Record<'train' | 'validation', Scene[]>][] = [];
  for (const split of ['train-duets', 'train-trios'] as const) {
    const entries = await readManifest(corpus, split).catch((error: unknown) => {
      if (error instanceof EarshotError && error.code === 'file_not_found') return [];
      throw error;
    });
    const scenes = await corpusScenes(corpus, entries);
    if (scenes.validation.length > 0) found.push([split, scenes]);
  }
  return found;
}

async function learn(
  network: SeparationNetwork,
  { train, validation }: Record<'train' | 'validation', ClipMixtures>,
  options: TrainSeparationOptions,
): Promise<number> {
  const log = await openRunLog(options.runFolder, options.resume);
  return learnSeparation(network, train, {
    totalSteps: options.steps,
    batchSize: options.batchSize,
    peakLearningRate: options.peakLearningRate,
    averageDecay: options.averageDecay,
    seed: options.seed,
    validation,
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
  /** Arrays of the cells' stream. */
  stream: readonly NamedArray[];
  guide: Omit<SeparationManifest['guide'], 'file' | 'cells'>;
  shape: Omit<SeparationNetworkOptions, 'mask'>;
  /** To train on from; null: from scratch. */
  weights: NamedArray[] | null;
  version: string;
}

async function readBase(folder: string): Promise<Base> {
  if (!(await isSeparationModel(folder))) return await readGuide(folder);
  const { guide, network, weights, version } = await readSeparationManifest(folder);
  const [graph, cells, bytes] = (await Promise.all(
    [guide, guide.cells, weights].map((file) => readCheckedFile(folder, file)),
  )) as [Uint8Array, Uint8Array, Uint8Array];
  const { cells: _, ...seen } = guide;
  return {
    ...{ graph, guide: seen, shape: network, version },
    stream: decodeSafetensors(cells, folder),
    weights: decodeSafetensors(bytes, folder),
  };
}

/** What a two-tower model's video tower takes and gives, by its description. */
async function readGuide(folder: string): Promise<Base> {
  const model = await readTwoTowerManifest(folder);
  const { video } = model.towers;
  const { motion } = video;
  const synchronization = await readSynchronization(folder, model);
  if (!motion || !video.positions || !synchronization) {
    const message = `The model "${model.id}" sees no motion, or has no positions or no synchronisation head: give one that has, such as mini.`;
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
  const cells = new MotionStream(synchronization.head.arrays);
  const widths = {
    positionWidth: video.embeddingDimension,
    embeddingWidth: video.embeddingDimension,
    stepWidth: video.tokenWidth,
    cellWidth: cells.width,
  };
  const shape = { ...SHAPE, ...widths };
  return { graph, stream: cells.arrays, guide, shape, weights: null, version: model.version };
}
