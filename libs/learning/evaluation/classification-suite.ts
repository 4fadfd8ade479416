/**
 * The `classification` suite: few-shot classification of clips by the prototypes of labels, by sound, by picture and by
 * both, beside the nearest neighbour among the same examples; how it bears noise and darkness; and whether strangers are
 * told from the known.
 */
import { SeededRandom } from '#core/random';
import { drawEpisode, type Episode } from '#model/calibration/few-shot';
import type { ClassificationCalibration } from '#model/checkpoint/manifest';
import { bootstrap, mean } from '#model/metrics/bootstrap';
import { expectedCalibrationError, reliabilityBins } from '#model/metrics/calibration';
import { areaUnderRoc } from '#model/metrics/ranking-curves';
import { dot } from '#model/network/dot';
import type { SceneEmbeddings } from '#model/network/label-cosines';
import { classifyByPrototype } from '#model/network/scene';
import type { Score } from './concepts-suite.ts';
import type { MeasuredScene } from './embed-scenes.ts';

export interface ClassificationScores {
  /** Clips that were asked about in at least one episode. */
  n: number;
  results: Record<string, Score>;
}

const EXAMPLES_PER_LABEL = [1, 3, 10];
/** Draws of examples; a clip's score is its mean over those that ask about it. */
const EPISODES = 20;
/** Half of the labels are strangers where it is asked what is unknown. */
const KNOWN_PART = 0.5;

/** What is asked about a scene, by the metrics' names; null where the scene lacks it. Examples are always unharmed. */
const QUESTIONS: Readonly<Record<string, (scene: MeasuredScene) => SceneEmbeddings | null>> = {
  audio: ({ audio }) => (audio ? { audio } : null),
  video: ({ video }) => (video ? { video } : null),
  fused: ({ audio, video }) => both(audio, video),
  'noisy.fused': ({ degraded, video }) => both(degraded?.audio, video),
  'dark.fused': ({ degraded, audio }) => both(audio, degraded?.video),
};

const UNHARMED = new Set(['audio', 'video', 'fused']);

/**
 * Metrics are named `audio.top1.k3`: by sound, three examples a label; `nearest.audio.top1.k3` is the baseline's,
 * `fused.unknown.auroc.k3` tells strangers from the known, `fused.ece.k3` is the calibration error of the stated
 * probability, `noisy.fused.top1.k3` is of clips whose sound has noise over it. Where the model has a fusion gate,
 * `confidence.fused.top1.k3` is what it would score without. What the clips are too few for, or have no sound or picture
 * for, is left out.
 */
export function scoreClassification(
  scenes: readonly MeasuredScene[],
  calibration: ClassificationCalibration,
  seed = 1,
): ClassificationScores {
  const asked = new Set<number>();
  const results: Record<string, Score> = {};
  for (const examples of EXAMPLES_PER_LABEL) {
    const random = new SeededRandom(`${seed}:${examples}`);
    const draw = (part: number) =>
      Array.from({ length: EPISODES }, () => drawEpisode(scenes, examples, part, random)).filter(
        (episode) => episode !== null,
      );
    const all = draw(1);
    const half = draw(KNOWN_PART);
    for (const [name, question] of Object.entries(QUESTIONS)) {
      const round = { scenes, question, calibration };
      const answers = all.flatMap((episode) => answersOf(round, episode));
      if (answers.length === 0) continue;
      for (const { scene } of answers) asked.add(scene);
      const scored = {
        ...scoreAnswers(name, scenes, answers),
        ...(UNHARMED.has(name) ? scoreUnknown(name, round, half) : {}),
      };
      for (const [metric, score] of Object.entries(scored)) results[`${metric}.k${examples}`] = score;
    }
  }
  return { n: asked.size, results };
}

interface Round {
  scenes: readonly MeasuredScene[];
  question: (scene: MeasuredScene) => SceneEmbeddings | null;
  calibration: ClassificationCalibration;
}

interface Answer {
  /** Its index. */
  scene: number;
  right: boolean;
  nearestRight: boolean;
  /** By the streams' confidence alone; null where that is how it was answered. */
  confidenceRight: boolean | null;
  /** Of the most probable label. */
  probability: number;
  chance: number;
}

function answersOf(
  { scenes, question, calibration }: Round,
  { labels, prototypes, examples, queries }: Episode,
): Answer[] {
  const { gate, ...ungated } = calibration.fused;
  return queries.flatMap((index) => {
    const scene = scenes[index] as MeasuredScene;
    const streams = question(scene);
    if (!streams || !labels.includes(scene.label)) return [];
    const strongest = (by: ClassificationCalibration) =>
      classifyByPrototype(streams, labels, prototypes, by).scores.reduce((a, b) =>
        b.probability > a.probability ? b : a,
      );
    const best = strongest(calibration);
    const isGated = gate !== undefined && streams.audio && streams.video;
    return [
      {
        scene: index,
        right: best.label === scene.label,
        nearestRight: nearestLabel(streams, examples) === scene.label,
        confidenceRight: isGated ? strongest({ ...calibration, fused: ungated }).label === scene.label : null,
        probability: best.probability,
        chance: 1 / labels.length,
      },
    ];
  });
}

function both(
  audio: Float32Array | null | undefined,
  video: Float32Array | null | undefined,
): SceneEmbeddings | null {
  return audio && video ? { audio, video } : null;
}

/** The label of the one example with the largest mean cosine over the streams that both have. */
function nearestLabel(scene: SceneEmbeddings, examples: readonly MeasuredScene[]): string {
  let best = { label: '', score: Number.NEGATIVE_INFINITY };
  for (const example of examples) {
    const cosines = (['audio', 'video'] as const).flatMap((stream) => {
      const [a, b] = [scene[stream], example[stream]];
      return a && b ? [dot(a, b)] : [];
    });
    const score = cosines.length > 0 ? mean(cosines) : Number.NEGATIVE_INFINITY;
    if (score > best.score) best = { label: example.label, score };
  }
  return best.label;
}

function scoreAnswers(
  name: string,
  scenes: readonly MeasuredScene[],
  answers: readonly Answer[],
): Record<string, Score> {
  const scored: Record<string, Score> = {
    [`${name}.top1`]: perScene(scenes, answers, ({ right }) => right),
    [`nearest.${name}.top1`]: perScene(scenes, answers, ({ nearestRight }) => nearestRight),
  };
  if (answers.every(({ confidenceRight }) => confidenceRight !== null))
    scored[`confidence.${name}.top1`] = perScene(
      scenes,
      answers,
      ({ confidenceRight }) => confidenceRight === true,
    );
  scored[`${name}.ece`] = calibrationError(scenes, answers);
  return scored;
}

/** Each clip counts once; the interval is over recordings, neither over clips of one nor over episodes. */
function perScene(
  scenes: readonly MeasuredScene[],
  answers: readonly Answer[],
  isRight: (answer: Answer) => boolean,
): Score {
  const byScene = new Map<number, number[]>();
  for (const answer of answers)
    byScene.set(answer.scene, [...(byScene.get(answer.scene) ?? []), Number(isRight(answer))]);
  const means = [...byScene].map(([scene, values]) => ({ scene, value: mean(values) }));
  const recordings = byRecording(scenes, means);
  const score = (drawn: readonly number[]) =>
    mean(drawn.flatMap((i) => (recordings[i] ?? []).map(({ value }) => value)));
  return {
    ...bootstrap([...recordings.keys()], score),
    chance: mean(answers.map(({ chance }) => chance)),
  };
}

/** What was said about the clips of one recording goes together. */
function byRecording<T extends { scene: number }>(
  scenes: readonly MeasuredScene[],
  entries: readonly T[],
): T[][] {
  const groups = new Map<string, T[]>();
  for (const entry of entries) {
    const source = scenes[entry.scene]?.source ?? `#${entry.scene}`;
    const group = groups.get(source);
    if (group) group.push(entry);
    else groups.set(source, [entry]);
  }
  return [...groups.values()];
}

/** Whoever states one probability for everything and is right that often has none: chance is 0. */
function calibrationError(scenes: readonly MeasuredScene[], answers: readonly Answer[]): Score {
  const recordings = byRecording(scenes, answers);
  const error = (drawn: readonly number[]) => {
    const chosen = drawn.flatMap((i) => recordings[i] ?? []);
    const bins = reliabilityBins(
      chosen.map(({ probability }) => probability),
      chosen.map(({ right }) => right),
    );
    return expectedCalibrationError(bins);
  };
  return { ...bootstrap([...recordings.keys()], error, { resamples: 200 }), chance: 0 };
}

interface Stranger {
  scene: number;
  known: boolean;
  nearness: number;
}

function scoreUnknown(name: string, round: Round, episodes: readonly Episode[]): Record<string, Score> {
  const score = unknownScore(
    round.scenes,
    episodes.flatMap((episode) => strangersOf(round, episode)),
  );
  return score === null ? {} : { [`${name}.unknown.auroc`]: score };
}

function strangersOf(
  { scenes, question, calibration }: Round,
  { labels, prototypes, queries }: Episode,
): Stranger[] {
  return queries.flatMap((index) => {
    const scene = scenes[index] as MeasuredScene;
    const streams = question(scene);
    if (!streams) return [];
    const { nearness } = classifyByPrototype(streams, labels, prototypes, calibration);
    return [{ scene: index, known: labels.includes(scene.label), nearness }];
  });
}

/** Resampled by recordings, each with all its clips and episodes. */
function unknownScore(scenes: readonly MeasuredScene[], strangers: readonly Stranger[]): Score | null {
  if (!strangers.some(({ known }) => known) || strangers.every(({ known }) => known)) return null;
  const recordings = byRecording(scenes, strangers);
  const area = (drawn: readonly number[]) => {
    const chosen = drawn.flatMap((i) => recordings[i] as Stranger[]);
    const nearness = chosen.map((entry) => entry.nearness);
    return areaUnderRoc(nearness, (i) => chosen[i]?.known ?? false);
  };
  return { ...bootstrap([...recordings.keys()], area, { resamples: 200 }), chance: 0.5 };
}
