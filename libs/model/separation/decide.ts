/**
 * From what the network says about each question to a decision. Its probabilities of one question alone are timid; that
 * of another, about the rest of the picture, tells whose a point is. And a picture from elsewhere may show what does not
 * sound at all: then hardly any component of the mixture is claimed with confidence.
 */
import { logistic } from '../calibration/platt.ts';
import { LOG_FREQUENCY_BINS } from '../front-ends/log-frequency.ts';
import { factorize, gatedByComponents } from './nmf.ts';

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

const NMF = { components: 24, iterations: 40, seed: 'presence' };
/** Mean probability over a component's energy from which on it is let through, and how sharply. */
const PRESENCE = { threshold: 0.35, slope: 20 };

/**
 * Lets through only what the mask claims with confidence, component by component of the mixture (NMF).
 *
 * @param mask       probabilities, `[frames, 256]`
 * @param magnitudes of the mixture, `[frames, 256]`
 */
export function whereConfident(mask: Float32Array, magnitudes: Float32Array): Float32Array {
  const frames = magnitudes.length / LOG_FREQUENCY_BINS;
  const factors = factorize(magnitudes, frames, LOG_FREQUENCY_BINS, NMF);
  const { threshold, slope } = PRESENCE;
  return gatedByComponents(factors, magnitudes, mask, (claim) => logistic(slope * (claim - threshold)));
}
