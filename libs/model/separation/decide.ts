/**
 * From what the network says about each question to a decision. Its probabilities of one question alone are timid; that
 * of another, about the rest of the picture, tells whose a point is. Points don't come alone: those of one component of the
 * mixture (a note, a stroke) mostly belong to one source, and decide together. And a picture from elsewhere may show what
 * does not sound at all: then hardly any component is claimed with confidence.
 */
import { logistic } from '../calibration/platt.ts';
import { claimsOf, type Factorization, type NmfOptions, passedBy } from './nmf.ts';

/** The rest is never held to be less likely than this (log-odds): what nobody claims does not fall to the asker. */
const LEAST_REST = -1;
/** Keeps log-odds finite. */
const EDGE = 1e-4;

/**
 * Whose is each point: what is asked for, or the rest of the picture? `sigmoid(logit p - max(-1, logit q))`.
 *
 * @param own  p, probabilities of what is asked for
 * @param rest q, probabilities of the rest
 */
export function contrasted(own: Float32Array, rest: Float32Array): Float32Array {
  return own.map((p, i) => {
    return logistic(logOdds(p) - Math.max(LEAST_REST, logOdds(rest[i] as number)));
  });
}

function logOdds(p: number): number {
  return Math.log((p + EDGE) / (1 - p + EDGE));
}

/** What a window of a mixture is taken apart into. */
export const DECIDING_COMPONENTS: NmfOptions = { components: 40, iterations: 30, seed: 'components' };

/** How sharply a component goes to whom claims more of its energy, by the difference of both claims. */
const OWNED_SLOPE = 12;
/** Asked without a rest: the mean probability over a component's energy from which on it passes, and how sharply. */
const CONFIDENT = { threshold: 0.35, slope: 20 };

/**
 * Whose is each point, by what is said of the point and of the components that it is part of: the geometric mean of
 * `contrasted` and of the share of the point's components that go to the asker. A component that mostly belongs to the
 * rest takes with it the points at which the network errs.
 *
 * @param own        probabilities of what is asked for, `[frames, 256]`
 * @param rest       of the rest of the picture
 * @param magnitudes of the mixture, `[frames, 256]`
 * @param factors    of the magnitudes
 */
export function whereOwned(
  own: Float32Array,
  rest: Float32Array,
  magnitudes: Float32Array,
  factors: Factorization,
): Float32Array {
  const points = contrasted(own, rest);
  const claims = claimsOf(factors, magnitudes, points);
  const others = claimsOf(factors, magnitudes, contrasted(rest, own));
  const gains = claims.map((claim, k) => logistic(OWNED_SLOPE * (claim - (others[k] as number))));
  const components = passedBy(factors, gains);
  return points.map((point, i) => Math.sqrt(point * (components[i] as number)));
}

/**
 * Lets through only what the mask claims with confidence, component by component of the mixture.
 *
 * @param mask       probabilities, `[frames, 256]`
 * @param magnitudes of the mixture, `[frames, 256]`
 * @param factors    of the magnitudes
 */
export function whereConfident(
  mask: Float32Array,
  magnitudes: Float32Array,
  factors: Factorization,
): Float32Array {
  const { threshold, slope } = CONFIDENT;
  const gains = claimsOf(factors, magnitudes, mask).map((claim) => logistic(slope * (claim - threshold)));
  const passed = passedBy(factors, gains);
  return mask.map((value, i) => value * (passed[i] as number));
}
