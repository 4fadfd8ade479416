/**
 * Offset between sound and picture from embeddings of every step: the shift at which what the towers say of the same
 * instants lies closest together.
 *
 * @see Chung & Zisserman 2016, "Out of time: automated lip sync in the wild", section 4
 */
import { EarshotError } from '#core/errors';
import { type OffsetVerdict, offsetVerdict } from './verdict.ts';

export interface StepEmbeddings {
  /** `[steps, dimension]`, unit length, row by row. */
  data: Float32Array;
  steps: number;
  dimension: number;
}

export interface OffsetOptions {
  /** Time between steps, of sound and picture alike. */
  stepSec: number;
  /** Largest offset tried, 2 s unless told; less where under 1 s of overlap would be left. */
  limitSec?: number;
  /** Synchronizability under which there is nothing to go by; fitted on validation clips. */
  leastSynchronizability?: number;
}

interface CurvePoint {
  offsetSec: number;
  /** Mean squared distance over the overlap. */
  distance: number;
}

export interface OffsetEstimate {
  /** Positive: audio ahead; null when there is nothing to synchronise by. */
  offsetSec: number | null;
  /** Probability mass, 0..1, within a step of the answer when shifts compete by their distances. */
  confidence: number;
  /**
   * How much the steadier of the two streams changes over time, 0..1: the mean squared distance of its embeddings from
   * their mean. Nothing of a still picture or of silence tells one instant from another.
   */
  synchronizability: number;
  verdict: OffsetVerdict | 'not_synchronizable';
  /** One point for each shift tried, ascending. */
  curve: CurvePoint[];
}

const LIMIT_SEC = 2;
const LEAST_OVERLAP_SEC = 1;
const LEAST_SYNCHRONIZABILITY = 0.01;
/** Inverse temperature of the competition between shifts: that of the alignment loss the towers learn by. */
const SCALE = 10;

/**
 * `tau* = argmin over tau of mean over t of |a[t] - v[t + tau]|^2`, refined below a step by a parabola through the
 * minimum and its neighbours. Of equal minima the one nearest to zero wins.
 *
 * @param audio embeddings of the sound
 * @param video of the picture; both begin at the same instant, either may be longer
 * @throws EarshotError `too_short` when they share under 1 s, `shape_mismatch`, `invalid_argument`
 */
export function estimateOffset(
  audio: StepEmbeddings,
  video: StepEmbeddings,
  options: OffsetOptions,
): OffsetEstimate {
  const { stepSec, limitSec = LIMIT_SEC, leastSynchronizability = LEAST_SYNCHRONIZABILITY } = options;
  checkStreams(audio, video, stepSec);
  const distances = distanceCurve(audio, video, stepSec, limitSec);
  const curve = distances.map(({ shift, distance }) => ({ offsetSec: shift * stepSec, distance }));
  const synchronizability = Math.min(temporalVariance(audio), temporalVariance(video));
  if (synchronizability < leastSynchronizability) {
    return { offsetSec: null, confidence: 0, synchronizability, verdict: 'not_synchronizable', curve };
  }
  const best = distances.reduce((least, point, i) => {
    const other = distances[least] as ShiftDistance;
    const isNearer = Math.abs(point.shift) < Math.abs(other.shift);
    return point.distance < other.distance || (point.distance === other.distance && isNearer) ? i : least;
  }, 0);
  const { shift } = distances[best] as ShiftDistance;
  const values = distances.map(({ distance }) => distance);
  const offsetSec =
    (shift + parabolicVertex(values[best - 1], values[best] as number, values[best + 1])) * stepSec;
  return {
    offsetSec,
    confidence: massAround(values, best),
    synchronizability,
    verdict: offsetVerdict(offsetSec),
    curve,
  };
}

function checkStreams(audio: StepEmbeddings, video: StepEmbeddings, stepSec: number): void {
  if (!(stepSec > 0)) throw new EarshotError('invalid_argument', `Steps cannot be ${stepSec} s apart.`);
  for (const { data, steps, dimension } of [audio, video]) {
    if (dimension !== audio.dimension || data.length !== steps * dimension) {
      throw new EarshotError(
        'shape_mismatch',
        'Both streams need [steps, dimension] embeddings of one dimension.',
      );
    }
    if (!data.every(Number.isFinite)) {
      throw new EarshotError('invalid_argument', 'Embeddings need finite values.');
    }
  }
}

interface ShiftDistance {
  /** In steps. */
  shift: number;
  distance: number;
}

function distanceCurve(
  audio: StepEmbeddings,
  video: StepEmbeddings,
  stepSec: number,
  limitSec: number,
): ShiftDistance[] {
  const leastOverlap = Math.ceil(LEAST_OVERLAP_SEC / stepSec - 1e-9);
  const limit = Math.floor(limitSec / stepSec + 1e-9);
  const curve: ShiftDistance[] = [];
  for (let shift = -limit; shift <= limit; shift++) {
    const first = Math.max(0, -shift);
    const end = Math.min(audio.steps, video.steps - shift);
    if (end - first < leastOverlap) continue;
    let sum = 0;
    for (let step = first; step < end; step++) sum += squaredDistance(audio, step, video, step + shift);
    // The mean: a sum would favour the ends, where the overlap is short.
    curve.push({ shift, distance: sum / (end - first) });
  }
  if (curve.length === 0) {
    throw new EarshotError('too_short', `Sound and picture need to share at least ${LEAST_OVERLAP_SEC} s.`);
  }
  return curve;
}

function squaredDistance(a: StepEmbeddings, aStep: number, b: StepEmbeddings, bStep: number): number {
  let sum = 0;
  for (let i = 0; i < a.dimension; i++) {
    const difference =
      (a.data[aStep * a.dimension + i] as number) - (b.data[bStep * b.dimension + i] as number);
    sum += difference * difference;
  }
  return sum;
}

/** Mean squared distance of a stream's embeddings from their mean. */
function temporalVariance({ data, steps, dimension }: StepEmbeddings): number {
  let variance = 0;
  for (let i = 0; i < dimension; i++) {
    let mean = 0;
    for (let step = 0; step < steps; step++) mean += (data[step * dimension + i] as number) / steps;
    for (let step = 0; step < steps; step++) {
      variance += ((data[step * dimension + i] as number) - mean) ** 2 / steps;
    }
  }
  return variance;
}

/**
 * Where, from -1/2 to 1/2 of a step around a smallest value, the parabola through it and its neighbours is lowest; 0
 * at the end of a curve, where a neighbour is missing.
 */
export function parabolicVertex(
  before: number | undefined,
  least: number,
  after: number | undefined,
): number {
  if (before === undefined || after === undefined) return 0;
  const bend = before - 2 * least + after;
  return bend > 0 ? (before - after) / (2 * bend) : 0;
}

function massAround(distances: readonly number[], best: number): number {
  const least = distances[best] as number;
  const weights = distances.map((distance) => Math.exp(-SCALE * (distance - least)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.slice(Math.max(0, best - 1), best + 2).reduce((sum, weight) => sum + weight, 0) / total;
}
