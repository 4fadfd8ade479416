/**
 * From what the network says about each question to a decision. Its probabilities of one question alone are timid; that
 * of another, about the rest of the picture, tells whose a point is. Points don't come alone: those of one component of the
 * mixture (a note, a stroke) mostly belong to one source, and decide together. And a picture from elsewhere may show what
 * does not sound at all: then hardly any component is claimed with confidence.
 */
import { logistic } from '../calibration/platt.ts';
import { type Factorization, gatedByComponents, type NmfOptions } from './nmf.ts';

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

/** Mean probability over a component's energy from which on it is let through, and how sharply. */
interface Gate {
  threshold: number;
  slope: number;
}
/** Asked with a rest of the picture beside it: the likelier owner gets the component. */
const OWNED: Gate = { threshold: 0.5, slope: 12 };
/** Asked alone, and by what may not sound at all. */
const CONFIDENT: Gate = { threshold: 0.35, slope: 20 };

/**
 * Lets through what the mask claims, component by component of the mixture: a component that mostly belongs to others
 * takes with it the points at which the mask errs.
 *
 * @param mask       probabilities, `[frames, 256]`
 * @param magnitudes of the mixture, `[frames, 256]`
 * @param factors    of the magnitudes
 */
export function whereOwned(
  mask: Float32Array,
  magnitudes: Float32Array,
  factors: Factorization,
): Float32Array {
  return gated(mask, magnitudes, factors, OWNED);
}

/** Lets through only what the mask claims with confidence; arguments as for `whereOwned`. */
export function whereConfident(
  mask: Float32Array,
  magnitudes: Float32Array,
  factors: Factorization,
): Float32Array {
  return gated(mask, magnitudes, factors, CONFIDENT);
}

function gated(
  mask: Float32Array,
  magnitudes: Float32Array,
  factors: Factorization,
  { threshold, slope }: Gate,
): Float32Array {
  return gatedByComponents(factors, magnitudes, mask, (claim) => logistic(slope * (claim - threshold)));
}
