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
 * The best `limit` hits outside the excluded clips, in any order, fewer only when no more match; scores on the grid.
 */
export type FetchHits<Hit extends ScoredId> = (limit: number, excludeClipIds: string[]) => Promise<Hit[]>;

/**
 * The ranking that a request asks for: asks the engine for more and more hits until its first `topK` are certain.
 *
 * @param clipIdOf the clip of a hit
 */
export async function rankCertainly<Hit extends ScoredId>(
  request: Pick<SearchRequest, 'topK' | 'minScore' | 'groupBy'>,
  fetch: FetchHits<Hit>,
  clipIdOf: (hit: Hit) => string,
): Promise<Hit[]> {
  const ranked =
    request.groupBy === 'clip'
      ? await rankClips(request, fetch, clipIdOf)
      : await rankSegments(request, fetch);
  const minScore = request.minScore ?? Number.NEGATIVE_INFINITY;
  return ranked.slice(0, request.topK).filter((hit) => hit.score >= minScore);
}

type Cut = Pick<SearchRequest, 'topK' | 'minScore'>;

async function rankSegments<Hit extends ScoredId>(
  { topK, minScore = -1 }: Cut,
  fetch: FetchHits<Hit>,
): Promise<Hit[]> {
  for (let limit = topK + TIE_SLACK; ; limit *= 4) {
    const ranked = (await fetch(limit, [])).sort(compareHits);
    const last = ranked[topK - 1];
    const worst = ranked.at(-1);
    const isAll = ranked.length < limit || worst === undefined || worst.score < minScore;
    if (isAll || (last !== undefined && last.score > worst.score)) return ranked;
  }
}

/**
 * Clips are certain once they beat the worst hit of a query: whatever was not answered is no better than that one.
 * The next query leaves them out, so that a clip of thousands of segments can't hide the others.
 */
async function rankClips<Hit extends ScoredId>(
  { topK, minScore = -1 }: Cut,
  fetch: FetchHits<Hit>,
  clipIdOf: (hit: Hit) => string,
): Promise<Hit[]> {
  const certain = new Map<string, Hit>();
  for (let limit = topK * SEGMENTS_PER_CLIP_GUESS + TIE_SLACK; ; limit *= 2) {
    const hits = await fetch(limit, [...certain.keys()]);
    let worst = Number.POSITIVE_INFINITY;
    for (const hit of hits) worst = Math.min(worst, hit.score);
    const isAll = hits.length < limit || worst < minScore;
    for (const hit of bestOfEachClip(hits, clipIdOf)) {
      if (isAll || hit.score > worst) certain.set(clipIdOf(hit), hit);
    }
    if (isAll || certain.size >= topK) return [...certain.values()].sort(compareHits);
  }
}

/** The hit as callers get it, with a payload of their own. */
export function toSearchHit(hit: ScoredId, payload: SearchHit['payload']): SearchHit {
  return { id: hit.id, score: hit.score, payload: { ...payload, tags: [...payload.tags] } };
}
