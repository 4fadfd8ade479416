/**
 * One collection of the embedded index: a zvec collection for each modality (zvec wants every vector of a document)
 * and the payloads in memory, read back from zvec on opening.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ZVecCollection } from '@zvec/zvec';
import { ZVecIndexType } from '@zvec/zvec';
import { excludingAlso, matchesNothing } from './point-filter.ts';
import { PointTable } from './point-table.ts';
import { rankCertainly, roundScore, type ScoredId, toSearchHit } from './ranking.ts';
import { MODALITIES } from './validation.ts';
import type { IndexPoint, Modality, PointPayload, SearchHit, SearchRequest } from './vector-index.ts';
import {
  asIndexError,
  callZvec,
  deleteDocs,
  openZvec,
  toFields,
  updateDocs,
  upsertDocs,
  WRITE_BATCH_MAX,
} from './zvec-engine.ts';
import { toZvecFilter } from './zvec-filter.ts';

/** Up to here a scan of all vectors is as fast as the graph, and exact. */
const SCAN_BELOW_POINTS = 10_000;
/** From here on the points that the graph lacks slow a query down noticeably. */
const OPTIMIZE_FROM_UNINDEXED = 2_000;

/** zvec's own default. */
const EF_MIN = 300;

/** Lets other work run between two batches of synchronous writes. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function* batches<Item>(items: readonly Item[]): Iterable<Item[]> {
  for (let i = 0; i < items.length; i += WRITE_BATCH_MAX) yield items.slice(i, i + WRITE_BATCH_MAX);
}

export class EmbeddedCollection {
  readonly table = new PointTable();
  readonly #engines: Record<Modality, ZVecCollection>;
  #optimizing: Promise<void> | null = null;

  constructor(folder: string, dimension: number) {
    const audio = openZvec(join(folder, 'audio'), dimension);
    this.#engines = { audio, video: openZvec(join(folder, 'video'), dimension) };
    for (const modality of MODALITIES) this.#readBack(modality);
  }

  async upsert(points: readonly IndexPoint[]): Promise<void> {
    for (const batch of batches(points)) {
      for (const modality of MODALITIES) {
        const withVector = batch.filter((point) => point.vectors[modality] !== undefined);
        const docs = withVector.map((point) => ({
          id: point.id,
          vectors: { vector: point.vectors[modality] as Float32Array },
          fields: toFields(point.payload),
        }));
        upsertDocs(this.#engines[modality], docs);
        const isStale = (point: IndexPoint) =>
          point.vectors[modality] === undefined && this.table.get(point.id)?.modalities.has(modality);
        deleteDocs(
          this.#engines[modality],
          batch.filter(isStale).map((point) => point.id),
        );
      }
      for (const point of batch)
        this.table.set(point.id, point.payload, Object.keys(point.vectors) as Modality[]);
      await breathe();
    }
  }

  async delete(ids: readonly string[]): Promise<void> {
    for (const batch of batches(ids)) {
      for (const modality of MODALITIES) deleteDocs(this.#engines[modality], batch);
      for (const id of batch) this.table.delete(id);
      await breathe();
    }
  }

  async updateClipPayload(clipId: string, change: Pick<PointPayload, 'collection' | 'tags'>): Promise<void> {
    for (const batch of batches(this.table.idsOfClip(clipId))) {
      const changed = batch.flatMap((id) => {
        const row = this.table.get(id);
        if (row === undefined) return [];
        const payload = { ...row.payload, collection: change.collection, tags: [...change.tags] };
        return [{ id, payload, modalities: row.modalities }];
      });
      for (const modality of MODALITIES) {
        const carrying = changed.filter((row) => row.modalities.has(modality));
        updateDocs(
          this.#engines[modality],
          carrying.map(({ id, payload }) => ({ id, fields: toFields(payload) })),
        );
      }
      for (const { id, payload, modalities } of changed) this.table.set(id, payload, modalities);
      await breathe();
    }
  }

  /** @param vector the request's vector at unit length */
  async search(request: SearchRequest, vector: Float32Array): Promise<SearchHit[]> {
    if (matchesNothing(request.filter)) return [];
    const engine = this.#engines[request.modality];
    const pointCount = engine.stats.docCount;
    const ask = async (limit: number, filter: string | undefined, isLinear: boolean): Promise<ScoredId[]> => {
      const query = {
        fieldName: 'vector',
        vector,
        topk: limit,
        outputFields: [],
        params: { indexType: ZVecIndexType.HNSW, isLinear, ef: Math.max(EF_MIN, limit) },
        ...(filter === undefined ? {} : { filter }),
      };
      const docs = await engine.query(query).catch((error: unknown) => Promise.reject(asIndexError(error)));
      return docs.map((doc) => ({ id: doc.id, score: roundScore(doc.score) }));
    };
    const fetch = async (limit: number, excludeClipIds: string[]): Promise<ScoredId[]> => {
      const filter = toZvecFilter(excludingAlso(request.filter, excludeClipIds));
      const isScan = pointCount <= SCAN_BELOW_POINTS || limit * 4 > pointCount;
      const hits = await ask(limit, filter, isScan);
      // The graph may run dry before the limit although more points match; a scan never does.
      return hits.length < limit && !isScan ? ask(limit, filter, true) : hits;
    };
    const payloadOf = (hit: ScoredId) => this.table.get(hit.id)?.payload;
    const ranked = await rankCertainly(request, fetch, (hit) => payloadOf(hit)?.clipId ?? '');
    return ranked.flatMap((hit) => {
      const payload = payloadOf(hit);
      // A point deleted while zvec was searching is gone from the table already.
      return payload === undefined ? [] : [toSearchHit(hit, payload)];
    });
  }

  /** Whether enough points wait outside the graph for `optimize` to be worth its work. */
  needsOptimizing(): boolean {
    return MODALITIES.some((modality) => {
      const { docCount, indexCompleteness } = this.#engines[modality].stats;
      return docCount * (1 - (indexCompleteness.vector ?? 1)) >= OPTIMIZE_FROM_UNINDEXED;
    });
  }

  /** Builds the graphs over all points; searches and writes go on meanwhile. */
  optimize(): Promise<void> {
    this.#optimizing ??= this.#optimizeAll().finally(() => {
      this.#optimizing = null;
    });
    return this.#optimizing;
  }

  async close(): Promise<void> {
    await this.#optimizing?.catch(() => {
      // Whoever asked for it was told; closing goes on.
    });
    for (const modality of MODALITIES) callZvec(() => this.#engines[modality].closeSync());
  }

  async #optimizeAll(): Promise<void> {
    // Half of the cores: queries and ingestion run beside it.
    const concurrency = Math.max(1, Math.floor(availableParallelism() / 2));
    try {
      for (const modality of MODALITIES) await this.#engines[modality].optimize({ concurrency });
    } catch (error) {
      throw asIndexError(error);
    }
  }

  #readBack(modality: Modality): void {
    callZvec(() => {
      const docs = this.#engines[modality].iterDocsSync({ includeVector: false, outputFields: ['payload'] });
      for (const doc of docs) {
        const known = this.table.get(doc.id);
        const payload = JSON.parse(String(doc.fields.payload)) as PointPayload;
        this.table.set(doc.id, known?.payload ?? payload, [...(known?.modalities ?? []), modality]);
      }
    });
  }
}
