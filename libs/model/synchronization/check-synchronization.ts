/**
 * Offset between the sound and the picture of a clip of any length: the head answers window by window, and windows that
 * say something are believed together, while one that errs cannot outvote the rest.
 */
import { EarshotError } from '#core/errors';
import { CELL_CHANNELS, CELL_COUNT, cellMotion } from './cell-motion.ts';
import {
  PHASES,
  SOUND_BANDS,
  SOUND_STEP_SEC,
  soundBetween,
  soundSteps,
  VIDEO_RATE_HZ,
  VIDEO_STEP_SEC,
} from './head-input.ts';
import type { SynchronizationSession } from './head-session.ts';
import { parabolicVertex } from './offset.ts';
import {
  offsetOfShift,
  type ShiftEvidence,
  type SoundPlacement,
  type SynchronizationHead,
  shiftLimitOf,
  softmax,
} from './synchronization-head.ts';
import { type OffsetVerdict, offsetVerdict } from './verdict.ts';

export interface SynchronizationAnswer {
  /** Positive: audio ahead; null where there is nothing to synchronise by. */
  offsetSec: number | null;
  /** Probability that the offset lies within 0.1 s of the answer, 0..1; 0 without an answer. */
  confidence: number;
  /** Probability that there is something to synchronise by, and that it says what was answered, 0..1. */
  synchronizability: number;
  verdict: OffsetVerdict | 'not_synchronizable';
  /** Probability of each offset if there is one; ascending by 40 ms. */
  curve: { offsetSec: number; probability: number }[];
}

/** As long as what the towers see at once; further windows begin half a window later. */
const WINDOW_STEPS = 62;
const HOP_STEPS = 31;
/** Overlapping windows tell half of it twice. */
const NEW_PART = HOP_STEPS / WINDOW_STEPS;
/** However sure a window is, it is given this chance of being wrong. */
const LEAST_DOUBT = 0.05;
/** A clip can be synchronised where a good part of it can. */
const BEST_PART = 1 / 3;
const CONFIDENT_SEC = 0.1;

/** What a clip shows and sounds like; sound and picture may begin and end apart. */
export interface SynchronizationScene {
  /** Mono at 16 kHz. */
  samples: Float32Array;
  /** `[count, 48, 48]`, 0..1, at 12.5 Hz. */
  luma: Float32Array;
  count: number;
  /** Steps of 40 ms from the first frame to the first sample, negative where the sound begins first; 0 unless told. */
  soundStart?: number;
}

/**
 * @param least synchronizability under which there is nothing to go by, fitted on validation clips
 * @throws EarshotError `too_short` where no offset leaves 1 s of sound and picture together
 */
export function checkSynchronization(
  head: SynchronizationHead,
  { samples, luma, count, soundStart }: SynchronizationScene,
  least: number,
): SynchronizationAnswer {
  return answerOf(evidenceOf(head, soundSteps(samples), cellMotion(luma, count), soundStart), least);
}

/** The same by a head on the runtime. */
export async function checkBySession(
  session: SynchronizationSession,
  { samples, luma, count, soundStart }: SynchronizationScene,
  least: number,
): Promise<SynchronizationAnswer> {
  const evidence = await evidenceBySession(session, soundSteps(samples), cellMotion(luma, count), soundStart);
  return answerOf(evidence, least);
}

/** What each window says; arguments as for `windowsOf`, with its errors. */
function evidenceOf(
  head: SynchronizationHead,
  sound: Float32Array,
  motion: Float32Array,
  soundStart = 0,
): ShiftEvidence[] {
  const windows = windowsOf(sound, motion, soundStart);
  return windows.map((window) => head.evidence(window.sound, window.motion, window.placed));
}

/** The same by a head on the runtime. */
export async function evidenceBySession(
  session: SynchronizationSession,
  sound: Float32Array,
  motion: Float32Array,
  soundStart = 0,
): Promise<ShiftEvidence[]> {
  const evidence: ShiftEvidence[] = [];
  for (const window of windowsOf(sound, motion, soundStart))
    evidence.push(await session.evidence(window.sound, window.motion, window.placed));
  return evidence;
}

interface Window {
  sound: Float32Array;
  motion: Float32Array;
  placed: SoundPlacement;
}

/**
 * Windows of the picture, with as much of the sound around them as an offset may bring into them. A clip whose sound is
 * late by 2 s has all of its sound compared, not only what lies where its picture does.
 *
 * @param sound      `[soundSteps, 32]`
 * @param motion     `[steps, 36, 7]`
 * @param soundStart sound steps from the motion's beginning to the sound's
 * @throws EarshotError `too_short` where no offset leaves 1 s of both in common
 */
function windowsOf(sound: Float32Array, motion: Float32Array, soundStart = 0): Window[] {
  const stepSize = CELL_COUNT * CELL_CHANNELS;
  const steps = Math.floor(motion.length / stepSize);
  const count = Math.floor(sound.length / SOUND_BANDS);
  const limit = shiftLimitOf({ steps, soundStart, soundSteps: count });
  if (limit < 1) {
    const hasSec = (Math.min(steps, count / PHASES) / VIDEO_RATE_HZ).toFixed(1);
    const message = `Sound and picture share ${hasSec} s: at least 1.2 s are needed to tell their offset.`;
    throw new EarshotError('too_short', message);
  }
  return windowStarts(steps).flatMap((start) => {
    const end = Math.min(steps, start + WINDOW_STEPS);
    const [from, to] = [(start - limit) * PHASES, (end + limit) * PHASES];
    const heard = soundBetween({ sound, soundStart }, from, to);
    const pairs = Math.floor(heard.sound.length / (PHASES * SOUND_BANDS));
    const placed = { soundStart: heard.soundStart - start * PHASES, limit };
    const extent = { steps: end - start, soundStart: placed.soundStart, soundSteps: pairs * PHASES };
    if (shiftLimitOf(extent) < 0) return [];
    return [
      {
        sound: heard.sound.subarray(0, extent.soundSteps * SOUND_BANDS),
        motion: motion.subarray(start * stepSize, end * stepSize),
        placed,
      },
    ];
  });
}

/** Every hop, and one window that ends where the clip does. */
function windowStarts(steps: number): number[] {
  const last = Math.max(0, steps - WINDOW_STEPS);
  const starts = Array.from({ length: Math.ceil(last / HOP_STEPS) }, (_, i) => i * HOP_STEPS);
  return [...starts, last];
}

/** @param windows at least one, all of the same shifts */
export function answerOf(windows: readonly ShiftEvidence[], least: number): SynchronizationAnswer {
  const probabilities = combined(windows);
  const count = probabilities.length;
  const curve = Array.from(probabilities, (probability, i) => ({
    offsetSec: offsetOfShift(i, count),
    probability,
  }));
  const best = probabilities.reduce(
    (most, value, i) => (value > (probabilities[most] as number) ? i : most),
    0,
  );
  const [before, peak, after] = [best - 1, best, best + 1].map((i) => logOf(probabilities[i]));
  const refined =
    best === 0 || best === count - 1 ? 0 : parabolicVertex(-before!, -peak!, -after!) * SOUND_STEP_SEC;
  const offsetSec = offsetOfShift(best, count) + refined;
  const nearby = curve
    .filter((point) => Math.abs(point.offsetSec - offsetSec) <= CONFIDENT_SEC)
    .reduce((sum, { probability }) => sum + probability, 0);
  const confidence = Math.min(1, nearby);
  // A curve without a peak has as little to go by as a still picture, which the head tells by itself.
  const synchronizability = confidence * bestPartOf(windows.map(({ nothing }) => 1 - nothing));
  if (synchronizability < least) {
    return { offsetSec: null, confidence: 0, synchronizability, verdict: 'not_synchronizable', curve };
  }
  return {
    offsetSec,
    confidence,
    synchronizability,
    verdict: offsetVerdict(offsetSec),
    curve,
  };
}

/** Product of the windows, each a mixture of what it says and of knowing nothing. */
function combined(windows: readonly ShiftEvidence[]): Float64Array {
  const [only] = windows as [ShiftEvidence];
  if (windows.length === 1) return only.shifts;
  const count = only.shifts.length;
  const logs = new Array<number>(count).fill(0);
  for (const { shifts, nothing } of windows) {
    const doubt = Math.max(LEAST_DOUBT, nothing);
    for (let i = 0; i < count; i++) {
      const said = (1 - doubt) * (shifts[i] as number) + doubt / count;
      logs[i] = (logs[i] as number) + NEW_PART * Math.log(said);
    }
  }
  return softmax(logs);
}

function bestPartOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => b - a);
  const kept = sorted.slice(0, Math.max(1, Math.round(sorted.length * BEST_PART)));
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}

function logOf(probability: number | undefined): number {
  return Math.log(Math.max(probability ?? 0, Number.MIN_VALUE));
}

/** Video steps that a clip of this length gives. */
export function stepsOf(durationSec: number): number {
  return Math.floor(durationSec / VIDEO_STEP_SEC + 1e-6);
}
