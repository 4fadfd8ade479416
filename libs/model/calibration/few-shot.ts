/** Few-shot episodes: some clips of a label are its examples, the rest are asked about. */
import type { SeededRandom } from '#core/random';
import { type LabelPrototypes, prototypeOf, type SceneEmbeddings } from '../network/label-cosines.ts';

export interface LabelledScene extends SceneEmbeddings {
  label: string;
  /** The recording that it was cut from; left out: it is the only scene of its recording. */
  source?: string;
}

export interface Episode {
  /** The labels that are known in this episode. */
  labels: string[];
  prototypes: LabelPrototypes;
  examples: LabelledScene[];
  /** Indices of the scenes that are asked about, of known labels and of others: from no example's recording. */
  queries: number[];
}

/**
 * Examples of one label come from as many recordings.
 *
 * @param examplesPerLabel labels with no more recordings than that have none left to ask about, and are not known
 * @param knownPart        part of such labels that is known; the scenes of the others are strangers
 * @returns null where fewer than two labels would be known
 */
export function drawEpisode(
  scenes: readonly LabelledScene[],
  examplesPerLabel: number,
  knownPart: number,
  random: SeededRandom,
): Episode | null {
  const byLabel = new Map<string, Map<string, number[]>>();
  scenes.forEach(({ label }, i) => {
    const recordings = byLabel.get(label) ?? new Map<string, number[]>();
    const source = sourceOf(scenes, i);
    byLabel.set(label, recordings.set(source, [...(recordings.get(source) ?? []), i]));
  });
  const usable = [...byLabel].filter(([, recordings]) => recordings.size > examplesPerLabel);
  const labels = random
    .shuffle(usable.map(([label]) => label).sort())
    .slice(0, Math.round(usable.length * knownPart))
    .sort();
  if (labels.length < 2) return null;
  const used = new Set<string>();
  const examples: LabelledScene[] = [];
  for (const label of labels) {
    const chosen = random.shuffle([...(byLabel.get(label) ?? [])]).slice(0, examplesPerLabel);
    for (const [source, members] of chosen) {
      used.add(source);
      examples.push(
        scenes[members.length > 1 ? random.pick(members) : (members[0] as number)] as LabelledScene,
      );
    }
  }
  const queries = scenes.flatMap((_, i) => (used.has(sourceOf(scenes, i)) ? [] : [i]));
  return { labels, prototypes: prototypesOf(examples), examples, queries };
}

/** A scene without a named recording is one of its own. */
function sourceOf(scenes: readonly LabelledScene[], index: number): string {
  return scenes[index]?.source ?? `#${index}`;
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
