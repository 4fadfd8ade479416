/**
 * Localization as multiple-instance learning: the similarity of a sound and a clip is the largest cosine over all
 * positions of all of its frames. Whatever position explains the sound best is drawn to it, without any box ever
 * being told.
 *
 * @see Mo & Morgado 2022, "Localizing visual sounds the easy way" (EZ-VSL), section 3.2
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { TensorFlow } from '../engine/engine.ts';

/**
 * @param audio     `[batch, dimension]`, unit length
 * @param positions `[batch * frames, height, width, dimension]`, unit length at each position
 * @returns `[batch, batch]`: row i holds the similarities of sound i with every clip
 */
export function maxOverPositions(
  tf: TensorFlow,
  audio: tfTypes.Tensor2D,
  positions: tfTypes.Tensor4D,
): tfTypes.Tensor2D {
  const [batch, dimension] = audio.shape;
  const flat = tf.reshape(positions, [-1, dimension]) as tfTypes.Tensor2D;
  const similarity = tf.matMul(audio, flat, false, true);
  return tf.max(tf.reshape(similarity, [batch, batch, flat.shape[0] / batch]), 2) as tfTypes.Tensor2D;
}
