/** Retrieval in both directions, with chance and a bootstrap interval over clips beside every score. */
import { bootstrap, mean, median } from '#model/metrics/bootstrap';
import { chanceQuery, type RankedQuery, rankQuery, similarityMatrix } from '#model/metrics/retrieval';

interface Score {
  value: number;
  chance: number;
  ci95: [number, number];
  /**
   * Beside instance scores: what a ranking would score that knows every clip's labels and nothing else. Whatever lies
   * above it tells instances of one class apart.
   */
  classOracle?: number;
}

export interface ScoredClip {
  id: string;
  labels: readonly string[];
  audio: Float32Array;
  video: Float32Array;
}

export interface RetrievalResults {
  n: number;
  results: Record<string, Score>;
}

/**
 * `r1`, `r5`, `r10` and `medianRank` are of the clip's own partner among all clips; `map` and `ndcg10` are at class
 * level: every clip that shares a label is a right answer.
 */
export function scoreRetrieval(clips: readonly ScoredClip[]): RetrievalResults {
  const results: Record<string, Score> = {};
  for (const [name, from, to] of [
    ['videoToAudio', 'video', 'audio'],
    ['audioToVideo', 'audio', 'video'],
  ] as const) {
    const matrix = similarityMatrix(
      clips.map((clip) => clip[from]),
      clips.map((clip) => clip[to]),
    );
    const instance = matrix.map((scores, query) => rankQuery(scores, (item) => item === query));
    const byClass = matrix.map((scores, query) =>
      rankQuery(scores, (item) => sharesLabel(clips[query] as ScoredClip, clips[item] as ScoredClip)),
    );
    const instanceChance = clips.map(() => chanceQuery(clips.length, 1));
    const classChance = clips.map((clip) =>
      chanceQuery(clips.length, clips.filter((other) => sharesLabel(clip, other)).length),
    );
    const oracle = clips.map((clip, query) =>
      rankQuery(
        clips.map((other) => (sharesLabel(clip, other) ? 1 : 0)),
        (item) => item === query,
      ),
    );
    const instanceScore = (
      metric: keyof RankedQuery,
      statistic: (values: readonly number[]) => number,
    ): Score => ({
      ...score(instance, instanceChance, metric, statistic),
      classOracle: statistic(oracle.map((query) => query[metric])),
    });
    for (const metric of ['r1', 'r5', 'r10'] as const)
      results[`${name}.${metric}`] = instanceScore(metric, mean);
    results[`${name}.medianRank`] = instanceScore('rank', median);
    results[`${name}.map`] = score(byClass, classChance, 'averagePrecision', mean);
    results[`${name}.ndcg10`] = score(byClass, classChance, 'ndcg10', mean);
    results[`${name}.classR1`] = score(byClass, classChance, 'r1', mean);
    results[`${name}.classR5`] = score(byClass, classChance, 'r5', mean);
  }
  return { n: clips.length, results };
}

/** A clip always matches itself, labelled or not. */
function sharesLabel(a: ScoredClip, b: ScoredClip): boolean {
  return a.id === b.id || a.labels.some((label) => b.labels.includes(label));
}

function score(
  queries: readonly RankedQuery[],
  chance: readonly RankedQuery[],
  metric: keyof RankedQuery,
  statistic: (values: readonly number[]) => number,
): Score {
  const values = queries.map((query) => query[metric]);
  return { ...bootstrap(values, statistic), chance: statistic(chance.map((query) => query[metric])) };
}
