/** Whether the stated probability that sound and picture belong together comes true. */
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import { type CorrespondenceCalibration, correspondenceProbability } from '#model/calibration/correspondence';
import type { EmbeddingModel } from '#model/embedding-model';
import { readModelInfo } from '#model/load-model';
import { bootstrap, mean } from '#model/metrics/bootstrap';
import { expectedCalibrationError, type ReliabilityBin, reliabilityBins } from '#model/metrics/calibration';
import { type CorrespondenceScores, type ScoredSound, scorePairs } from './correspondence-pairs.ts';
import type { EmbeddingProgress } from './embed-scenes.ts';
import type { LabelledFile } from './evaluate-model.ts';

interface Score {
  value: number;
  chance: number;
  ci95: [number, number];
}

export interface CorrespondenceEvaluation {
  suite: 'correspondence';
  model: { id: string; version: string; dimension: number };
  n: number;
  results: Record<string, Score>;
  /** Of the reliability plot. */
  reliability: ReliabilityBin[];
}

/** What silence and noise must stay under. */
const UNLIKELY = 0.1;
const SEED = 1;

/**
 * @param folder of the model, whose calibration is measured
 * @param model  its own, or a control in its place; disposed of at the end
 * @throws EarshotError `not_trained` for a model without a calibration, `not_enough_data`, `cancelled`
 */
export async function evaluateCorrespondence(
  folder: string,
  model: EmbeddingModel,
  clips: readonly LabelledFile[],
  progress: EmbeddingProgress = {},
): Promise<CorrespondenceEvaluation> {
  try {
    const calibration = (await readModelInfo(folder)).calibration?.correspondence;
    if (!calibration) {
      const message = `The scores of ${model.identity.id} are not calibrated: run scripts/calibrate-correspondence.ts on it.`;
      throw new EarshotError('not_trained', message, { subject: model.identity.id });
    }
    const scores = await scorePairs(model, clips, progress);
    return { suite: 'correspondence', model: model.identity, ...scoreCorrespondence(scores, calibration) };
  } finally {
    model.dispose();
  }
}

/** Intervals are over clips: the windows of one clip are no further evidence. */
export function scoreCorrespondence(
  { pairs, ordered, silence, noise }: CorrespondenceScores,
  calibration: CorrespondenceCalibration,
): Pick<CorrespondenceEvaluation, 'n' | 'results' | 'reliability'> {
  const probabilityOf = ({ audio, score }: ScoredSound) =>
    correspondenceProbability(calibration, audio, score);
  const stated = pairs.map(probabilityOf);
  const byClip = new Map<number, number[]>();
  pairs.forEach(({ clip }, i) => {
    byClip.set(clip, [...(byClip.get(clip) ?? []), i]);
  });
  const clips = [...byClip.keys()];
  const overClips = (statistic: (chosen: readonly number[]) => number) =>
    bootstrap(clips, (drawn) => statistic(drawn.flatMap((clip) => byClip.get(clip) ?? [])));
  const outcomes = (chosen: readonly number[]) => chosen.map((i) => pairs[i]?.isMatch as boolean);
  const ece = (probabilities: readonly number[]) => (chosen: readonly number[]) =>
    expectedCalibrationError(
      reliabilityBins(
        chosen.map((i) => probabilities[i] as number),
        outcomes(chosen),
      ),
    );
  const brier = (chosen: readonly number[]) =>
    mean(chosen.map((i) => ((stated[i] as number) - (pairs[i]?.isMatch ? 1 : 0)) ** 2));
  const right = (chosen: readonly number[]) =>
    mean(chosen.map((i) => ((stated[i] as number) >= 0.5 === pairs[i]?.isMatch ? 1 : 0)));
  const random = new SeededRandom(`${SEED}:guess`);
  const guesses = pairs.map(() => random.next());
  const share = (flags: readonly boolean[]) => bootstrap(flags.map(Number));
  const unlikely = (of: readonly ScoredSound[]) => share(of.map((sound) => probabilityOf(sound) < UNLIKELY));
  const results: Record<string, Score> = {
    ece: { ...overClips(ece(stated)), chance: ece(guesses)([...pairs.keys()]) },
    brier: { ...overClips(brier), chance: 0.25 },
    accuracy: { ...overClips(right), chance: 0.5 },
    'score.matching': { ...bootstrap(ordered.map(({ matching }) => matching)), chance: 0 },
    'score.shifted': { ...bootstrap(ordered.map(({ shifted }) => shifted)), chance: 0 },
    'score.mismatched': { ...bootstrap(ordered.map(({ mismatched }) => mismatched)), chance: 0 },
    matchingAboveShifted: {
      ...share(ordered.map(({ matching, shifted }) => matching > shifted)),
      chance: 0.5,
    },
    shiftedAboveMismatched: {
      ...share(ordered.map(({ shifted, mismatched }) => shifted > mismatched)),
      chance: 0.5,
    },
    'silence.unlikely': { ...unlikely(silence), chance: UNLIKELY },
    'noise.unlikely': { ...unlikely(noise), chance: UNLIKELY },
  };
  return { n: pairs.length, results, reliability: reliabilityBins(stated, outcomes([...pairs.keys()])) };
}
