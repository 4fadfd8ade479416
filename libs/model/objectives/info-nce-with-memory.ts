/**
 * InfoNCE of a few pairs against embeddings that are remembered from earlier: a pair alone in its batch still has
 * something to be told from.
 *
 * @see Wu et al. 2018, "Unsupervised feature learning via non-parametric instance discrimination"; He et al. 2020
 *   (MoCo) for the queue
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { TensorFlow } from '../engine/engine.ts';

export interface EmbeddedPairs {
  /** `[pairs, dimension]`, unit length */
  audio: tfTypes.Tensor2D;
  /** `[pairs, dimension]`, unit length */
  video: tfTypes.Tensor2D;
}

/**
 * @param pairs    what is learned from; both directions
 * @param memory   more wrong answers for both directions; no gradient flows into them
 * @param logScale scalar: log of the inverse temperature
 * @returns scalar: mean cross-entropy of both directions; ln(pairs + remembered) for embeddings that tell nothing
 */
export function infoNceWithMemory(
  tf: TensorFlow,
  pairs: EmbeddedPairs,
  memory: EmbeddedPairs,
  logScale: tfTypes.Tensor,
): tfTypes.Scalar {
  const [count] = pairs.audio.shape;
  const targets = tf.eye(count, count + memory.audio.shape[0]);
  const crossEntropy = (queries: tfTypes.Tensor2D, answers: tfTypes.Tensor2D, others: tfTypes.Tensor2D) => {
    const all = others.shape[0] > 0 ? tf.concat([answers, others], 0) : answers;
    const cosines = tf.matMul(queries, all, false, true);
    const logits = tf.mul(cosines, tf.exp(logScale)) as tfTypes.Tensor2D;
    return tf.neg(tf.div(tf.sum(tf.mul(targets, tf.logSoftmax(logits))), count));
  };
  const both = tf.add(
    crossEntropy(pairs.audio, pairs.video, memory.video),
    crossEntropy(pairs.video, pairs.audio, memory.audio),
  );
  return tf.mul(0.5, both) as tfTypes.Scalar;
}
