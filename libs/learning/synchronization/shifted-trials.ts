/** Trials of a synchronisation head: clips shifted by a known offset, and controls without one. */
import { SeededRandom } from '#core/random';
import { evidenceBySession, stepsOf } from '#model/synchronization/check-synchronization';
import { PHASES } from '#model/synchronization/head-input';
import type { SynchronizationSession } from '#model/synchronization/head-session';
import { SHIFT_LIMIT_SEC, type ShiftEvidence } from '#model/synchronization/synchronization-head';
import {
  type FilePlacement,
  type Placement,
  type ShiftedClips,
  sharedPart,
  silentSound,
  stillMotion,
} from './shifted-clips.ts';

/** `true`: the clip's own sound; `other`: that of another clip. */
export type TrialKind = 'true' | 'other' | 'silent' | 'still';

export interface Trial {
  kind: TrialKind;
  clip: number;
  offsetSec: number;
  /** Instants of the clip that are both heard and seen. */
  shared: { startSec: number; endSec: number };
  /** What is heard and seen. */
  sound: Float32Array;
  motion: Float32Array;
  evidence: ShiftEvidence[];
}

export interface TrialOptions {
  kind: TrialKind;
  /** Of windows from one instant to another, in video steps; or all that a file of the shifted clip has. */
  steps: number | 'file';
  seed: number;
  /** Of the offsets; as large as the windows allow unless told. */
  limitSec?: number;
  onTrial?(): void;
}

/** Windows of 3 s inside of clips of 5 s leave room for 2 s; of clips of 3 s, windows of 2 s for 1 s. */
export const LONG_TRIAL = { steps: 37, limitSec: SHIFT_LIMIT_SEC } as const;
const SHORT_TRIAL = { steps: 25, limitSec: 1 } as const;

/** How long the windows are that clips are tried by, in video steps, and how large the offsets. */
export function trialShape({ shortest }: ShiftedClips): { steps: number; limitSec: number } {
  return shortest >= LONG_TRIAL.steps + stepsOf(LONG_TRIAL.limitSec) ? LONG_TRIAL : SHORT_TRIAL;
}

/** One trial a clip; the offsets are drawn from the seed, the same for every kind. */
export async function* trialsOf(
  session: SynchronizationSession,
  clips: ShiftedClips,
  { kind, steps: length, seed, limitSec, onTrial }: TrialOptions,
): AsyncGenerator<Trial> {
  const random = new SeededRandom(`${seed}:trials`);
  const placed = (clip: number): FilePlacement =>
    length === 'file'
      ? clips.placeFile(clip, random, limitSec ?? SHIFT_LIMIT_SEC)
      : asFile(clips.place(clip, length, random, limitSec), length);
  for (let clip = 0; clip < clips.count; clip++) {
    const placement = placed(clip);
    const { start, steps, soundLead, soundStart, soundSteps, offsetSec } = placement;
    const other = (clip + random.integer(1, Math.max(2, clips.count))) % clips.count;
    // From an instant of its own: clips of one recording session begin alike.
    const elsewhere = clips.soundFrom(other, soundSteps, random);
    const seen = clips.motionWindow(clip, start, steps);
    const own = kind === 'other' ? elsewhere : clips.soundWindow(clip, soundStart, soundSteps);
    const sound = kind === 'silent' ? silentSound(soundSteps) : own;
    const motion = kind === 'still' ? stillMotion(seen) : seen;
    const evidence = await evidenceBySession(session, sound, motion, soundLead);
    yield { kind, clip, offsetSec, shared: sharedPart(placement), sound, motion, evidence };
    onTrial?.();
  }
}

function asFile(placement: Placement, steps: number): FilePlacement {
  return { ...placement, steps, soundLead: 0, soundSteps: steps * PHASES };
}
