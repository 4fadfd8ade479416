/**
 * How well a score tells positives from negatives. Equal scores count as one step, so a constant score gets exactly
 * chance: the share of positives for average precision, one half for the area under the ROC curve.
 *
 * @see Fawcett 2006, "An introduction to ROC analysis"; average precision as the step-wise area under the
 *   precision-recall curve
 */
import { EarshotError } from '#core/errors';

/** Scores of the positives and of the negatives, ascending. */
interface Split {
  positives: Float64Array;
  negatives: Float64Array;
}

function split(scores: ArrayLike<number>, isPositive: (index: number) => boolean): Split {
  const positives: number[] = [];
  const negatives: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    if (Number.isNaN(score)) throw new EarshotError('invalid_argument', `Score ${i} is not a number.`);
    (isPositive(i) ? positives : negatives).push(score);
  }
  return { positives: Float64Array.from(positives).sort(), negatives: Float64Array.from(negatives).sort() };
}

/**
 * Sum over the distinct scores, from the highest, of the gain in recall times the precision reached.
 *
 * @returns 0 where nothing is positive
 */
export function averagePrecision(scores: ArrayLike<number>, isPositive: (index: number) => boolean): number {
  const { positives, negatives } = split(scores, isPositive);
  let hit = positives.length;
  let miss = negatives.length;
  let sum = 0;
  while (hit > 0) {
    const score = positives[hit - 1] as number;
    const before = hit;
    while (hit > 0 && positives[hit - 1] === score) hit--;
    while (miss > 0 && (negatives[miss - 1] as number) >= score) miss--;
    const found = positives.length - hit;
    sum += ((before - hit) * found) / (found + negatives.length - miss);
  }
  return positives.length === 0 ? 0 : sum / positives.length;
}

/**
 * Probability that a positive outscores a negative, ties counting one half (AUROC).
 *
 * @throws EarshotError `not_enough_data` without both kinds
 */
export function areaUnderRoc(scores: ArrayLike<number>, isPositive: (index: number) => boolean): number {
  const { positives, negatives } = split(scores, isPositive);
  if (positives.length === 0 || negatives.length === 0) {
    throw new EarshotError('not_enough_data', 'The area under a ROC curve needs positives and negatives.');
  }
  let below = 0;
  let notAbove = 0;
  let sum = 0;
  for (const score of positives) {
    while (below < negatives.length && (negatives[below] as number) < score) below++;
    while (notAbove < negatives.length && (negatives[notAbove] as number) <= score) notAbove++;
    sum += (below + notAbove) / 2;
  }
  return sum / (positives.length * negatives.length);
}
