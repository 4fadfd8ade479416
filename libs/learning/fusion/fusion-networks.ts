/** Fusions of the two towers' answers about a scene, small enough to be learned in minutes on frozen towers. */
import type * as tfTypes from '@tensorflow/tfjs';
import { Dense } from '#model/layers/dense';
import { CrossModalAttention, WeightedFusion } from '#model/layers/fusion';
import type { ParameterStore } from '#model/layers/parameters';
import { unitLength } from '#model/layers/unit-length';

/** What the towers make of a batch of scenes. */
export interface SceneBatch {
  /** Unit vectors, `[batch, dimension]`. */
  audio: tfTypes.Tensor;
  video: tfTypes.Tensor;
  /** `[batch, steps, tokenWidth]` */
  audioSteps: tfTypes.Tensor;
  videoSteps: tfTypes.Tensor;
}

export interface FusionNetwork {
  /** Unit vectors, `[batch, dimension]`. */
  apply(batch: SceneBatch): tfTypes.Tensor;
}

interface Widths {
  dimension: number;
  tokenWidth: number;
}

/** A mean of both vectors, whose weight a gate reads off them. */
export function weightedNetwork(store: ParameterStore, { dimension }: Widths): FusionNetwork {
  const { tf } = store.engine;
  const fusion = new WeightedFusion(store, 'weighted', dimension);
  return { apply: ({ audio, video }) => unitLength(tf, fusion.apply(audio, video).fused) };
}

const ATTENTION_WIDTH = 64;
const HEADS = 4;

/** The picture's steps ask the sound's; what comes of it, averaged over time, is added to the mean of both vectors. */
export function attentionNetwork(store: ParameterStore, { dimension, tokenWidth }: Widths): FusionNetwork {
  const { tf } = store.engine;
  const seen = new Dense(store, 'attention/seen', tokenWidth, ATTENTION_WIDTH);
  const heard = new Dense(store, 'attention/heard', tokenWidth, ATTENTION_WIDTH);
  const attention = new CrossModalAttention(store, 'attention/block', ATTENTION_WIDTH, HEADS);
  const output = new Dense(store, 'attention/output', ATTENTION_WIDTH, dimension);
  return {
    apply({ audio, video, audioSteps, videoSteps }) {
      const asked = attention.apply(seen.apply(videoSteps), heard.apply(audioSteps));
      const correction = output.apply(tf.mean(asked, 1));
      return unitLength(tf, tf.add(tf.add(audio, video), correction));
    },
  };
}
