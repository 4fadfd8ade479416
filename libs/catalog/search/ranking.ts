/**
 * One ranking over the vector index: by score, then by id, whether one modality is searched or both. Both modality
 * lists come from the index in this order, so their merge is the true ranking down to the depth asked for.
 */
import type {
  Modality,
  ModelIdentity,
  PointFilter,
  PointPayload,
  VectorIndex,
} from '#store/index/vector-index';

export interface RankingRequest {
  /** Collection of the index. */
  collection: string;
  model: ModelIdentity;
  /** The query's unit vector. */
  vector: Float32Array;
  /** Modalities whose vectors are searched. */
  targets: readonly Modality[];
  minScore: number | undefined;
  groupBy: 'clip' | 'segment';
  filter: PointFilter | undefined;
}

export interface RankedHit {
  /** Point id. */
  id: string;
  score: number;
  /** Which of the segment's vectors was met. */
  modality: Modality;
  payload: PointPayload;
}

export interface Ranking {
  hits: RankedHit[];
  /** True when no result lies below the last one. */
  complete: boolean;
}

/** The index answers no deeper than this; totals are exact up to it. */
export const MAX_RANKING_DEPTH = 10_000;

/** The best `depth` results. */
export async function rank(index: VectorIndex, request: RankingRequest, depth: number): Promise<Ranking> {
  const lists = await Promise.all(
    request.targets.map(async (modality) => {
      const hits = await index.search(request.collection, {
        modality,
        vector: request.vector,
        model: request.model,
        topK: depth,
        minScore: request.minScore,
        filter: request.filter,
        groupBy: request.groupBy,
      });
      return hits.map((hit): RankedHit => ({ ...hit, modality }));
    }),
  );
  const complete = lists.every((list) => list.length < depth);
  const single = lists.length === 1 ? lists[0] : undefined;
  const merged = single ?? bestOfEach(lists.flat(), request.groupBy);
  return { hits: merged.slice(0, depth), complete: complete && merged.length <= depth };
}

/** Position after the last result of the page before: what remains comes strictly later in the order. */
export function isAfter(hit: RankedHit, lastScore: number, lastId: string): boolean {
  return hit.score < lastScore || (hit.score === lastScore && hit.id > lastId);
}

/** A clip (or segment) found by sound and by picture counts once, with its better score. */
function bestOfEach(hits: RankedHit[], groupBy: 'clip' | 'segment'): RankedHit[] {
  const best = new Map<string, RankedHit>();
  for (const hit of hits.sort(byScoreThenId)) {
    const key = groupBy === 'clip' ? hit.payload.clipId : hit.id;
    if (!best.has(key)) best.set(key, hit);
  }
  return [...best.values()];
}

function byScoreThenId(a: RankedHit, b: RankedHit): number {
  if (a.score !== b.score) return b.score - a.score;
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  return a.modality < b.modality ? -1 : 1;
}
