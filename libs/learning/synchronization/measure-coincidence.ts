/**
 * What the onsets' likelihood adds to what the synchronisation head says: its weight fitted on some windows, and the
 * offsets that both together find on others.
 */
import { type SynchronizationScores, synchronizationScores } from '#model/metrics/synchronization';
import { answerOf } from '#model/synchronization/check-synchronization';
import { SOUND_STEP_SEC } from '#model/synchronization/head-input';
import { SynchronizationSession } from '#model/synchronization/head-session';
import { type SynchronizationHead, softmax } from '#model/synchronization/synchronization-head';
import type { ShiftedClips } from './shifted-clips.ts';
import { trialShape, trialsOf } from './shifted-trials.ts';
import { windowCoincidence } from './window-coincidence.ts';

/** What a window says of each shift, ascending, in steps of 40 ms around 0. */
export interface KnownShift {
  offsetSec: number;
  /** Log-probabilities, by the head. */
  head: Float64Array;
  /** Log-likelihood ratios, by the onsets alone. */
  coincidence: Float64Array;
}

export interface CoincidenceMeasurement {
  weight: number;
  windows: number;
  headAlone: SynchronizationScores;
  onsetsAlone: SynchronizationScores;
  together: SynchronizationScores;
}

const ITERATIONS = 30;
/** Probabilities that have run out of digits. */
const LEAST_LOG = -700;

/** Fits on the windows that one seed draws from the clips, and measures on those of the next. */
export async function measureCoincidence(
  head: SynchronizationHead,
  clips: ShiftedClips,
  seed: number,
): Promise<CoincidenceMeasurement> {
  const session = await SynchronizationSession.open(head);
  const weight = fitCoincidenceWeight(await knownShifts(session, clips, seed));
  const windows = await knownShifts(session, clips, seed + 1);
  await session.dispose();
  const scored = (logitsOf: (window: KnownShift) => readonly number[]) =>
    synchronizationScores(
      windows.map((window) => {
        const { offsetSec } = answerOf([{ shifts: softmax(logitsOf(window)), nothing: 0 }], 0);
        return { trueSec: window.offsetSec, estimatedSec: offsetSec ?? 0 };
      }),
    );
  return {
    weight,
    windows: windows.length,
    headAlone: scored((window) => [...window.head]),
    onsetsAlone: scored((window) => [...window.coincidence]),
    together: scored((window) => togetherOf(window, weight)),
  };
}

/** The windows of one trial a clip, with their own sound. */
async function knownShifts(
  session: SynchronizationSession,
  clips: ShiftedClips,
  seed: number,
): Promise<KnownShift[]> {
  const known: KnownShift[] = [];
  const { steps } = trialShape(clips);
  const trials = trialsOf(session, clips, { kind: 'true', steps, seed });
  for await (const { offsetSec, sound, motion, evidence } of trials) {
    const [{ shifts }] = evidence as [(typeof evidence)[number]];
    known.push({
      offsetSec,
      head: shifts.map((probability) => Math.max(LEAST_LOG, Math.log(probability))),
      coincidence: windowCoincidence(sound, motion),
    });
  }
  return known;
}

/**
 * Maximum likelihood of the true shifts under `softmax(head + weight * coincidence)`, by Newton's method: the likelihood
 * is concave in the weight.
 *
 * @returns at least 0
 */
export function fitCoincidenceWeight(windows: readonly KnownShift[]): number {
  let weight = 0;
  for (let i = 0; i < ITERATIONS; i++) {
    let slope = 0;
    let curvature = 1e-9;
    for (const window of windows) {
      const { mean, variance } = momentsOf(window.coincidence, softmax(togetherOf(window, weight)));
      slope += (window.coincidence[shiftOf(window)] as number) - mean;
      curvature += variance;
    }
    const before = weight;
    weight = Math.max(0, weight + slope / curvature);
    if (Math.abs(weight - before) < 1e-6) break;
  }
  return weight;
}

/** Place of the shift nearest to the true offset. */
function shiftOf({ offsetSec, head }: KnownShift): number {
  const last = head.length - 1;
  return Math.max(0, Math.min(last, Math.round(offsetSec / SOUND_STEP_SEC + last / 2)));
}

function togetherOf({ head, coincidence }: KnownShift, weight: number): number[] {
  return Array.from(head, (logit, i) => logit + weight * (coincidence[i] as number));
}

function momentsOf(values: Float64Array, probabilities: Float64Array): { mean: number; variance: number } {
  let mean = 0;
  let square = 0;
  probabilities.forEach((probability, i) => {
    const value = values[i] as number;
    mean += probability * value;
    square += probability * value * value;
  });
  return { mean, variance: square - mean * mean };
}
