/** Few-shot episodes: some clips of a label are its examples, the rest are asked about. */
import type { SeededRandom } from '#core/random';
import { type LabelPrototypes, prototypeOf, type SceneEmbeddings } from '../network/scene.ts';

export interface LabelledScene extends SceneEmbeddings {
  label: string;
}

export interface Episode {
  /** The labels that are known in this episode. */
  labels: string[];
  prototypes: LabelPrototypes;
  examples: LabelledScene[];
  /** Indices of the scenes that are asked about: no example, of known labels and of others. */
  queries: number[];
}

/**
 * @param examplesPerLabel labels with no more scenes than that have none left to ask about, and are not known
 * @param knownPart        part of such labels that is known; the scenes of the others are strangers
 * @returns null where fewer than two labels would be known
 */
export function drawEpisode(
  scenes: readonly LabelledScene[],
  examplesPerLabel: number,
  knownPart: number,
  random: SeededRandom,
): Episode | null {
  const byLabel = new Map<string, number[]>();
  scenes.forEach(({ label }, i) => {
    byLabel.set(label, [...(byLabel.get(label) ?? []), i]);
  });
  const usable = [...byLabel].filter(([, members]) => members.length > examplesPerLabel);
  const labels = random
    .shuffle(usable.map(([label]) => label).sort())
    .slice(0, Math.round(usable.length * knownPart))
    .sort();
  if (labels.length < 2) return null;
  const used = new Set<number>();
  const examples: LabelledScene[] = [];
  for (const label of labels) {
    const chosen = random.shuffle([...(byLabel.get(label) ?? [])]).slice(0, examplesPerLabel);
    for (const i of chosen) used.add(i);
    examples.push(...chosen.map((i) => scenes[i] as LabelledScene));
  }
  const queries = scenes.flatMap((_, i) => (used.has(i) ? [] : [i]));
  return { labels, prototypes: prototypesOf(examples), examples, queries };
}

/** One for each label of the examples. */
export function prototypesOf(examples: readonly LabelledScene[]): LabelPrototypes {
  const prototypes: Record<string, SceneEmbeddings> = {};
  for (const label of new Set(examples.map((example) => example.label))) {
    const members = examples.filter((example) => example.label === label);
    prototypes[label] = { audio: meanOf(members, 'audio'), video: meanOf(members, 'video') };
  }
  return prototypes;
}

function meanOf(scenes: readonly LabelledScene[], stream: 'audio' | 'video'): Float32Array | null {
  const vectors = scenes.flatMap((scene) => scene[stream] ?? []);
  return vectors.length > 0 ? prototypeOf(vectors) : null;
}
