/**
 * How well offsets between sound and picture are found, in the 21 classes of the field: -2 s to +2 s by 0.2 s.
 *
 * @see Iashin et al. 2022, "Sparse in space and time: audio-visual synchronisation with trainable selectors"
 */
import { EarshotError } from '#core/errors';
import { offsetVerdict } from '../synchronization/verdict.ts';
import { mean, median } from './bootstrap.ts';

const OFFSET_CLASS_SEC = 0.2;
const OFFSET_LIMIT_SEC = 2;
/** What sound and picture must share whatever their offset. */
const LEAST_OVERLAP_SEC = 1;

/**
 * The classes that a clip's length allows, in seconds: all 21 from 3 s on, fewer below, so that 1 s of overlap is left.
 *
 * @throws EarshotError `too_short` for clips under 1 s
 */
export function offsetClasses(durationSec: number): number[] {
  if (!(durationSec >= LEAST_OVERLAP_SEC)) {
    throw new EarshotError(
      'too_short',
      `Synchronisation needs ${LEAST_OVERLAP_SEC} s, not ${durationSec} s.`,
    );
  }
  const reach = Math.min(OFFSET_LIMIT_SEC, durationSec - LEAST_OVERLAP_SEC);
  // A hair more, for lengths that binary fractions fall just short of.
  const steps = Math.floor(reach / OFFSET_CLASS_SEC + 1e-9);
  return Array.from({ length: 2 * steps + 1 }, (_, i) => (i - steps) / (1 / OFFSET_CLASS_SEC));
}

/** Nearest class, counted from 0 at no offset; offsets beyond the last class belong to it. */
export function offsetClass(offsetSec: number): number {
  const outermost = Math.round(OFFSET_LIMIT_SEC / OFFSET_CLASS_SEC);
  return Math.max(-outermost, Math.min(outermost, Math.round(offsetSec / OFFSET_CLASS_SEC)));
}

export interface OffsetPair {
  trueSec: number;
  estimatedSec: number;
}

export interface SynchronizationScores {
  count: number;
  /** Share whose class is the true one. */
  accuracy: number;
  /** Share whose class is the true one or beside it. */
  withinOneClass: number;
  meanErrorMs: number;
  medianErrorMs: number;
  /** Share with the verdict that the true offset deserves. */
  verdictAccuracy: number;
}

/** @throws EarshotError `not_enough_data` without a pair */
export function synchronizationScores(pairs: readonly OffsetPair[]): SynchronizationScores {
  if (pairs.length === 0) throw new EarshotError('not_enough_data', 'No offset to score.');
  const share = (isRight: (pair: OffsetPair) => boolean) => pairs.filter(isRight).length / pairs.length;
  const classesApart = ({ trueSec, estimatedSec }: OffsetPair) =>
    Math.abs(offsetClass(trueSec) - offsetClass(estimatedSec));
  const errorsMs = pairs.map(({ trueSec, estimatedSec }) => 1000 * Math.abs(trueSec - estimatedSec));
  return {
    count: pairs.length,
    accuracy: share((pair) => classesApart(pair) === 0),
    withinOneClass: share((pair) => classesApart(pair) <= 1),
    meanErrorMs: mean(errorsMs),
    medianErrorMs: median(errorsMs),
    verdictAccuracy: share(
      ({ trueSec, estimatedSec }) => offsetVerdict(trueSec) === offsetVerdict(estimatedSec),
    ),
  };
}
