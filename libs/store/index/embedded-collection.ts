/**
 * One collection of the embedded index: a zvec collection for each modality (zvec wants every vector of a document)
 * and the payloads in memory, read back from zvec on opening.
 */
import { join } from 'node:path';
import { ZVecIndexType } from '@zvec/zvec';
import { excludingAlso, matchesNothing } from './point-filter.ts';
import { PointTable } from './point-table.ts';
import { rankCertainly, roundScore, type ScoredId, toSearchHit } from './ranking.ts';
import { MODALITIES } from './validation.ts';
import type { IndexPoint, Modality, PointPayload, SearchHit, SearchRequest } from './vector-index.ts';
import { toFields, WRITE_BATCH_MAX } from './zvec-engine.ts';
import { toZvecFilter } from './zvec-filter.ts';
import { breathe, ZvecStore } from './zvec-store.ts';

/** Up to here a scan of all vectors is as fast as the graph, and exact. */
const SCAN_BELOW_POINTS = 10_000;
/** From here on the points that the graph lacks slow a query down noticeably. */
const OPTIMIZE_FROM_UNINDEXED = 2_000;
/** Building covers all points again, so it waits until the new ones are a fair share of them. */
const OPTIMIZE_FROM_SHARE = 0.1;

/** zvec's own default. */
const EF_MIN = 300;

function* batches<Item>(items: readonly Item[]): Iterable<Item[]> {
  for (let i = 0; i < items.length; i += WRITE_BATCH_MAX) yield items.slice(i, i + WRITE_BATCH_MAX);
}

export class EmbeddedCollection {
  readonly table = new PointTable();
  readonly #stores: Record<Modality, ZvecStore>;

  constructor(folder: string, dimension: number) {
    const audio = new ZvecStore(join(folder, 'audio'), dimension);
    this.#stores = { audio, video: new ZvecStore(join(folder, 'video'), dimension) };
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
        this.#stores[modality].upsert(docs);
        const isStale = (point: IndexPoint) =>
          point.vectors[modality] === undefined && this.table.get(point.id)?.modalities.has(modality);
        this.#stores[modality].delete(batch.filter(isStale).map((point) => point.id));
      }
      for (const point of batch)
        this.table.set(point.id, point.payload, Object.keys(point.vectors) as Modality[]);
      await breathe();
    }
  }

  async delete(ids: readonly string[]): Promise<void> {
    for (const batch of batches(ids)) {
      for (const modality of MODALITIES) this.#stores[modality].delete(batch);
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
        this.#stores[modality].update(carrying.map(({ id, payload }) => ({ id, fields: toFields(payload) })));
      }
      for (const { id, payload, modalities } of changed) this.table.set(id, payload, modalities);
      await breathe();
    }
  }

  /** @param vector the request's vector at unit length */
  async search(request: SearchRequest, vector: Float32Array): Promise<SearchHit[]> {
    if (matchesNothing(request.filter)) return [];
    const store = this.#stores[request.modality];
    const pointCount = store.docCount;
    const ask = async (limit: number, filter: string | undefined, isLinear: boolean): Promise<ScoredId[]> => {
      const query = {
        fieldName: 'vector',
        vector,
        topk: limit,
        outputFields: [],
        params: { indexType: ZVecIndexType.HNSW, isLinear, ef: Math.max(EF_MIN, limit) },
        ...(filter === undefined ? {} : { filter }),
      };
      const docs = await store.query(query);
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
      const { docCount, unindexedCount } = this.#stores[modality];
      return unindexedCount >= Math.max(OPTIMIZE_FROM_UNINDEXED, OPTIMIZE_FROM_SHARE * docCount);
    });
  }

  /** Builds the graphs over all points; searches and writes go on meanwhile. */
  async optimize(): Promise<void> {
    for (const modality of MODALITIES) await this.#stores[modality].rebuild();
  }

  async close(): Promise<void> {
    for (const modality of MODALITIES) await this.#stores[modality].close();
  }

  #readBack(modality: Modality): void {
    this.#stores[modality].forEachDoc(['payload'], (doc) => {
      const known = this.table.get(doc.id);
      const payload = JSON.parse(String(doc.fields.payload)) as PointPayload;
      this.table.set(doc.id, known?.payload ?? payload, [...(known?.modalities ?? []), modality]);
    });
  }
}
