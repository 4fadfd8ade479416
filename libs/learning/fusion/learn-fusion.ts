/** Learns a fusion on frozen towers, from the classes of the training clips. */
import type * as tfTypes from '@tensorflow/tfjs';
import { SeededRandom } from '#core/random';
import type { Engine } from '#model/engine/engine';
import { ParameterStore } from '#model/layers/parameters';
import { unitLength } from '#model/layers/unit-length';
import { Adam, cosineSchedule } from '#model/training/adam';
import { namedGradients } from '#model/training/named-gradients';
import type { FusionNetwork, SceneBatch } from './fusion-networks.ts';

/** What the towers make of one scene. */
export interface SceneFeatures {
  label: string;
  /** Unit vectors, `[dimension]`. */
  audio: Float32Array;
  video: Float32Array;
  /** `[steps * tokenWidth]`; as many steps in every scene. */
  audioSteps: Float32Array;
  videoSteps: Float32Array;
}

export interface FusionLearning {
  dimension: number;
  tokenWidth: number;
  steps: number;
  batchSize: number;
  peakLearningRate: number;
  seed: number;
}

/** Of the cosines with the classes' prototypes: about where a contrastive temperature comes to rest. */
const SCALE = 14;

export interface LearnedFusion {
  loss: number;
  /** Unit vectors of scenes, in their order. */
  fuse(scenes: readonly SceneFeatures[]): Float32Array[];
}

/**
 * Cross-entropy over learned prototypes of the classes, which serve training alone: what is kept is the fusion, and
 * classes that it has never seen are told apart by prototypes made of its vectors.
 */
export function learnFusion(
  engine: Engine,
  make: (store: ParameterStore, widths: { dimension: number; tokenWidth: number }) => FusionNetwork,
  scenes: readonly SceneFeatures[],
  options: FusionLearning,
): LearnedFusion {
  const { tf } = engine;
  const { dimension, tokenWidth, steps, batchSize, peakLearningRate, seed } = options;
  const store = new ParameterStore(engine, seed);
  const network = make(store, options);
  const classes = [...new Set(scenes.map(({ label }) => label))].sort();
  const deviation = Math.sqrt(1 / dimension);
  const prototypes = store.weight('prototypes', [classes.length, dimension], { kind: 'normal', deviation });
  const optimizer = new Adam(store);
  const random = new SeededRandom(`${seed}:fusion`);
  let loss = Number.NaN;
  for (let step = 0; step < steps; step++) {
    const chosen = Array.from(
      { length: batchSize },
      () => scenes[random.integer(0, scenes.length)] as SceneFeatures,
    );
    const targets = chosen.map(({ label }) => classes.indexOf(label));
    const lossOf = () => {
      const fused = network.apply(batchOf(tf, chosen, tokenWidth)) as tfTypes.Tensor2D;
      const logits = tf.mul(
        tf.matMul(fused, unitLength(tf, prototypes as unknown as tfTypes.Tensor2D), false, true),
        SCALE,
      );
      const hot = tf.oneHot(tf.tensor1d(targets, 'int32'), classes.length);
      return tf.neg(tf.mean(tf.sum(tf.mul(hot, tf.logSoftmax(logits)), -1))) as tfTypes.Scalar;
    };
    const learned = namedGradients(engine, store, lossOf);
    loss = learned.loss;
    const rate = { peak: peakLearningRate, warmUpSteps: Math.ceil(steps / 20), totalSteps: steps };
    optimizer.update(learned.gradients, cosineSchedule(step, rate));
  }
  return { loss, fuse: (asked) => fuseAll(engine, network, asked, options) };
}

function fuseAll(
  { tf }: Engine,
  network: FusionNetwork,
  scenes: readonly SceneFeatures[],
  { dimension, tokenWidth, batchSize }: FusionLearning,
): Float32Array[] {
  const vectors: Float32Array[] = [];
  for (let from = 0; from < scenes.length; from += batchSize) {
    const part = scenes.slice(from, from + batchSize);
    const fused = tf.tidy(() => network.apply(batchOf(tf, part, tokenWidth)));
    const data = fused.dataSync() as Float32Array;
    fused.dispose();
    part.forEach((_, i) => {
      vectors.push(data.slice(i * dimension, (i + 1) * dimension));
    });
  }
  return vectors;
}

function batchOf(tf: Engine['tf'], scenes: readonly SceneFeatures[], tokenWidth: number): SceneBatch {
  const stacked = (of: (scene: SceneFeatures) => Float32Array) => {
    const size = of(scenes[0] as SceneFeatures).length;
    const data = new Float32Array(scenes.length * size);
    scenes.forEach((scene, i) => {
      data.set(of(scene), i * size);
    });
    return tf.tensor2d(data, [scenes.length, size]);
  };
  const steps = (of: (scene: SceneFeatures) => Float32Array) => {
    const flat = stacked(of);
    return tf.reshape(flat, [scenes.length, flat.shape[1] / tokenWidth, tokenWidth]);
  };
  return {
    audio: stacked(({ audio }) => audio),
    video: stacked(({ video }) => video),
    audioSteps: steps(({ audioSteps }) => audioSteps),
    videoSteps: steps(({ videoSteps }) => videoSteps),
  };
}
