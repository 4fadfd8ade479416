/**
 * Search: query -> unit vector -> nearest in the index -> ranking -> page.
 *
 * A clip that asks is left out of its own answer wherever it would be met by its own query vector (same modality,
 * and `clip`, which searches both): finding itself with a score of 1 tells nobody anything. Asked for the OTHER
 * modality it stays in: its own sound is a true answer to "which sounds fit this picture", and the one that shows
 * how well the model does. `filter.excludeClipIds` leaves it out there as well.
 */
import { EarshotError } from '#core/errors';
import type { Database } from '#store/database';
import type { VectorIndex } from '#store/index/vector-index';
import type { ClipFilter, Modality, SearchPage, SearchRequest, SearchResult } from '../catalog-service.ts';
import { toClip } from '../clip-view.ts';
import { countClips } from './count-clips.ts';
import { decodeCursor, encodeCursor, requestDigest, type SearchCursor } from './cursor.ts';
import { type QuerySources, type QueryVector, resolveQuery } from './query-vector.ts';
import {
  isAfter,
  MAX_RANKING_DEPTH,
  type RankedHit,
  type Ranking,
  type RankingRequest,
  rank,
} from './ranking.ts';

export interface SearchParts extends QuerySources {
  database: Database;
  index: VectorIndex;
}

const DEFAULT_TOP_K = 10;
const MAX_TOP_K = 1000;

interface Total {
  total: number;
  totalIsLowerBound: boolean;
}

/**
 * One page of the ranking.
 *
 * @throws EarshotError `invalid_argument`, those of the query (see `resolveQuery`) and of the index
 */
export async function search(
  request: SearchRequest,
  parts: SearchParts,
  signal?: AbortSignal,
): Promise<SearchPage> {
  const startedAt = performance.now();
  checkRequest(request);
  const topK = request.topK ?? DEFAULT_TOP_K;
  const query = await resolveQuery(request.query, request.for, parts, signal);
  const ranking = toRankingRequest(request, query, parts);
  const digest = requestDigest([
    query.key,
    ranking.targets,
    ranking.model,
    ranking.minScore,
    ranking.groupBy,
    ranking.filter,
  ]);
  const cursor = request.cursor === undefined ? null : decodeCursor(request.cursor, digest);
  const { page, more, ranked } = await readPage(ranking, parts.index, cursor, topK);
  const total = cursor ?? (await countTotal(ranking, ranked, parts));
  const last = page.at(-1);
  const offset = (cursor?.offset ?? 0) + page.length;
  const nextCursor =
    more && last !== undefined && offset < MAX_RANKING_DEPTH
      ? encodeCursor({ offset, lastScore: last.score, lastId: last.id, ...pick(total) }, digest)
      : null;
  return {
    results: await toResults(page, parts),
    ...pick(total),
    nextCursor,
    model: { ...parts.model.identity },
    ...(query.text && { text: query.text }),
    tookMs: Math.round((performance.now() - startedAt) * 10) / 10,
  };
}

function checkRequest(request: SearchRequest): void {
  const refuse = (subject: string, message: string): never => {
    throw new EarshotError('invalid_argument', message, { subject });
  };
  const { topK, minScore, query } = request;
  if (!['audio', 'video', 'clip'].includes(request.for)) refuse('for', 'for must be audio, video or clip.');
  if (topK !== undefined && (!Number.isInteger(topK) || topK < 1 || topK > MAX_TOP_K)) {
    refuse('topK', `topK must be a whole number from 1 to ${MAX_TOP_K}; use the cursor to read on.`);
  }
  if (minScore !== undefined && !(minScore >= -1 && minScore <= 1)) {
    refuse('minScore', 'minScore must be a number from -1 to 1.');
  }
  if (!('clipId' in query)) return;
  const { startSec, endSec } = query;
  if (startSec !== undefined && !(startSec >= 0)) refuse('query.startSec', 'startSec must not be negative.');
  if (endSec !== undefined && !(endSec > (startSec ?? 0)))
    refuse('query.endSec', 'endSec must lie after startSec.');
}

function toRankingRequest(request: SearchRequest, query: QueryVector, parts: SearchParts): RankingRequest {
  const targets: Modality[] = request.for === 'clip' ? ['audio', 'video'] : [request.for];
  const meetsItself = query.clipId !== null && query.modality !== 'text' && targets.includes(query.modality);
  const filter: ClipFilter = { ...request.filter };
  if (meetsItself && query.clipId !== null) {
    filter.excludeClipIds = [...(filter.excludeClipIds ?? []), query.clipId];
  }
  return {
    collection: parts.model.indexCollection,
    model: parts.model.identity,
    vector: query.vector,
    targets,
    minScore: request.minScore,
    groupBy: request.groupBy ?? 'clip',
    filter,
  };
}

/** Reads as deep as the page lies; deeper when the catalog grew above the cursor's place meanwhile. */
async function readPage(
  ranking: RankingRequest,
  index: VectorIndex,
  cursor: SearchCursor | null,
  topK: number,
): Promise<{ page: RankedHit[]; more: boolean; ranked: Ranking }> {
  let depth = Math.min((cursor?.offset ?? 0) + topK + 1, MAX_RANKING_DEPTH);
  for (;;) {
    const ranked = await rank(index, ranking, depth);
    const rest =
      cursor === null
        ? ranked.hits
        : ranked.hits.filter((hit) => isAfter(hit, cursor.lastScore, cursor.lastId));
    if (rest.length > topK || ranked.complete || depth === MAX_RANKING_DEPTH) {
      return { page: rest.slice(0, topK), more: rest.length > topK, ranked };
    }
    depth = Math.min(depth * 2, MAX_RANKING_DEPTH);
  }
}

/** Counted without ranking where the index or SQL can; a threshold needs the scores themselves. */
async function countTotal(ranking: RankingRequest, ranked: Ranking, parts: SearchParts): Promise<Total> {
  if (ranked.complete) return { total: ranked.hits.length, totalIsLowerBound: false };
  if (ranking.minScore === undefined) {
    const { targets, filter } = ranking;
    const modality = targets.length === 1 ? targets[0] : undefined;
    const total =
      ranking.groupBy === 'segment'
        ? await parts.index.count(ranking.collection, { modality, filter })
        : await countClips(parts.database, ranking.model, targets, filter);
    return { total, totalIsLowerBound: false };
  }
  const all = await rank(parts.index, ranking, MAX_RANKING_DEPTH);
  return { total: all.hits.length, totalIsLowerBound: !all.complete };
}

/** A clip deleted a moment ago may still be in the index: it is left out, and the page is shorter by it. */
async function toResults(hits: readonly RankedHit[], parts: SearchParts): Promise<SearchResult[]> {
  const rows = await parts.clips.getMany([...new Set(hits.map((hit) => hit.payload.clipId))]);
  const clips = new Map(rows.map((row) => [row.id, toClip(row)]));
  return hits.flatMap(({ payload, score, modality }) => {
    const clip = clips.get(payload.clipId);
    if (clip === undefined) return [];
    const { segmentIndex: index, startSec, endSec } = payload;
    return [{ clip, segment: { index, startSec, endSec }, score, modality }];
  });
}

function pick({ total, totalIsLowerBound }: Total): Total {
  return { total, totalIsLowerBound };
}
