/** Ways to fuse what is heard and what is seen, measured on the same few-shot episodes. */
import { SeededRandom } from '#core/random';
import { drawEpisode, type LabelledScene, prototypesOf } from '#model/calibration/few-shot';
import type { ClassificationCalibration } from '#model/checkpoint/manifest';
import { bootstrap, type Estimate, mean } from '#model/metrics/bootstrap';
import { classifyByPrototype } from '#model/network/scene';

/** The same clips in the same order for every way. */
export interface FusionWay {
  name: string;
  /** Where the examples are taken from. */
  examples: readonly LabelledScene[];
  /** The clips as they are when they are asked about: what is seen or heard may have suffered. */
  asked: readonly LabelledScene[];
}

export interface FusionComparison {
  /** Clips that were asked about. */
  n: number;
  chance: number;
  /** Top-1 accuracy by the ways' names. */
  scores: Record<string, Estimate>;
}

const EPISODES = 20;

/** Every way answers the same questions from the same examples; a clip's score is its mean over the episodes. */
export function compareFusions(
  ways: readonly FusionWay[],
  examplesPerLabel: number,
  calibration: ClassificationCalibration,
  seed: number,
): FusionComparison {
  const random = new SeededRandom(`${seed}:${examplesPerLabel}`);
  const clips = ways[0]?.examples ?? [];
  const placeOf = new Map(clips.map((clip, i) => [clip, i]));
  const episodes = Array.from({ length: EPISODES }, () => drawEpisode(clips, examplesPerLabel, 1, random))
    .filter((episode) => episode !== null)
    .map(({ labels, examples, queries }) => ({
      ...{ labels, queries },
      places: examples.map((example) => placeOf.get(example) as number),
    }));
  const scores = ways.map(({ name, examples, asked }) => {
    const right = new Map<number, number[]>();
    for (const { labels, places, queries } of episodes) {
      const prototypes = prototypesOf(places.map((i) => examples[i] as LabelledScene));
      for (const i of queries) {
        const scene = asked[i] as LabelledScene;
        const answer = classifyByPrototype(scene, labels, prototypes, calibration).scores;
        const best = answer.reduce((top, each) => (each.probability > top.probability ? each : top));
        right.set(i, [...(right.get(i) ?? []), Number(best.label === scene.label)]);
      }
    }
    return [name, bootstrap([...right.values()].map(mean))] as const;
  });
  return {
    n: new Set(episodes.flatMap(({ queries }) => queries)).size,
    chance: 1 / (episodes[0]?.labels.length ?? 1),
    scores: Object.fromEntries(scores),
  };
}
