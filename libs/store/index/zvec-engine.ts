/** zvec, set up for one modality of one collection: schema, opening, batched writes, errors as Earshot's. */
import {
  isZVecError,
  type ZVecCollection,
  ZVecCollectionSchema,
  ZVecCreateAndOpen,
  ZVecDataType,
  type ZVecDocInput,
  ZVecIndexType,
  ZVecInitialize,
  ZVecLogLevel,
  ZVecMetricType,
  ZVecOpen,
  type ZVecStatus,
} from '@zvec/zvec';
import { asEarshotError, EarshotError } from '#core/errors';
import type { PointPayload } from './vector-index.ts';
import { filterKey } from './zvec-filter.ts';

const STRING_INDEX = { indexType: ZVecIndexType.INVERT } as const;
/** zvec refuses writes of more than 1024 documents. */
export const WRITE_BATCH_MAX = 512;

let isInitialized = false;

/** zvec writes warnings to standard output, where a command prints its one JSON document. */
function initializeOnce(): void {
  if (isInitialized) return;
  isInitialized = true;
  ZVecInitialize({ logLevel: ZVecLogLevel.FATAL });
}

/**
 * Runs a call into zvec.
 *
 * @throws EarshotError `data_folder_in_use` when another process holds the lock, `index_unavailable` (retryable)
 *   when the engine is short of something, else `internal`
 */
export function callZvec<Result>(call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    throw asIndexError(error);
  }
}

/** A failure of zvec as an EarshotError; see `callZvec`. */
export function asIndexError(error: unknown): EarshotError {
  if (!isZVecError(error)) return asEarshotError(error);
  if (error.message.includes('already closed')) {
    return new EarshotError('index_unavailable', 'The vector index is closed.', { cause: error });
  }
  if (error.message.includes("Can't lock")) {
    return new EarshotError(
      'data_folder_in_use',
      'Another process has the vector index open: stop it or talk to it.',
      {
        cause: error,
      },
    );
  }
  const isTransient = error.code === 'ZVEC_UNAVAILABLE' || error.code === 'ZVEC_RESOURCE_EXHAUSTED';
  const code = isTransient ? 'index_unavailable' : 'internal';
  return new EarshotError(code, `The vector index failed: ${error.message}`, {
    cause: error,
    retryable: isTransient,
  });
}

/** Opens the folder for reading and writing: after a crash zvec replays its log only then. */
export function openZvec(folder: string): ZVecCollection {
  initializeOnce();
  return callZvec(() => ZVecOpen(folder));
}

/** Creates an empty collection in a folder that must not exist yet. */
export function createZvec(folder: string, dimension: number): ZVecCollection {
  initializeOnce();
  const schema = new ZVecCollectionSchema({
    name: 'segments',
    vectors: {
      name: 'vector',
      dataType: ZVecDataType.VECTOR_FP32,
      dimension,
      // Inner product: zvec's COSINE answers a distance, and all vectors here have length one.
      indexParams: {
        indexType: ZVecIndexType.HNSW,
        metricType: ZVecMetricType.IP,
        m: 16,
        efConstruction: 200,
      },
    },
    fields: [
      { name: 'clip', dataType: ZVecDataType.STRING, indexParams: STRING_INDEX },
      { name: 'collection', dataType: ZVecDataType.STRING, indexParams: STRING_INDEX },
      { name: 'tags', dataType: ZVecDataType.ARRAY_STRING, indexParams: STRING_INDEX },
      { name: 'payload', dataType: ZVecDataType.STRING },
    ],
  });
  return callZvec(() => ZVecCreateAndOpen(folder, schema));
}

/** What zvec stores of a payload: keys to filter on and the whole as JSON. */
export function toFields(payload: PointPayload): NonNullable<ZVecDocInput['fields']> {
  return {
    clip: filterKey(payload.clipId),
    collection: filterKey(payload.collection),
    tags: payload.tags.map(filterKey),
    payload: JSON.stringify(payload),
  };
}

/** Inserts or replaces whole documents, at most `WRITE_BATCH_MAX`. */
export function upsertDocs(collection: ZVecCollection, docs: ZVecDocInput[]): void {
  if (docs.length > 0) requireOk(callZvec(() => collection.upsertSync(docs)));
}

/** Changes the given fields of documents that are there; their vectors stay. At most `WRITE_BATCH_MAX`. */
export function updateDocs(collection: ZVecCollection, docs: ZVecDocInput[]): void {
  if (docs.length > 0) requireOk(callZvec(() => collection.updateSync(docs)));
}

/** Deletes what is there of these ids, at most `WRITE_BATCH_MAX`. */
export function deleteDocs(collection: ZVecCollection, ids: string[]): void {
  if (ids.length === 0) return;
  const statuses = callZvec(() => collection.deleteSync(ids));
  requireOk(statuses.filter((status) => status.code !== 'ZVEC_NOT_FOUND'));
}

function requireOk(statuses: readonly ZVecStatus[]): void {
  const failed = statuses.find((status) => !status.ok);
  if (failed === undefined) return;
  throw new EarshotError(
    'index_unavailable',
    `The vector index refused a write: ${failed.code} ${failed.message}`,
    {
      retryable: true,
    },
  );
}
