/**
 * The probability that a sound and a picture belong together. A logistic curve turns their cosine into one; and since
 * silence, noise and hum lie in directions of their own, where any picture may happen to be near, a second curve tells
 * how likely the sound has no source at all.
 */
import { dot } from '../network/dot.ts';
import { prototypeOf } from '../network/label-cosines.ts';
import { fitPlatt, type PlattCalibration, plattProbability } from './platt.ts';

/** That a sound has no source: a curve over its largest cosine with the centres. */
export interface SourcelessCalibration extends PlattCalibration {
  /** Unit vectors, `[kinds][dimension]`: one for each kind of such sounds. */
  centres: number[][];
}

export interface CorrespondenceCalibration extends PlattCalibration {
  sourceless?: SourcelessCalibration | undefined;
}

/**
 * @param audio unit vector of the sound
 * @param score its cosine with the picture
 * @returns 0..1
 */
export function correspondenceProbability(
  calibration: CorrespondenceCalibration,
  audio: Float32Array,
  score: number,
): number {
  const { sourceless } = calibration;
  const has = sourceless ? 1 - plattProbability(sourceless, nearnessTo(sourceless.centres, audio)) : 1;
  return has * plattProbability(calibration, score);
}

/** Digits that are kept of the centres. */
const CENTRE_DIGITS = 4;

/**
 * @param kinds  unit vectors of sounds without a source, by their kinds; the first half of each makes its centre, the
 *   others the curve
 * @param others unit vectors of sounds that have one
 * @throws EarshotError `not_enough_data` without either
 */
export function fitSourceless(
  kinds: readonly (readonly Float32Array[])[],
  others: readonly Float32Array[],
): SourcelessCalibration {
  const centres = kinds.map((kind) => directionOf(kind.slice(0, Math.ceil(kind.length / 2))));
  const rest = kinds.flatMap((kind) => kind.slice(Math.ceil(kind.length / 2)));
  const curve = fitPlatt(
    [...rest, ...others].map((vector) => nearnessTo(centres, vector)),
    [...rest.map(() => true), ...others.map(() => false)],
  );
  return { ...curve, centres };
}

function directionOf(vectors: readonly Float32Array[]): number[] {
  const mean = prototypeOf(vectors);
  const length = Math.sqrt(dot(mean, mean));
  return Array.from(mean, (value) => Number((value / length).toFixed(CENTRE_DIGITS)));
}

function nearnessTo(centres: readonly (readonly number[])[], vector: Float32Array): number {
  return Math.max(...centres.map((centre) => dot(centre, vector)));
}
