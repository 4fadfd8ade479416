/**
 * The `concepts` suite: the concept model on real labelled clips. Which concept is heard and seen first, out of the
 * whole vocabulary; class-level retrieval both ways, where every clip that shares a label is a right answer; and the
 * same on twenty concepts only, beside a baseline that uses nothing but regular expressions (see `naive-bridge.ts`).
 */
import { bootstrap, type Estimate, mean } from '#model/metrics/bootstrap';
import { chanceQuery, type RankedQuery, rankQuery, similarityMatrix } from '#model/metrics/retrieval';

export interface Score extends Estimate {
  chance: number;
}

/** One clip in one vocabulary: an axis a concept, and the vectors that are compared. */
export interface ConceptClip {
  /** Right answers, as indices of the vocabulary. */
  labels: readonly number[];
  /** Calibrated scores, `[concepts]`. */
  axes: { audio: ArrayLike<number>; video: ArrayLike<number> };
  /** Unit vectors. */
  vectors: { audio: Float32Array; video: Float32Array };
}

/** @param prefix of the metrics' names, such as `naive20.` */
export function scoreConcepts(
  clips: readonly ConceptClip[],
  vocabulary: number,
  prefix = '',
): Record<string, Score> {
  return {
    ...scoreTop1(clips, vocabulary, 'audio', prefix),
    ...scoreTop1(clips, vocabulary, 'video', prefix),
    ...scoreDirection(clips, 'video', 'audio', `${prefix}videoToAudio`),
    ...scoreDirection(clips, 'audio', 'video', `${prefix}audioToVideo`),
  };
}

/** Share of items whose strongest concept is one of their labels. */
export function top1Score(hits: readonly boolean[], chances: readonly number[]): Score {
  return { ...bootstrap(hits.map(Number)), chance: mean(chances) };
}

function scoreTop1(
  clips: readonly ConceptClip[],
  vocabulary: number,
  tower: 'audio' | 'video',
  prefix: string,
): Record<string, Score> {
  const hits = clips.map(({ axes, labels }) => labels.includes(strongest(axes[tower])));
  const chances = clips.map(({ labels }) => labels.length / vocabulary);
  return { [`${prefix}${tower}.top1`]: top1Score(hits, chances) };
}

function scoreDirection(
  clips: readonly ConceptClip[],
  from: 'audio' | 'video',
  to: 'audio' | 'video',
  name: string,
): Record<string, Score> {
  const matrix = similarityMatrix(
    clips.map(({ vectors }) => vectors[from]),
    clips.map(({ vectors }) => vectors[to]),
  );
  const shares = (a: number, b: number) =>
    a === b || (clips[a]?.labels ?? []).some((label) => clips[b]?.labels.includes(label));
  const ranked = matrix.map((scores, query) => rankQuery(scores, (item) => shares(query, item)));
  const chance = clips.map((_, query) =>
    chanceQuery(clips.length, clips.filter((_, item) => shares(query, item)).length),
  );
  const score = (metric: keyof RankedQuery): Score => ({
    ...bootstrap(ranked.map((query) => query[metric])),
    chance: mean(chance.map((query) => query[metric])),
  });
  return {
    [`${name}.r1`]: score('r1'),
    [`${name}.r5`]: score('r5'),
    [`${name}.map`]: score('averagePrecision'),
  };
}

/** Index of the largest value; the first of equals. */
export function strongest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}

export function unitVector(values: ArrayLike<number>): Float32Array {
  const norm = Math.hypot(...Array.from(values)) || 1;
  return Float32Array.from(values, (value) => value / norm);
}
