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
import { Adam, cosineSchedule } from '#model/training/adam';
import { MovingAverage } from '#model/training/moving-average';
import { namedGradients } from '#model/training/named-gradients';
import { readGroundTruth, readManifest } from '../corpus/manifest.ts';
import { openClipCache } from '../training/clip-cache.ts';
import type { ModelShape } from '../training/model-shape.ts';
import type { HeadBatch, HeadBatches } from './head-batches.ts';
import { objectTruths, type SceneClips, softTruth } from './scene-clips.ts';

const STATISTICS_MOMENTUM = 0.95;
const AVERAGE_DECAY = 0.99;
const WARM_UP_STEPS = 30;

export interface HeadTraining {
  steps: number;
  /** Frames a step. */
  batchSize: number;
  /** Made before the first step. */
  firstScenes: number;
  /** Made before each further step. */
  freshScenes: number;
  framesPerScene: number;
  peakLearningRate: number;
  seed: number;
  signal?: AbortSignal;
  onStep?(step: number, loss: number): void;
}

export const DEFAULT_HEAD_TRAINING = {
  steps: 700,
  batchSize: 24,
  firstScenes: 96,
  freshScenes: 2,
  framesPerScene: 3,
  peakLearningRate: 0.004,
} as const;

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

/** @returns the averaged weights */
export async function trainHead(
  engine: Engine,
  options: LocalizationHeadOptions,
  batches: HeadBatches,
  training: HeadTraining,
): Promise<NamedArray[]> {
  const store = new ParameterStore(engine, training.seed);
  const head = new LocalizationHead(store, 'localization', options);
  const adam = new Adam(store, { weightDecay: 0.01 });
  const average = new MovingAverage(store, AVERAGE_DECAY);
  const { steps, framesPerScene, batchSize, peakLearningRate: peak } = training;
  const seed = `localization/${training.seed}`;
  try {
    for (let step = 0; step < steps; step++) {
      if (training.signal?.aborted) throw new EarshotError('cancelled', 'The training was stopped.');
      const scenes = step === 0 ? training.firstScenes : training.freshScenes;
      await batches.add(scenes, framesPerScene, `${seed}/scenes/${step}`);
      const batch = batches.draw(batchSize, `${seed}/batch/${step}`);
      const { loss, gradients } = differentiate(engine, store, head, batch);
      adam.update(gradients, cosineSchedule(step, { peak, warmUpSteps: WARM_UP_STEPS, totalSteps: steps }));
      for (const unit of head.units) unit.absorbBatchStatistics(STATISTICS_MOMENTUM);
      average.update(step);
      training.onStep?.(step + 1, loss);
    }
    return average.snapshot();
  } finally {
    store.dispose();
  }
}

function differentiate(engine: Engine, store: ParameterStore, head: LocalizationHead, batch: HeadBatch) {
  const { tf } = engine;
  return namedGradients(engine, store, () => {
    const logits = applyHead(engine, head, batch, true);
    const truth = tf.tensor3d(batch.truth.data, logits.shape);
    return crossEntropy(engine, logits, truth);
  });
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
