/**
 * Do things begin to be heard when they begin to be seen? Binary trains of onsets, and the likelihood that they match.
 *
 * @see Barzelay & Schechner 2007, "Harmony in motion", sections 4 and 5; Bello et al. 2005, "A tutorial on onset
 *   detection in music signals", for picking onsets out of an envelope
 */
import { EarshotError } from '#core/errors';

/** One where something begins in a step, zero elsewhere. */
export type OnsetTrain = Uint8Array;

export interface CoincidenceLikelihood {
  /** Share of steps in which both or neither begin: `match = V A + (1 - V)(1 - A)`. */
  matchShare: number;
  /** Probability of a match by maximum likelihood; at least one half, or trains that avoid each other would win. */
  matchProbability: number;
  /** `sum of match log p + (1 - match) log (1 - p)`, natural logarithm, at most 0. */
  logLikelihood: number;
  /** Score form, `A'V - 1'V`: minus the number of things seen to begin unheard. */
  score: number;
}

/** @throws EarshotError `shape_mismatch` for trains of different length, `too_short` for empty ones */
export function onsetCoincidence(audio: OnsetTrain, video: OnsetTrain): CoincidenceLikelihood {
  if (audio.length !== video.length) {
    throw new EarshotError('shape_mismatch', `Onset trains of ${audio.length} and ${video.length} steps.`);
  }
  if (audio.length === 0) throw new EarshotError('too_short', 'Onset trains need at least one step.');
  return coincidenceAt(audio, video, 0);
}

/** Of the steps that the two trains share when audio step `t` meets video step `t + shift`. */
function coincidenceAt(audio: OnsetTrain, video: OnsetTrain, shift: number): CoincidenceLikelihood {
  const first = Math.max(0, -shift);
  const end = Math.min(audio.length, video.length - shift);
  let matches = 0;
  let unheard = 0;
  for (let step = first; step < end; step++) {
    const heard = audio[step] as number;
    const seen = video[step + shift] as number;
    matches += heard === seen ? 1 : 0;
    unheard += seen > heard ? 1 : 0;
  }
  const steps = end - first;
  const p = Math.max(0.5, matches / steps);
  // 0 log 0 = 0: trains that match everywhere are certain.
  const misses = steps - matches;
  const logLikelihood = matches * Math.log(p) + (misses === 0 ? 0 : misses * Math.log(1 - p));
  // 0 - 0 rather than -0.
  return { matchShare: matches / steps, matchProbability: p, logLikelihood, score: 0 - unheard };
}

export interface CoincidencePoint {
  /** Positive: audio ahead. */
  offsetSec: number;
  /** Log-likelihood for each step, so that shifts with a shorter overlap can be compared; at most 0. */
  logLikelihood: number;
}

/**
 * Likelihood of every shift that leaves an overlap, a feature of synchronisation beside the towers' own curve.
 *
 * @param stepSec time between steps of both trains
 * @throws EarshotError `too_short` when no shift leaves `leastOverlapSec`
 */
export function coincidenceCurve(
  audio: OnsetTrain,
  video: OnsetTrain,
  options: { stepSec: number; limitSec: number; leastOverlapSec?: number },
): CoincidencePoint[] {
  const { stepSec, limitSec, leastOverlapSec = 1 } = options;
  const limit = Math.floor(limitSec / stepSec + 1e-9);
  const leastOverlap = Math.max(1, Math.ceil(leastOverlapSec / stepSec - 1e-9));
  const curve: CoincidencePoint[] = [];
  for (let shift = -limit; shift <= limit; shift++) {
    const steps = Math.min(audio.length, video.length - shift) - Math.max(0, -shift);
    if (steps < leastOverlap) continue;
    const { logLikelihood } = coincidenceAt(audio, video, shift);
    curve.push({ offsetSec: shift * stepSec, logLikelihood: logLikelihood / steps });
  }
  if (curve.length === 0) {
    throw new EarshotError('too_short', `Onset trains need to share at least ${leastOverlapSec} s.`);
  }
  return curve;
}

export interface OnsetPicking {
  /** Steps to either side among which an onset's rise is the largest. */
  neighbourhoodSteps?: number;
  /** An onset's rise exceeds the median of the rises around it by this share of the largest rise of all. */
  thresholdShare?: number;
}

/**
 * Onsets of an envelope (loudness of the sound, energy of the motion): steps of the largest rise in their neighbourhood
 * that stand out from the rises around them.
 *
 * @param envelope `[steps]`, not negative
 */
export function onsetTrain(envelope: Float32Array, picking: OnsetPicking = {}): OnsetTrain {
  const { neighbourhoodSteps = 2, thresholdShare = 0.15 } = picking;
  const rises = envelope.map((value, i) =>
    Math.max(0, value - (i === 0 ? value : (envelope[i - 1] as number))),
  );
  const largest = rises.reduce((max, value) => Math.max(max, value), 0);
  const train = new Uint8Array(envelope.length);
  if (largest === 0) return train;
  rises.forEach((rise, i) => {
    const around = rises.slice(Math.max(0, i - neighbourhoodSteps), i + neighbourhoodSteps + 1);
    const before = rises.subarray(Math.max(0, i - neighbourhoodSteps), i);
    // Of equal rises side by side only the first begins something.
    const isPeak = around.every((value) => value <= rise) && before.every((value) => value < rise);
    const typical = around.sort()[around.length >> 1] as number;
    if (isPeak && rise > typical + thresholdShare * largest) train[i] = 1;
  });
  return train;
}
