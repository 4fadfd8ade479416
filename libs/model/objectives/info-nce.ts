/**
 * Symmetric InfoNCE: each sound must find its own picture among all pictures of the batch, and each picture its
 * own sound.
 *
 * @see van den Oord et al. 2018; Radford et al. 2021 for the symmetric form and the learnable temperature
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { TensorFlow } from '../engine/engine.ts';

/** Log of the inverse temperature at the start (temperature 0.07). */
export const INITIAL_LOG_SCALE = Math.log(1 / 0.07);
/** The scale is held below 100, as CLIP does, or single pairs come to dominate the gradient. */
export const MAX_LOG_SCALE = Math.log(100);

/**
 * @param audio    `[batch, dimension]`, unit length
 * @param video    `[batch, dimension]`, unit length; row i belongs to row i of `audio`
 * @param logScale scalar: log of the inverse temperature
 * @returns scalar: mean cross-entropy of both directions; ln(batch) for embeddings that tell nothing
 */
export function symmetricInfoNce(
  tf: TensorFlow,
  audio: tfTypes.Tensor2D,
  video: tfTypes.Tensor2D,
  logScale: tfTypes.Tensor,
): tfTypes.Scalar {
  const batch = audio.shape[0];
  const similarity = tf.mul(tf.matMul(audio, video, false, true), tf.exp(logScale)) as tfTypes.Tensor2D;
  const diagonal = tf.eye(batch);
  const crossEntropy = (logits: tfTypes.Tensor2D) =>
    tf.neg(tf.div(tf.sum(tf.mul(diagonal, tf.logSoftmax(logits))), batch));
  return tf.mul(
    0.5,
    tf.add(crossEntropy(similarity), crossEntropy(tf.transpose(similarity))),
  ) as tfTypes.Scalar;
}
