/**
 * Class prototypes that both towers share. Where clips carry labels, sound and picture are each drawn to the
 * prototype of their clip's label; because the prototypes are the same for both, the towers meet there.
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
 * @param labels     `[batch]`, index of each row's class
 * @returns scalar: mean cross-entropy
 */
export function prototypeLoss(
  tf: TensorFlow,
  embeddings: tfTypes.Tensor2D,
  prototypes: tfTypes.Tensor2D,
  labels: readonly number[],
): tfTypes.Scalar {
  const classes = prototypes.shape[0];
  const unit = tf.mul(
    prototypes,
    tf.rsqrt(tf.add(tf.sum(tf.square(prototypes), 1, true), 1e-8)),
  ) as tfTypes.Tensor2D;
  const logits = tf.mul(tf.matMul(embeddings, unit, false, true), SCALE);
  const targets = tf.oneHot(tf.tensor1d([...labels], 'int32'), classes);
  return tf.neg(
    tf.div(tf.sum(tf.mul(targets, tf.logSoftmax(logits as tfTypes.Tensor2D))), labels.length),
  ) as tfTypes.Scalar;
}
