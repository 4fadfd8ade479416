/** Points, payloads and filters in Qdrant's form. */
import type { Schemas } from '@qdrant/js-client-rest';
import { roundScore, type ScoredId } from './ranking.ts';
import type { IndexPoint, Modality, PointFilter, PointPayload } from './vector-index.ts';

/** The payload fields that filters name; Qdrant needs an index on each for filtered searches to keep their recall. */
export const INDEXED_FIELDS = ['clipId', 'collection', 'tags'] as const;

export interface QdrantHit extends ScoredId {
  payload: PointPayload;
}

export function toQdrantPoint(point: IndexPoint): Schemas['PointStruct'] {
  const vector: Record<string, number[]> = {};
  for (const [modality, values] of Object.entries(point.vectors)) vector[modality] = Array.from(values);
  const { clipId, segmentIndex, startSec, endSec, collection, tags } = point.payload;
  return { id: point.id, vector, payload: { clipId, segmentIndex, startSec, endSec, collection, tags } };
}

export function toHit(scored: Schemas['ScoredPoint']): QdrantHit {
  const payload = scored.payload as unknown as PointPayload;
  return { id: String(scored.id), score: roundScore(scored.score), payload };
}

function isOneOf(key: (typeof INDEXED_FIELDS)[number], values: readonly string[]): Schemas['Condition'] {
  return { key, match: { any: [...new Set(values)] } };
}

/**
 * @param filter   with no empty list among those that must be hit
 * @param modality only points that carry this vector (searches do that by themselves)
 * @returns undefined where every point passes
 */
export function toQdrantFilter(
  filter: PointFilter | undefined,
  modality?: Modality,
): Schemas['Filter'] | undefined {
  const { collections, anyTag, allTags, clipIds, excludeClipIds } = filter ?? {};
  const must: Schemas['Condition'][] = [];
  if (collections) must.push(isOneOf('collection', collections));
  if (clipIds) must.push(isOneOf('clipId', clipIds));
  if (anyTag) must.push(isOneOf('tags', anyTag));
  for (const tag of new Set(allTags)) must.push({ key: 'tags', match: { value: tag } });
  if (modality) must.push({ has_vector: modality });
  const mustNot = excludeClipIds?.length ? [isOneOf('clipId', excludeClipIds)] : [];
  if (must.length === 0 && mustNot.length === 0) return undefined;
  return { ...(must.length > 0 && { must }), ...(mustNot.length > 0 && { must_not: mustNot }) };
}
