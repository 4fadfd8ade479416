/**
 * From scores to probabilities: a logistic curve with two numbers, fitted by maximum likelihood.
 *
 * @see Platt 1999, "Probabilistic outputs for support vector machines"; Lin, Lin & Weng 2007, "A note on Platt's
 *   probabilistic outputs for support vector machines", whose Newton method and stable sums these are
 */
import { EarshotError } from '#core/errors';

/** `probability = 1 / (1 + exp(-(slope * score + intercept)))` */
export interface PlattCalibration {
  slope: number;
  intercept: number;
}

const MAX_ITERATIONS = 100;
const MIN_STEP = 1e-10;
/** Keeps the Hessian invertible. */
const RIDGE = 1e-12;
const GRADIENT_TOLERANCE = 1e-9;

/**
 * Targets are softened as Platt proposes, so that scores that separate the labels without an error still give finite
 * numbers, and few examples do not give certainty.
 *
 * @param scores finite, one an example
 * @param labels whether the example is a match
 * @throws EarshotError `shape_mismatch` for lists of unequal length, `invalid_argument` for a score that is not
 *   finite, `not_enough_data` without examples of both kinds
 */
export function fitPlatt(scores: readonly number[], labels: readonly boolean[]): PlattCalibration {
  if (scores.length !== labels.length) {
    const message = `${scores.length} scores but ${labels.length} labels were given.`;
    throw new EarshotError('shape_mismatch', message, { subject: 'labels' });
  }
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad >= 0) {
    const message = `scores[${bad}] is ${scores[bad]}, not a finite number.`;
    throw new EarshotError('invalid_argument', message, { subject: `scores[${bad}]` });
  }
  const positives = labels.filter(Boolean).length;
  const negatives = labels.length - positives;
  if (positives === 0 || negatives === 0) {
    const message = 'A calibration needs matches and mismatches, at least one of each.';
    throw new EarshotError('not_enough_data', message, { subject: 'labels' });
  }
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (negatives + 2);
  const targets = labels.map((label) => (label ? high : low));
  return minimise(scores, targets, { slope: 0, intercept: Math.log((positives + 1) / (negatives + 1)) });
}

/** @returns in 0..1, rising with the score where the slope is positive */
export function plattProbability({ slope, intercept }: PlattCalibration, score: number): number {
  return logistic(slope * score + intercept);
}

/** From log-odds to a probability. */
export function logistic(logit: number): number {
  // Either form overflows on one side.
  if (logit >= 0) return 1 / (1 + Math.exp(-logit));
  const odds = Math.exp(logit);
  return odds / (1 + odds);
}

/** Newton's method; a step is halved until it improves the likelihood enough (Armijo). */
function minimise(
  scores: readonly number[],
  targets: readonly number[],
  start: PlattCalibration,
): PlattCalibration {
  let at = start;
  let loss = crossEntropy(scores, targets, at);
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const { gradient, direction } = newtonDirection(scores, targets, at);
    if (Math.max(Math.abs(gradient[0]), Math.abs(gradient[1])) < GRADIENT_TOLERANCE) return at;
    const descent = gradient[0] * direction[0] + gradient[1] * direction[1];
    let step = 1;
    for (; step >= MIN_STEP; step /= 2) {
      const next = {
        slope: at.slope + step * direction[0],
        intercept: at.intercept + step * direction[1],
      };
      const nextLoss = crossEntropy(scores, targets, next);
      if (nextLoss < loss + 1e-4 * step * descent) {
        at = next;
        loss = nextLoss;
        break;
      }
    }
    // No step improves: this is as near as the arithmetic comes.
    if (step < MIN_STEP) return at;
  }
  return at;
}

function newtonDirection(
  scores: readonly number[],
  targets: readonly number[],
  at: PlattCalibration,
): { gradient: [number, number]; direction: [number, number] } {
  const gradient: [number, number] = [0, 0];
  let slopeSlope = RIDGE;
  let both = 0;
  let interceptIntercept = RIDGE;
  scores.forEach((score, i) => {
    const p = plattProbability(at, score);
    const error = p - (targets[i] as number);
    gradient[0] += score * error;
    gradient[1] += error;
    slopeSlope += score * score * p * (1 - p);
    both += score * p * (1 - p);
    interceptIntercept += p * (1 - p);
  });
  const determinant = slopeSlope * interceptIntercept - both * both;
  return {
    gradient,
    direction: [
      -(interceptIntercept * gradient[0] - both * gradient[1]) / determinant,
      -(slopeSlope * gradient[1] - both * gradient[0]) / determinant,
    ],
  };
}

function crossEntropy(scores: readonly number[], targets: readonly number[], at: PlattCalibration): number {
  let sum = 0;
  scores.forEach((score, i) => {
    const logit = at.slope * score + at.intercept;
    const target = targets[i] as number;
    sum +=
      logit >= 0
        ? (1 - target) * logit + Math.log1p(Math.exp(-logit))
        : -target * logit + Math.log1p(Math.exp(logit));
  });
  return sum;
}
