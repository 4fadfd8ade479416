/**
 * The one ranking rule of every adapter: by score, then by id. Engines answer equal scores in any order and their
 * float32 sums differ in the last bits, so scores are compared on a grid coarser than that noise, and a cut that
 * runs through a tie is widened until the whole tie is known.
 */
import type { SearchHit, SearchRequest } from './vector-index.ts';

/** Ten times the worst rounding error of a float32 inner product of unit vectors. */
const SCORE_GRID = 1e6;

/** A hit before its payload is read. */
export interface ScoredId {
  id: string;
  /** On the grid, see `roundScore`. */
  score: number;
}

/** A cosine similarity on the grid of 1e-6, within [-1, 1]; `-0` becomes `0`. */
export function roundScore(score: number): number {
  const rounded = Math.round(score * SCORE_GRID) / SCORE_GRID;
  return Math.max(-1, Math.min(1, rounded)) + 0;
}

/** Best first: score descending, then id ascending by code unit. */
export function compareHits(a: ScoredId, b: ScoredId): number {
  if (a.score !== b.score) return b.score - a.score;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** The best hit of each clip, best first. */
export function bestOfEachClip<Hit extends ScoredId>(
  hits: readonly Hit[],
  clipIdOf: (hit: Hit) => string,
): Hit[] {
  const best = new Map<string, Hit>();
  for (const hit of hits) {
    const clipId = clipIdOf(hit);
    const known = best.get(clipId);
    if (known === undefined || compareHits(hit, known) < 0) best.set(clipId, hit);
  }
  return [...best.values()].sort(compareHits);
}

/** Extra hits asked for at first, so that short ties at the cut need no second query. */
const TIE_SLACK = 8;
/** How many segments a clip is guessed to have among the best; a wrong guess costs another query. */
const SEGMENTS_PER_CLIP_GUESS = 4;

/**
 * Asks the engine for more and more hits until the first `topK` of the ranking are certain.
 *
 * @param request   `topK`, `minScore` and `groupBy` are read
 * @param available no query can answer more hits than this
 * @param fetch     the best `limit` hits in any order, fewer only when no more match; scores on the grid
 * @param clipIdOf  the clip of a hit
 */
export async function rankCertainly<Hit extends ScoredId>(
  request: Pick<SearchRequest, 'topK' | 'minScore' | 'groupBy'>,
  available: number,
  fetch: (limit: number) => Promise<Hit[]>,
  clipIdOf: (hit: Hit) => string,
): Promise<Hit[]> {
  const minScore = request.minScore ?? Number.NEGATIVE_INFINITY;
  const guess = request.groupBy === 'clip' ? request.topK * SEGMENTS_PER_CLIP_GUESS : request.topK;
  let limit = Math.min(available, guess + TIE_SLACK);
  while (limit > 0) {
    const hits = await fetch(limit);
    let worst = Number.POSITIVE_INFINITY;
    for (const hit of hits) worst = Math.min(worst, hit.score);
    const good = hits.filter((hit) => hit.score >= minScore);
    const ranked = request.groupBy === 'clip' ? bestOfEachClip(good, clipIdOf) : good.sort(compareHits);
    const last = ranked[request.topK - 1];
    const isAll = hits.length < limit || limit >= available || worst < minScore;
    if (isAll || (last !== undefined && last.score > worst)) return ranked.slice(0, request.topK);
    limit = Math.min(available, limit * 4);
  }
  return [];
}

/** The hit as callers get it, with a payload of their own. */
export function toSearchHit(hit: ScoredId, payload: SearchHit['payload']): SearchHit {
  return { id: hit.id, score: hit.score, payload: { ...payload, tags: [...payload.tags] } };
}
