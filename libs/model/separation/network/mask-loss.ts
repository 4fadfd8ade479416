/** How far predicted masks are from the true ones, loud points counting more than faint ones. */
import type * as tfTypes from '@tensorflow/tfjs';
import type { TensorFlow } from '../../engine/engine.ts';

const LIGHTEST = 1e-3;
const HEAVIEST = 10;
/** Probabilities are kept this far from 0 and 1 where their logarithm is taken. */
const EDGE = 1e-6;

/** What a point counts, by the mixture's magnitude there: `clamp(log(1 + magnitude), 0.001, 10)`. */
export function maskWeight(magnitude: number): number {
  return Math.min(HEAVIEST, Math.max(LIGHTEST, Math.log1p(magnitude)));
}

/**
 * Weighted binary cross-entropy, over the sum of the weights.
 *
 * @param logits  `[queries, points]`
 * @param targets `[queries, points]`, 0 or 1
 * @param weights `[1, points]`
 * @see Zhao et al. 2018, "The Sound of Pixels", section 3.3
 */
export function binaryMaskLoss(
  tf: TensorFlow,
  logits: tfTypes.Tensor,
  targets: tfTypes.Tensor,
  weights: tfTypes.Tensor,
): tfTypes.Scalar {
  const queries = logits.shape[0] as number;
  // By hand: the gradient is `weight * (p - target)`, where the logarithms' own would overflow at sure mistakes.
  const loss = tf.customGrad((z, save) => {
    const p = tf.sigmoid(z as tfTypes.Tensor);
    const total = tf.mul(tf.sum(weights), queries);
    (save as (tensors: tfTypes.Tensor[]) => void)([p, tf.reshape(total, [1]), targets, weights]);
    const clipped = tf.clipByValue(p, EDGE, 1 - EDGE);
    const right = tf.add(
      tf.mul(targets, tf.log(clipped)),
      tf.mul(tf.sub(1, targets), tf.log(tf.sub(1, clipped))),
    );
    return {
      value: tf.neg(tf.div(tf.sum(tf.mul(right, weights)), total)),
      gradFunc: (dy: tfTypes.Tensor, saved: tfTypes.Tensor[]) => {
        const [probability, sum, wanted, heavy] = saved as [
          tfTypes.Tensor,
          tfTypes.Tensor,
          tfTypes.Tensor,
          tfTypes.Tensor,
        ];
        return tf.mul(tf.mul(tf.sub(probability, wanted), heavy), tf.div(dy, sum));
      },
    };
  });
  return loss(logits) as tfTypes.Scalar;
}

/**
 * Weighted L1 distance of ratio masks, over the sum of the weights.
 *
 * @param logits  `[queries, points]`; negative ones are shares of zero, those above 5 are 5
 * @param targets `[queries, points]`, 0..5
 * @param weights `[1, points]`
 */
export function ratioMaskLoss(
  tf: TensorFlow,
  logits: tfTypes.Tensor,
  targets: tfTypes.Tensor,
  weights: tfTypes.Tensor,
): tfTypes.Scalar {
  const queries = logits.shape[0] as number;
  const distance = tf.abs(tf.sub(tf.clipByValue(logits, 0, RATIO_LIMIT), targets));
  return tf.div(tf.sum(tf.mul(distance, weights)), tf.mul(tf.sum(weights), queries));
}

/** The largest share of a mixture that a ratio mask gives. */
const RATIO_LIMIT = 5;
