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
 * @param similarity `[batch, batch]`: cosine of sound i (row) and picture j (column); the pairs are on the diagonal
 * @param logScale   scalar: log of the inverse temperature
 * @returns scalar: mean cross-entropy of both directions; ln(batch) for embeddings that tell nothing
 */
export function symmetricInfoNce(
  tf: TensorFlow,
  similarity: tfTypes.Tensor2D,
  logScale: tfTypes.Tensor,
): tfTypes.Scalar {
  const [batch] = similarity.shape;
  const logits = tf.mul(similarity, tf.exp(logScale)) as tfTypes.Tensor2D;
  const diagonal = tf.eye(batch);
  const crossEntropy = (rows: tfTypes.Tensor2D) =>
    tf.neg(tf.div(tf.sum(tf.mul(diagonal, tf.logSoftmax(rows))), batch));
  return tf.mul(0.5, tf.add(crossEntropy(logits), crossEntropy(tf.transpose(logits)))) as tfTypes.Scalar;
}
