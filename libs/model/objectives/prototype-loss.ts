/**
 * Class prototypes that both towers share. Where clips carry labels, or a teacher has an opinion, sound and picture are
 * each drawn to the prototypes of their classes; because the prototypes are the same for both, the towers meet there.
 *
 * @see Snell et al. 2017, "Prototypical networks"; here the prototypes are learned, as in a cosine classifier
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { TensorFlow } from '../engine/engine.ts';

/** Inverse temperature of the classification: cosines alone are too flat for a softmax. */
const SCALE = 12;

/**
 * @param embeddings `[batch, dimension]`, unit length
 * @param prototypes `[classes, dimension]`, any length
 * @param targets    `[batch, classes]`, each row a distribution: one-hot for a label, softer for a teacher's opinion
 * @returns scalar: mean cross-entropy
 */
export function prototypeLoss(
  tf: TensorFlow,
  embeddings: tfTypes.Tensor2D,
  prototypes: tfTypes.Tensor2D,
  targets: tfTypes.Tensor2D,
): tfTypes.Scalar {
  const unit = tf.mul(
    prototypes,
    tf.rsqrt(tf.add(tf.sum(tf.square(prototypes), 1, true), 1e-8)),
  ) as tfTypes.Tensor2D;
  const logits = tf.mul(tf.matMul(embeddings, unit, false, true), SCALE);
  return tf.neg(
    tf.div(tf.sum(tf.mul(targets, tf.logSoftmax(logits as tfTypes.Tensor2D))), embeddings.shape[0]),
  ) as tfTypes.Scalar;
}
