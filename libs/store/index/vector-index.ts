/**
 * The vector index, as the product sees it: named vectors `audio` and `video` for each segment, one collection
 * for each model, an alias that says which collection is live. The index is derived data: PostgreSQL holds every
 * vector, so any collection can be dropped and rebuilt.
 */

export type Modality = 'audio' | 'video';

/** Which model made a vector. Vectors of different identities are never compared. */
export interface ModelIdentity {
  id: string;
  version: string;
  dimension: number;
}

/** What can be filtered on; kept small on purpose, every field is indexed. */
export interface PointPayload {
  clipId: string;
  /** Position of the segment within its clip, from 0. */
  segmentIndex: number;
  startSec: number;
  endSec: number;
  collection: string;
  tags: string[];
}

export interface IndexPoint {
  /** UUIDv5 of clip, segment and model, so that writing twice changes nothing. */
  id: string;
  /** Unit vectors; a segment without sound or picture lacks that vector. At least one is present. */
  vectors: Partial<Record<Modality, Float32Array>>;
  payload: PointPayload;
}

/** All given conditions must hold. An empty list in `anyTag`, `collections` or `clipIds` matches nothing. */
export interface PointFilter {
  collections?: string[];
  /** At least one of these tags. */
  anyTag?: string[];
  /** Every one of these tags. */
  allTags?: string[];
  clipIds?: string[];
  excludeClipIds?: string[];
}

export interface SearchRequest {
  modality: Modality;
  /** Unit vector of the collection's dimension. */
  vector: Float32Array;
  /** Identity of the model that made the query vector; refused with `model_mismatch` when it differs. */
  model: ModelIdentity;
  /** How many results to answer, 1..10 000 (segments, or clips when grouped). */
  topK: number;
  /** Cosine similarity that a result must reach. */
  minScore?: number;
  filter?: PointFilter;
  /** `clip`: only the best segment of each clip. */
  groupBy: 'segment' | 'clip';
}

export interface SearchHit {
  id: string;
  /** Cosine similarity in [-1, 1]. */
  score: number;
  payload: PointPayload;
}

export interface CollectionInfo {
  name: string;
  model: ModelIdentity;
  /** Points, whatever vectors they carry. */
  pointCount: number;
}

/**
 * Collections are named by their callers (one a model). Every method that takes a collection also takes an alias.
 *
 * Errors: `index_unavailable` (retryable) when the engine can't be reached, `vector_dimension_mismatch`,
 * `model_mismatch`, `not_found` for an unknown collection or alias, `invalid_argument` for what can't be asked.
 */
export interface VectorIndex {
  /** Creates the collection with its payload indexes; no-op if it exists with this identity, else `model_mismatch`. */
  ensureCollection(name: string, model: ModelIdentity): Promise<void>;
  listCollections(): Promise<CollectionInfo[]>;
  describeCollection(name: string): Promise<CollectionInfo>;
  dropCollection(name: string): Promise<void>;
  /** Points `alias` at `collection` in one atomic step. */
  setAlias(alias: string, collection: string): Promise<void>;
  /** The collection behind the alias, or null. */
  resolveAlias(alias: string): Promise<string | null>;
  /** Idempotent: replaces points of the same id. Applied when the promise resolves. */
  upsert(collection: string, points: readonly IndexPoint[]): Promise<void>;
  deletePoints(collection: string, ids: readonly string[]): Promise<void>;
  deleteClips(collection: string, clipIds: readonly string[]): Promise<void>;
  /** Replaces the payload's filterable fields (`collection`, `tags`) of every point of a clip. */
  updateClipPayload(
    collection: string,
    clipId: string,
    change: Pick<PointPayload, 'collection' | 'tags'>,
  ): Promise<void>;
  /** Best first: by score, then by id ascending, so that equal scores never wobble. */
  search(collection: string, request: SearchRequest): Promise<SearchHit[]>;
  /** How many points match; with `modality`, only those that carry that vector. */
  count(collection: string, options?: { modality?: Modality; filter?: PointFilter }): Promise<number>;
  /** Ids of all points, ascending, for reconciliation; pages of at most `limit` after `afterId`. */
  listPointIds(collection: string, options: { afterId?: string; limit: number }): Promise<string[]>;
  /** Lets the engine compact and build what it builds in the background. */
  optimize(collection: string): Promise<void>;
  close(): Promise<void>;
}
