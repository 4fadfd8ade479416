/**
 * Alignment over time: what the towers say of one instant lies close together, and closer than what they say of
 * shifted instants of the same clip. Without the shifted negatives a constant embedding would be perfect.
 *
 * @see Chung & Zisserman 2016, "Out of time"; Korbar et al. 2018 for negatives from the same clip
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { TensorFlow } from '../engine/engine.ts';

/** Negatives, in steps of 80 ms: near ones are hard, far ones easy. */
export const ALIGNMENT_SHIFTS = [0, -2, 2, -3, 3, -5, 5, -8, 8, -12, 12] as const;

/** Inverse temperature of the choice among shifts: mean squared distances lie in 0..4. */
const SCALE = 10;

/**
 * Cross-entropy of picking the true offset among shifted ones by the mean squared distance over the overlap.
 *
 * Pictures that are always in step with their sound would be aligned by position alone, which both towers are told:
 * in training, pictures therefore lag by a known number of steps.
 *
 * @param audio    `[batch, steps, dimension]`, unit length
 * @param video    `[batch, steps, dimension]`, unit length
 * @param lagSteps `[batch]`, each one of `ALIGNMENT_SHIFTS`: what is heard at step t is seen at step `t + lag`
 * @returns scalar; ln(number of shifts) for embeddings that tell nothing
 */
export function alignmentLoss(
  tf: TensorFlow,
  audio: tfTypes.Tensor3D,
  video: tfTypes.Tensor3D,
  lagSteps: ArrayLike<number>,
): tfTypes.Scalar {
  const [batch, steps] = audio.shape;
  const shifts = ALIGNMENT_SHIFTS.filter((shift) => Math.abs(shift) < steps);
  const cosines = tf.reshape(tf.matMul(audio, video, false, true), [
    batch,
    steps * steps,
  ]) as tfTypes.Tensor2D;
  // |a - v|^2 = 2 - 2 cos on unit vectors; the diagonals of the matrix of cosines hold the shifts.
  const diagonals = tf.tensor2d(diagonalWeights(steps, shifts), [steps * steps, shifts.length]);
  const distances = tf.sub(2, tf.mul(2, tf.matMul(cosines, diagonals)));
  const logProbabilities = tf.logSoftmax(tf.mul(distances, -SCALE) as tfTypes.Tensor2D);
  const truth = new Float32Array(batch * shifts.length);
  for (let row = 0; row < batch; row++) {
    const at = shifts.indexOf(lagSteps[row] as (typeof shifts)[number]);
    if (at < 0) throw new RangeError(`a lag of ${lagSteps[row]} steps is none of ${shifts}`);
    truth[row * shifts.length + at] = 1 / batch;
  }
  const targets = tf.tensor2d(truth, [batch, shifts.length]);
  return tf.neg(tf.sum(tf.mul(targets, logProbabilities))) as tfTypes.Scalar;
}

/** Column k averages the pairs `(t, t + shift_k)`: `[steps * steps, shifts]`, row by row. */
function diagonalWeights(steps: number, shifts: readonly number[]): Float32Array {
  const weights = new Float32Array(steps * steps * shifts.length);
  shifts.forEach((shift, k) => {
    const first = Math.max(0, -shift);
    const end = Math.min(steps, steps - shift);
    for (let t = first; t < end; t++) {
      weights[(t * steps + t + shift) * shifts.length + k] = 1 / (end - first);
    }
  });
  return weights;
}
