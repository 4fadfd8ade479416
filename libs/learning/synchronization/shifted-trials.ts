/** Trials of a synchronisation head: clips shifted by a known offset, and controls without one. */
import { SeededRandom } from '#core/random';
import { evidenceOf } from '#model/synchronization/check-synchronization';
import type { ShiftEvidence, SynchronizationHead } from '#model/synchronization/synchronization-head';
import { SHIFT_LIMIT_SEC } from '#model/synchronization/synchronization-head';
import { type ShiftedClips, sharedPart, silentSound, stillMotion } from './shifted-clips.ts';

/** `true`: the clip's own sound; `other`: that of another clip. */
export type TrialKind = 'true' | 'other' | 'silent' | 'still';

export interface Trial {
  kind: TrialKind;
  clip: number;
  offsetSec: number;
  /** Instants of the clip that both windows cover. */
  shared: { startSec: number; endSec: number };
  /** The windows themselves. */
  sound: Float32Array;
  motion: Float32Array;
  evidence: ShiftEvidence[];
}

export interface TrialOptions {
  kind: TrialKind;
  /** Of the windows, in video steps; `whole`: as long as the clip and the offset leave. */
  steps: number | 'whole';
  seed: number;
  /** Of the offsets; as large as the windows allow unless told. */
  limitSec?: number;
  onTrial?(): void;
}

/** Windows of 3 s, as the evaluation's; shorter clips are tried at the length that leaves room for a shift. */
const TRIAL_STEPS = 37;
const SHORT_TRIAL_STEPS = 25;

/** How long the windows are that something is fitted on. */
export function trialSteps({ shortest }: ShiftedClips): number {
  return shortest >= TRIAL_STEPS + SHORT_TRIAL_STEPS ? TRIAL_STEPS : SHORT_TRIAL_STEPS;
}

/** One trial a clip; the offsets are drawn from the seed, the same for every kind. */
export function* trialsOf(
  head: SynchronizationHead,
  clips: ShiftedClips,
  { kind, steps: length, seed, limitSec, onTrial }: TrialOptions,
): Generator<Trial> {
  const random = new SeededRandom(`${seed}:trials`);
  const placed = (clip: number) =>
    length === 'whole'
      ? clips.placeWhole(clip, random, limitSec ?? SHIFT_LIMIT_SEC)
      : { ...clips.place(clip, length, random, limitSec), steps: length };
  for (let clip = 0; clip < clips.count; clip++) {
    const { start, soundStart, offsetSec, steps } = placed(clip);
    const other = (clip + random.integer(1, Math.max(2, clips.count))) % clips.count;
    // From an instant of its own: clips of one recording session begin alike.
    const elsewhere = placed(other).soundStart;
    const seen = clips.motionWindow(clip, start, steps);
    const heard = () =>
      kind === 'other'
        ? clips.soundWindow(other, elsewhere, steps)
        : clips.soundWindow(clip, soundStart, steps);
    const sound = kind === 'silent' ? silentSound(steps) : heard();
    const motion = kind === 'still' ? stillMotion(seen) : seen;
    const shared = sharedPart({ start, soundStart }, steps);
    yield { kind, clip, offsetSec, shared, sound, motion, evidence: evidenceOf(head, sound, motion) };
    onTrial?.();
  }
}
