/**
 * Ranked searches on Qdrant, which answers equal scores in any order. Clips are grouped here and not by the server's
 * grouping: that one can't page, says nothing about ties, and stops filling groups after a fixed number of rounds.
 */
import type { QdrantClient, Schemas } from '@qdrant/js-client-rest';
import { excludingAlso } from './point-filter.ts';
import { type QdrantHit, toHit, toQdrantFilter } from './qdrant-points.ts';
import { rankCertainly } from './ranking.ts';
import type { SearchRequest } from './vector-index.ts';

/** Qdrant's own default; segments below its `full_scan_threshold` are scanned exactly whatever stands here. */
const HNSW_EF_MIN = 128;
/** The server compares scores in float32; what its threshold lets through too much is dropped on the grid later. */
const THRESHOLD_SLACK = 1e-5;

/** A checked search and where it goes. */
export interface QdrantSearch {
  client: QdrantClient;
  /** The collection's own name on the server, not an alias. */
  collection: string;
  request: SearchRequest;
  /** The request's vector at unit length. */
  vector: Float32Array;
  timeoutSec: number;
}

/** The best segments, or the best segment of each of the best clips, best first. */
export function searchQdrant({
  client,
  collection,
  request,
  vector,
  timeoutSec,
}: QdrantSearch): Promise<QdrantHit[]> {
  const { modality, minScore } = request;
  const query = Array.from(vector);
  const fetch = async (limit: number, excludeClipIds: string[]): Promise<QdrantHit[]> => {
    const filter = toQdrantFilter(excludingAlso(request.filter, excludeClipIds));
    const body = {
      query,
      using: modality,
      limit,
      with_payload: true,
      with_vector: false,
      // Points that the graph does not hold yet are found too, by scanning.
      params: { hnsw_ef: Math.max(HNSW_EF_MIN, limit), exact: false, indexed_only: false },
      ...(filter && { filter }),
      ...(minScore !== undefined && { score_threshold: minScore - THRESHOLD_SLACK }),
    } satisfies Schemas['QueryRequest'];
    const { points } = await client.query(collection, { ...body, timeout: timeoutSec });
    return points.map(toHit);
  };
  return rankCertainly(request, fetch, (hit) => hit.payload.clipId);
}
