/**
 * Retrieval metrics on a similarity matrix. Ties are counted as the expectation over random tie-breaking, so that
 * a model that maps everything to one point scores exactly chance.
 *
 * @see McSherry & Najork 2008, "Computing information retrieval performance measures efficiently in the presence
 *   of tied scores"
 */

export interface RankedQuery {
  /** Probability that a relevant item is among the first 1, 5, 10. */
  r1: number;
  r5: number;
  r10: number;
  averagePrecision: number;
  ndcg10: number;
  /** Expected rank, from 1, of the first relevant item. */
  rank: number;
}

interface TieGroup {
  size: number;
  relevant: number;
}

/** Items in descending score, equal scores together. */
function tieGroups(scores: ArrayLike<number>, relevant: (index: number) => boolean): TieGroup[] {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort(
    (a, b) => (scores[b] as number) - (scores[a] as number),
  );
  const groups: TieGroup[] = [];
  let previous = Number.NaN;
  for (const index of order) {
    const score = scores[index] as number;
    if (score !== previous) groups.push({ size: 0, relevant: 0 });
    previous = score;
    const group = groups.at(-1) as TieGroup;
    group.size++;
    if (relevant(index)) group.relevant++;
  }
  return groups;
}

/** Probability that none of `relevant` items among `size` falls into the first `places`. */
function missProbability(size: number, relevant: number, places: number): number {
  let probability = 1;
  for (let i = 0; i < relevant; i++) probability *= Math.max(0, size - places - i) / (size - i);
  return probability;
}

function hitProbability(groups: readonly TieGroup[], k: number): number {
  let before = 0;
  for (const { size, relevant } of groups) {
    if (before >= k) return 0;
    if (relevant > 0) {
      const inside = 1 - missProbability(size, relevant, Math.min(size, k - before));
      // A group that reaches beyond k is the last that counts; one that ends before it holds a sure hit.
      return before + size <= k ? 1 : inside;
    }
    before += size;
  }
  return 0;
}

function expectedAveragePrecision(groups: readonly TieGroup[], total: number): number {
  let before = 0;
  let relevantBefore = 0;
  let sum = 0;
  for (const { size, relevant } of groups) {
    if (relevant > 0) {
      // At place i of the group, the item is relevant with relevant/size; given that, of the i - 1 places before
      // it within the group an expected (i - 1)(relevant - 1)/(size - 1) are relevant too.
      const others = size > 1 ? (relevant - 1) / (size - 1) : 0;
      for (let i = 1; i <= size; i++) {
        sum += ((relevant / size) * (relevantBefore + 1 + (i - 1) * others)) / (before + i);
      }
    }
    before += size;
    relevantBefore += relevant;
  }
  return sum / total;
}

function expectedNdcg(groups: readonly TieGroup[], total: number, k: number): number {
  let gain = 0;
  let place = 0;
  for (const { size, relevant } of groups) {
    for (let i = 0; i < size && place < k; i++, place++) gain += relevant / size / Math.log2(place + 2);
  }
  let ideal = 0;
  for (let i = 0; i < Math.min(k, total); i++) ideal += 1 / Math.log2(i + 2);
  return gain / ideal;
}

function expectedFirstRank(groups: readonly TieGroup[]): number {
  let before = 0;
  for (const { size, relevant } of groups) {
    // Expected minimum of `relevant` places drawn from `size`: (size + 1) / (relevant + 1).
    if (relevant > 0) return before + (size + 1) / (relevant + 1);
    before += size;
  }
  return Number.POSITIVE_INFINITY;
}

/**
 * @param scores   one query's score for every item
 * @param relevant which items are right answers; at least one must be
 */
export function rankQuery(scores: ArrayLike<number>, relevant: (index: number) => boolean): RankedQuery {
  const groups = tieGroups(scores, relevant);
  const total = groups.reduce((sum, group) => sum + group.relevant, 0);
  if (total === 0) throw new RangeError('a query without a relevant item cannot be scored');
  return {
    r1: hitProbability(groups, 1),
    r5: hitProbability(groups, 5),
    r10: hitProbability(groups, 10),
    averagePrecision: expectedAveragePrecision(groups, total),
    ndcg10: expectedNdcg(groups, total, 10),
    rank: expectedFirstRank(groups),
  };
}

/** Cosine of unit vectors, every query against every item: one row a query. */
export function similarityMatrix(
  queries: readonly Float32Array[],
  items: readonly Float32Array[],
): Float32Array[] {
  return queries.map((query) =>
    Float32Array.from(items, (item) => {
      let sum = 0;
      for (let i = 0; i < query.length; i++) sum += (query[i] as number) * (item[i] as number);
      return sum;
    }),
  );
}

/** What a ranking by chance scores on average: the same metrics with every item tied. */
export function chanceQuery(itemCount: number, relevantCount: number): RankedQuery {
  return rankQuery(new Float32Array(itemCount), (index) => index < relevantCount);
}
