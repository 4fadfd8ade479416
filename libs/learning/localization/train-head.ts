/**
 * Trains the localization head on scenes put together of the corpus' training clips, with the towers frozen. It is
 * supervised: where the objects are is known of every generated clip, and the head is told.
 */
import path from 'node:path';
import type * as tfTypes from '@tensorflow/tfjs';
import { EarshotError } from '#core/errors';
import type { Engine } from '#model/engine/engine';
import { type NamedArray, ParameterStore } from '#model/layers/parameters';
import { LocalizationHead, type LocalizationHeadOptions } from '#model/localization/localization-head';
import { readGroundTruth, readManifest } from '../corpus/manifest.ts';
import { openClipCache } from '../training/clip-cache.ts';
import type { ModelShape } from '../training/model-shape.ts';
import type { HeadBatch, HeadBatches } from './head-batches.ts';
import { learnFromScenes, type SceneRun, type SceneSchedule } from './learn-from-scenes.ts';
import { objectTruths, type SceneClips, softTruth } from './scene-clips.ts';

export const DEFAULT_HEAD_STEPS = 700;

const SCHEDULE = {
  batchSize: 24,
  firstScenes: 96,
  freshScenes: 2,
  framesPerScene: 3,
  peakLearningRate: 0.004,
  warmUpSteps: 30,
  averageDecay: 0.99,
} satisfies Omit<SceneSchedule, 'steps'>;

export interface HeadTraining extends Omit<SceneRun, 'seed'> {
  steps: number;
  seed: number;
}

/**
 * The solos of one of the corpus' splits with their truths. The cache is that of the towers' own training, where there is one.
 *
 * @throws EarshotError `file_not_found` without a corpus
 */
export async function openSceneClips(
  corpus: string,
  shape: ModelShape,
  options: {
    cacheFolder: string;
    split?: 'train' | 'validation';
    maxClips?: number;
    signal?: AbortSignal;
    onProgress?(stage: string, done: number, total: number): void;
  },
): Promise<SceneClips> {
  const { split = 'train' } = options;
  const entries = (await readManifest(corpus, split)).slice(0, options.maxClips);
  const clips = entries.map(({ id, file, label }) => ({ id, label, file: path.join(corpus, file) }));
  const cache = await openClipCache(clips, shape.cache, {
    folder: options.cacheFolder,
    concurrency: 2,
    signal: options.signal,
    onProgress: (done, total) => options.onProgress?.(`decode ${split}`, done, total),
  });
  const { rateHz, colourEveryFrames } = shape.cache.video;
  const timesSec = Array.from({ length: cache.framesPerClip }, (_, i) => (i * colourEveryFrames) / rateHz);
  const truths: Uint8Array[][] = [];
  for (const [i, entry] of entries.entries()) {
    options.signal?.throwIfAborted();
    const truth = await readGroundTruth(corpus, entry);
    const object = truth.sources[0]?.object ?? null;
    if (object === null)
      throw new EarshotError('not_enough_data', `${entry.id} has no object that sounds.`, {
        subject: entry.id,
      });
    const [frames] = await objectTruths(corpus, entry, truth, [object], timesSec);
    truths.push((frames ?? []).map(softTruth));
    options.onProgress?.('read truths', i + 1, entries.length);
  }
  return { cache, truths };
}

/**
 * @returns the averaged weights
 * @throws EarshotError see `learnFromScenes`
 */
export async function trainHead(
  engine: Engine,
  options: LocalizationHeadOptions,
  batches: HeadBatches,
  { steps, seed, settings, ...run }: HeadTraining,
): Promise<NamedArray[]> {
  const { tf } = engine;
  const store = new ParameterStore(engine, seed);
  const head = new LocalizationHead(store, 'localization', options);
  const loss = (batch: HeadBatch) => {
    const logits = applyHead(engine, head, batch, true);
    return crossEntropy(engine, logits, tf.tensor3d(batch.truth.data, logits.shape));
  };
  try {
    return await learnFromScenes(
      { engine, store, units: head.units, scenes: batches, loss },
      { ...SCHEDULE, steps },
      { ...run, seed: `localization/${seed}`, settings: { ...settings, head: options } },
    );
  } finally {
    store.dispose();
  }
}

function applyHead(
  { tf }: Engine,
  head: LocalizationHead,
  batch: HeadBatch,
  training: boolean,
): tfTypes.Tensor3D {
  const four = (name: 'quarter' | 'eighth' | 'map' | 'positions' | 'evidence') =>
    tf.tensor4d(batch[name].data, batch[name].shape as [number, number, number, number]);
  const stages = {
    quarter: four('quarter'),
    eighth: four('eighth'),
    map: four('map'),
    positions: four('positions'),
  };
  const audio = tf.tensor2d(batch.audio.data, batch.audio.shape as [number, number]);
  return head.apply(stages, four('evidence'), audio, training);
}

/** Mean binary cross-entropy of logits against targets in 0..1. */
function crossEntropy({ tf }: Engine, logits: tfTypes.Tensor, targets: tfTypes.Tensor): tfTypes.Scalar {
  return tf.mean(tf.sub(tf.softplus(logits), tf.mul(logits, targets))) as tfTypes.Scalar;
}
