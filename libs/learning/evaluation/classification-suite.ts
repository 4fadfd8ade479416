/**
 * The `classification` suite: few-shot classification of clips by the prototypes of labels, by sound, by picture and by
 * both, beside the nearest neighbour among the same examples; and whether strangers are told from the known.
 */
import { SeededRandom } from '#core/random';
import { drawEpisode, type Episode, type LabelledScene } from '#model/calibration/few-shot';
import type { ClassificationCalibration } from '#model/checkpoint/manifest';
import { bootstrap, mean } from '#model/metrics/bootstrap';
import { expectedCalibrationError, reliabilityBins } from '#model/metrics/calibration';
import { areaUnderRoc } from '#model/metrics/ranking-curves';
import { classifyByPrototype, type SceneEmbeddings } from '#model/network/scene';
import type { Score } from './concepts-suite.ts';

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
const STREAMS = ['audio', 'video', 'fused'] as const;
type Stream = (typeof STREAMS)[number];

/**
 * Metrics are named `audio.top1.k3`: by sound, three examples a label; `nearest.audio.top1.k3` is the baseline's,
 * `fused.unknown.auroc.k3` tells strangers from the known, `fused.ece.k3` is the calibration error of the stated
 * probability. What the clips are too few for, or have no sound or picture for, is left out.
 */
export function scoreClassification(
  scenes: readonly LabelledScene[],
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
    for (const stream of STREAMS) {
      const answers = all.flatMap((episode) => answersOf(scenes, episode, stream, calibration, asked));
      const name = (metric: string) => `${stream}.${metric}.k${examples}`;
      if (answers.length === 0) continue;
      results[name('top1')] = perScene(answers, ({ right }) => Number(right));
      results[`nearest.${name('top1')}`] = perScene(answers, ({ nearestRight }) => Number(nearestRight));
      results[name('ece')] = calibrationError(answers);
      const strangers = half.flatMap((episode) => strangersOf(scenes, episode, stream, calibration));
      const score = unknownScore(strangers);
      if (score) results[name('unknown.auroc')] = score;
    }
  }
  return { n: asked.size, results };
}

interface Answer {
  scene: number;
  right: boolean;
  nearestRight: boolean;
  /** Of the most probable label. */
  probability: number;
  chance: number;
}

function answersOf(
  scenes: readonly LabelledScene[],
  { labels, prototypes, examples, queries }: Episode,
  stream: Stream,
  calibration: ClassificationCalibration,
  asked: Set<number>,
): Answer[] {
  return queries.flatMap((index) => {
    const scene = scenes[index] as LabelledScene;
    const streams = only(scene, stream);
    if (!streams || !labels.includes(scene.label)) return [];
    asked.add(index);
    const { scores } = classifyByPrototype(streams, labels, prototypes, calibration);
    const best = scores.reduce((a, b) => (b.probability > a.probability ? b : a));
    return [
      {
        scene: index,
        right: best.label === scene.label,
        nearestRight: nearestLabel(streams, examples) === scene.label,
        probability: best.probability,
        chance: 1 / labels.length,
      },
    ];
  });
}

/** Null where the scene lacks it; `fused` needs both streams. */
function only({ audio, video }: SceneEmbeddings, stream: Stream): SceneEmbeddings | null {
  if (stream === 'audio') return audio ? { audio } : null;
  if (stream === 'video') return video ? { video } : null;
  return audio && video ? { audio, video } : null;
}

/** The label of the one example with the largest mean cosine over the streams that both have. */
function nearestLabel(scene: SceneEmbeddings, examples: readonly LabelledScene[]): string {
  let best = { label: '', score: Number.NEGATIVE_INFINITY };
  for (const example of examples) {
    const cosines = (['audio', 'video'] as const).flatMap((stream) => {
      const [a, b] = [scene[stream], example[stream]];
      return a && b ? [a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)] : [];
    });
    const score = cosines.length > 0 ? mean(cosines) : Number.NEGATIVE_INFINITY;
    if (score > best.score) best = { label: example.label, score };
  }
  return best.label;
}

/** Each clip counts once: the interval is over clips, not over episodes. */
function perScene(answers: readonly Answer[], value: (answer: Answer) => number): Score {
  const byScene = new Map<number, number[]>();
  for (const answer of answers)
    byScene.set(answer.scene, [...(byScene.get(answer.scene) ?? []), value(answer)]);
  const values = [...byScene.values()].map(mean);
  return { ...bootstrap(values), chance: mean(answers.map(({ chance }) => chance)) };
}

/** Whoever states one probability for everything and is right that often has none: chance is 0. */
function calibrationError(answers: readonly Answer[]): Score {
  const error = (indices: readonly number[]) => {
    const chosen = indices.map((i) => answers[i] as Answer);
    const bins = reliabilityBins(
      chosen.map(({ probability }) => probability),
      chosen.map(({ right }) => right),
    );
    return expectedCalibrationError(bins);
  };
  const indices = answers.map((_, i) => i);
  return { ...bootstrap(indices, error, { resamples: 200 }), chance: 0 };
}

interface Stranger {
  scene: number;
  known: boolean;
  nearness: number;
}

function strangersOf(
  scenes: readonly LabelledScene[],
  { labels, prototypes, queries }: Episode,
  stream: Stream,
  calibration: ClassificationCalibration,
): Stranger[] {
  return queries.flatMap((index) => {
    const scene = scenes[index] as LabelledScene;
    const streams = only(scene, stream);
    if (!streams) return [];
    const { nearness } = classifyByPrototype(streams, labels, prototypes, calibration);
    return [{ scene: index, known: labels.includes(scene.label), nearness }];
  });
}

/** Resampled by clips, each with all its episodes. */
function unknownScore(strangers: readonly Stranger[]): Score | null {
  if (!strangers.some(({ known }) => known) || strangers.every(({ known }) => known)) return null;
  const byScene = new Map<number, Stranger[]>();
  for (const entry of strangers) byScene.set(entry.scene, [...(byScene.get(entry.scene) ?? []), entry]);
  const scenes = [...byScene.values()];
  const area = (indices: readonly number[]) => {
    const drawn = indices.flatMap((i) => scenes[i] as Stranger[]);
    const nearness = drawn.map((entry) => entry.nearness);
    return areaUnderRoc(nearness, (i) => drawn[i]?.known ?? false);
  };
  return {
    ...bootstrap(
      scenes.map((_, i) => i),
      area,
      { resamples: 200 },
    ),
    chance: 0.5,
  };
}
