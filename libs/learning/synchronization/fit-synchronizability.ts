/**
 * Fits the one threshold of the synchronisation head: under which synchronizability there is nothing to go by. On what
 * users give: files, as long as they are.
 */
import { answerOf } from '#model/synchronization/check-synchronization';
import { SynchronizationSession } from '#model/synchronization/head-session';
import type { SynchronizationHead } from '#model/synchronization/synchronization-head';
import type { ShiftedClips } from './shifted-clips.ts';
import { type TrialKind, trialShape, trialsOf } from './shifted-trials.ts';

export interface SynchronizabilityFit {
  /** Under it, nothing is answered. */
  least: number;
  /** Of the clips that are answered with it, how many; the rest are called not synchronisable. */
  answered: number;
  /** Of silence and still pictures, how many are refused with it. */
  refused: number;
  trials: number;
}

/** Of silence and still pictures, so many must be refused. */
const REFUSED_PART = 0.995;
/** Answers within 0.3 s are right for this purpose: the class of 0.2 s or one beside it. */
const RIGHT_SEC = 0.3;
/** An answer about a foreign sound costs a quarter of a wrong one: such pairs are rarer than clips with their own sound. */
const FOREIGN_COST = 0.25;

/**
 * The threshold that refuses nearly all silence and still pictures and, above that, makes right answers and refusals of
 * what has nothing to go by most frequent together.
 */
export async function fitSynchronizability(
  head: SynchronizationHead,
  sets: readonly ShiftedClips[],
  seed: number,
): Promise<SynchronizabilityFit> {
  const session = await SynchronizationSession.open(head);
  try {
    return fitOf(await scoredTrials(session, sets, seed));
  } finally {
    await session.dispose();
  }
}

interface ScoredTrial {
  kind: TrialKind;
  isRight: boolean;
  value: number;
}

async function scoredTrials(
  session: SynchronizationSession,
  sets: readonly ShiftedClips[],
  seed: number,
): Promise<ScoredTrial[]> {
  const scored: ScoredTrial[] = [];
  for (const clips of sets) {
    const { limitSec } = trialShape(clips);
    for (const kind of ['true', 'silent', 'still', 'other'] as const) {
      for await (const trial of trialsOf(session, clips, { kind, steps: 'file', limitSec, seed })) {
        const answer = answerOf(trial.evidence, 0);
        const isRight = kind === 'true' && Math.abs((answer.offsetSec ?? 0) - trial.offsetSec) <= RIGHT_SEC;
        scored.push({ kind, isRight, value: answer.synchronizability });
      }
    }
  }
  return scored;
}

function fitOf(scored: readonly ScoredTrial[]): SynchronizabilityFit {
  const silentOrStill = scored.filter(({ kind }) => kind === 'silent' || kind === 'still');
  const floor = quantile(
    silentOrStill.map(({ value }) => value),
    REFUSED_PART,
  );
  const candidates = scored.map(({ value }) => value).filter((value) => value > floor);
  const gainOf = (least: number) =>
    scored.reduce((sum, { kind, isRight, value }) => {
      const isAnswered = value >= least;
      if (kind === 'true') return sum + (isAnswered ? (isRight ? 1 : -1) : 0);
      return sum - (kind === 'other' && isAnswered ? FOREIGN_COST : 0);
    }, 0);
  const least = candidates.reduce(
    (best, value) => (gainOf(value) > gainOf(best) ? value : best),
    Math.min(1, floor + 1e-6),
  );
  const share = (trials: readonly ScoredTrial[], isCounted: (value: number) => boolean) =>
    trials.length === 0 ? 0 : trials.filter(({ value }) => isCounted(value)).length / trials.length;
  return {
    least,
    answered: share(
      scored.filter(({ kind }) => kind === 'true'),
      (value) => value >= least,
    ),
    refused: share(silentOrStill, (value) => value < least),
    trials: scored.length,
  };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? 0;
}
