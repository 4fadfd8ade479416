/**
 * How well offsets are found: clips whose sound was shifted by a known time, and the controls that nothing must be found
 * in. Every score has its chance beside it, and an interval over clips.
 */
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import { readTwoTowerManifest } from '#model/checkpoint/checkpoint';
import { readSynchronization } from '#model/checkpoint/synchronization';
import { bootstrap, mean } from '#model/metrics/bootstrap';
import { areaUnderRoc } from '#model/metrics/ranking-curves';
import {
  type OffsetPair,
  type SynchronizationScores,
  synchronizationScores,
} from '#model/metrics/synchronization';
import { answerOf } from '#model/synchronization/check-synchronization';
import { SOUND_STEP_SEC } from '#model/synchronization/head-input';
import { SynchronizationSession } from '#model/synchronization/head-session';
import { type GroundTruth, readGroundTruth } from '../corpus/manifest.ts';
import { hasOnsetsInCommon } from '../synchronization/onset-truth.ts';
import type { ShiftedClips } from '../synchronization/shifted-clips.ts';
import {
  LONG_TRIAL,
  type Trial,
  type TrialKind,
  trialShape,
  trialsOf,
} from '../synchronization/shifted-trials.ts';
import {
  type ClipsOptions,
  corpusShiftedClips,
  listShiftedClips,
} from '../synchronization/synchronization-clips.ts';

interface Score {
  value: number;
  chance: number;
  ci95: [number, number];
}

export interface SynchronizationEvaluation {
  suite: 'synchronization';
  model: { id: string; version: string; dimension: number };
  n: number;
  results: Record<string, Score>;
}

export interface SynchronizationRequest extends ClipsOptions {
  modelFolder: string;
  corpus: string;
  /** A list of clips whose test part is scored as well: those that the head has learned from, say. */
  pairs?: string;
  /** Only the first so many test clips of the corpus. */
  clips?: number;
}

interface WindowShape {
  /** `file`: all that a clip has whose sound is shifted. */
  steps: number | 'file';
  limitSec: number;
}

/** Of the trials; the split of a list follows from the seed of the training. */
const SEED = 1;
/** Near nothing, where the verdicts differ. */
const NEAR_SEC = 0.3;
const GUESSES = 20;
/** Windows that share so much are scored by themselves as well: of 3 s, large offsets leave 1 s alone. */
const LONG_SHARED_SEC = 2;

/** @throws EarshotError `not_trained` for a model without a synchronisation head, `file_not_found` without a corpus */
export async function evaluateSynchronization(
  request: SynchronizationRequest,
): Promise<SynchronizationEvaluation> {
  const manifest = await readTwoTowerManifest(request.modelFolder);
  const stored = await readSynchronization(request.modelFolder, manifest);
  if (!stored) {
    const message = `The model ${manifest.id} has no synchronisation head: train one with "earshot train --head synchronization".`;
    throw new EarshotError('not_trained', message, { subject: manifest.id });
  }
  const options = { ...request, maxClips: request.clips };
  const { clips, entries } = await corpusShiftedClips(request.corpus, 'test', options);
  const truths: GroundTruth[] = [];
  for (const entry of entries.slice(0, clips.count))
    truths.push(await readGroundTruth(request.corpus, entry));
  const { leastSynchronizability, head } = stored;
  const session = await SynchronizationSession.open(head);
  try {
    const judge = { session, leastSynchronizability };
    const results = await scoresOf(judge, clips, 'generated', { shape: LONG_TRIAL, truths }, request);
    if (request.pairs !== undefined) {
      const trained = manifest.heads?.synchronization?.training.seed;
      const seed = typeof trained === 'number' ? trained : SEED;
      const { test } = await listShiftedClips(request.pairs, { ...request, seed });
      const shape = trialShape(test);
      Object.assign(results, await scoresOf(judge, test, 'pairs', { shape, truths: null }, request));
    }
    const { id, version, dimension } = manifest;
    return { suite: 'synchronization', model: { id, version, dimension }, n: clips.count, results };
  } finally {
    await session.dispose();
  }
}

/** The head on the runtime, and its threshold. */
interface Judge {
  session: SynchronizationSession;
  leastSynchronizability: number;
}

async function scoresOf(
  judge: Judge,
  clips: ShiftedClips,
  name: string,
  { shape, truths }: { shape: WindowShape; truths: readonly GroundTruth[] | null },
  options: ClipsOptions,
): Promise<Record<string, Score>> {
  const asked = (kind: TrialKind, of: WindowShape) => answered(judge, clips, kind, of, options);
  const near = await asked('true', { ...shape, limitSec: NEAR_SEC });
  const own = await asked('true', shape);
  const file = { ...shape, steps: 'file' as const };
  return {
    ...offsetScores(name, own),
    ...(truths && scoresByTruth(name, own, truths)),
    ...(await controlScores(name, (kind) => asked(kind, shape))),
    ...offsetScores(`${name}.file`, await asked('true', file)),
    ...(await controlScores(`${name}.file`, (kind) => asked(kind, file))),
    [`${name}.verdictAccuracy`]: {
      ...bootstrap(near.map(({ pair }) => synchronizationScores([pair]).verdictAccuracy)),
      chance: guessed(near.map(({ pair }) => pair)).verdictAccuracy,
    },
  };
}

/** What must not be answered, or only by chance. */
async function controlScores(
  name: string,
  asked: (kind: TrialKind) => Promise<AnsweredTrial[]>,
): Promise<Record<string, Score>> {
  const results: Record<string, Score> = {};
  for (const kind of ['other', 'silent', 'still'] as const) {
    const controls = await asked(kind);
    const refused = controls.map(({ isAnswered }) => (isAnswered ? 0 : 1));
    results[`${name}.${kind}.refused`] = { ...bootstrap(refused), chance: 0 };
    if (kind === 'other') Object.assign(results, offsetScores(`${name}.other`, controls, true));
  }
  return results;
}

/** Of those clips alone that by their ground truth have something to go by, and how well the model tells which they are. */
function scoresByTruth(
  name: string,
  trials: readonly AnsweredTrial[],
  truths: readonly GroundTruth[],
): Record<string, Score> {
  const isTrue = trials.map(({ clip, shared }) => hasOnsetsInCommon(truths[clip] as GroundTruth, shared));
  const auroc = (chosen: readonly number[]) =>
    areaUnderRoc(
      chosen.map((i) => (trials[i] as AnsweredTrial).synchronizability),
      (i) => isTrue[chosen[i] as number] as boolean,
    );
  const withOnsets = trials.filter((_, i) => isTrue[i]);
  const sharing = (of: readonly AnsweredTrial[], what: string) => {
    const chosen = of.filter(({ shared }) => shared.endSec - shared.startSec >= LONG_SHARED_SEC);
    return chosen.length > 0 && offsetScores(`${name}.${what}`, chosen, true);
  };
  const places = trials.map((_, i) => i);
  return {
    [`${name}.withOnsets.part`]: { ...bootstrap(isTrue.map(Number)), chance: 1 },
    [`${name}.withOnsets.synchronizabilityAuroc`]: { ...bootstrap(places, auroc), chance: 0.5 },
    ...(withOnsets.length > 0 && offsetScores(`${name}.withOnsets`, withOnsets)),
    ...sharing(trials, 'sharing2Sec'),
    ...sharing(withOnsets, 'withOnsets.sharing2Sec'),
  };
}

interface AnsweredTrial extends Pick<Trial, 'clip' | 'shared'> {
  pair: OffsetPair;
  synchronizability: number;
  /** Whether the clip passes for one that can be synchronised. */
  isAnswered: boolean;
}

/** The best offset of every trial, whether or not the model would have told it. */
async function answered(
  { session, leastSynchronizability }: Judge,
  clips: ShiftedClips,
  kind: TrialKind,
  { steps, limitSec }: WindowShape,
  { signal, onProgress }: ClipsOptions,
): Promise<AnsweredTrial[]> {
  let done = 0;
  const onTrial = () => onProgress?.(`${kind} sounds`, ++done, clips.count);
  const trials = trialsOf(session, clips, { kind, steps, limitSec, seed: SEED, onTrial });
  const told: AnsweredTrial[] = [];
  for await (const trial of trials) {
    if (signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
    told.push(answerTo(trial, leastSynchronizability));
  }
  return told;
}

function answerTo({ clip, shared, offsetSec, evidence }: Trial, least: number): AnsweredTrial {
  const answer = answerOf(evidence, 0);
  const { synchronizability } = answer;
  const pair = { trueSec: offsetSec, estimatedSec: answer.offsetSec ?? 0 };
  return { clip, shared, pair, synchronizability, isAnswered: synchronizability >= least };
}

/** @param brief accuracies alone */
function offsetScores(name: string, trials: readonly AnsweredTrial[], brief = false): Record<string, Score> {
  const pairs = trials.map(({ pair }) => pair);
  const chance = guessed(pairs);
  const places = pairs.map((_, i) => i);
  const scored = (metric: Exclude<keyof SynchronizationScores, 'count'>): Score => {
    const statistic = (chosen: readonly number[]) =>
      synchronizationScores(chosen.map((i) => pairs[i] as OffsetPair))[metric];
    return { ...bootstrap(places, statistic), chance: chance[metric] };
  };
  const results: Record<string, Score> = {
    [`${name}.accuracy`]: scored('accuracy'),
    [`${name}.withinOneClass`]: scored('withinOneClass'),
  };
  if (brief) return results;
  results[`${name}.medianErrorMs`] = scored('medianErrorMs');
  results[`${name}.meanErrorMs`] = scored('meanErrorMs');
  const told = trials.filter(({ isAnswered }) => isAnswered);
  results[`${name}.answered`] = {
    ...bootstrap(trials.map((trial) => (trial.isAnswered ? 1 : 0))),
    chance: 1,
  };
  if (told.length > 0) {
    const right = told.map(({ pair }) => synchronizationScores([pair]).withinOneClass);
    results[`${name}.answeredWithinOneClass`] = { ...bootstrap(right), chance: chance.withinOneClass };
  }
  return results;
}

/** What somebody scores who guesses within the range that the true offsets cover. */
function guessed(pairs: readonly OffsetPair[]): SynchronizationScores {
  const random = new SeededRandom(`${SEED}:guess`);
  const limit = pairs.reduce((most, { trueSec }) => Math.max(most, Math.abs(trueSec)), SOUND_STEP_SEC);
  const rounds = Array.from({ length: GUESSES }, () =>
    synchronizationScores(
      pairs.map(({ trueSec }) => ({ trueSec, estimatedSec: random.uniform(-limit, limit) })),
    ),
  );
  const average = (metric: keyof SynchronizationScores) => mean(rounds.map((round) => round[metric]));
  return {
    count: pairs.length,
    accuracy: average('accuracy'),
    withinOneClass: average('withinOneClass'),
    meanErrorMs: average('meanErrorMs'),
    medianErrorMs: average('medianErrorMs'),
    verdictAccuracy: average('verdictAccuracy'),
  };
}
