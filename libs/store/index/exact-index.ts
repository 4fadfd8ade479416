/**
 * The vector index in plain loops: exact, in memory, forgotten at the end. It is the oracle that the contract
 * tests and the benchmarks compare the engines with.
 */
import { EarshotError } from '#core/errors';
import { CollectionNames } from './collection-names.ts';
import { compileFilter, matchesNothing } from './point-filter.ts';
import { PointTable } from './point-table.ts';
import { bestOfEachClip, compareHits, roundScore, type ScoredId, toSearchHit } from './ranking.ts';
import { checkFilter, checkPage, checkPointId, checkPoints, checkSearch } from './validation.ts';
import type {
  CollectionInfo,
  IndexPoint,
  Modality,
  ModelIdentity,
  PointFilter,
  PointPayload,
  SearchHit,
  SearchRequest,
  VectorIndex,
} from './vector-index.ts';

interface ExactCollection {
  table: PointTable;
  vectors: Record<Modality, Map<string, Float32Array>>;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

export class ExactIndex implements VectorIndex {
  readonly #names = new CollectionNames();
  readonly #collections = new Map<string, ExactCollection>();
  #isClosed = false;

  async ensureCollection(name: string, model: ModelIdentity): Promise<void> {
    this.#checkOpen();
    this.#names.ensure(name, model);
  }

  async listCollections(): Promise<CollectionInfo[]> {
    this.#checkOpen();
    return Promise.all(this.#names.list().map((name) => this.describeCollection(name)));
  }

  async describeCollection(name: string): Promise<CollectionInfo> {
    const { name: own, model, table } = this.#open(name);
    return { name: own, model, pointCount: table.size };
  }

  async dropCollection(name: string): Promise<void> {
    this.#checkOpen();
    this.#collections.delete(this.#names.drop(name).name);
  }

  async setAlias(alias: string, collection: string): Promise<void> {
    this.#checkOpen();
    this.#names.setAlias(alias, collection);
  }

  async resolveAlias(alias: string): Promise<string | null> {
    this.#checkOpen();
    return this.#names.aliasTarget(alias);
  }

  async upsert(collection: string, points: readonly IndexPoint[]): Promise<void> {
    const { model, table, vectors } = this.#open(collection);
    for (const point of checkPoints(points, model.dimension)) {
      this.#remove({ table, vectors }, point.id);
      const modalities = Object.keys(point.vectors) as Modality[];
      for (const modality of modalities) {
        vectors[modality].set(point.id, (point.vectors[modality] as Float32Array).slice());
      }
      table.set(point.id, point.payload, modalities);
    }
  }

  async deletePoints(collection: string, ids: readonly string[]): Promise<void> {
    const opened = this.#open(collection);
    ids.forEach(checkPointId);
    for (const id of ids) this.#remove(opened, id);
  }

  async deleteClips(collection: string, clipIds: readonly string[]): Promise<void> {
    const opened = this.#open(collection);
    for (const id of clipIds.flatMap((clipId) => opened.table.idsOfClip(clipId))) this.#remove(opened, id);
  }

  async updateClipPayload(
    collection: string,
    clipId: string,
    change: Pick<PointPayload, 'collection' | 'tags'>,
  ): Promise<void> {
    const { table } = this.#open(collection);
    for (const id of table.idsOfClip(clipId)) {
      const row = table.get(id);
      if (row) {
        table.set(id, { ...row.payload, collection: change.collection, tags: change.tags }, row.modalities);
      }
    }
  }

  async search(collection: string, request: SearchRequest): Promise<SearchHit[]> {
    const { name, model, table, vectors } = this.#open(collection);
    const query = checkSearch(name, model, request);
    const matches = compileFilter(request.filter);
    const payloadOf = (id: string) => table.get(id)?.payload as PointPayload;
    const hits: ScoredId[] = [];
    if (!matchesNothing(request.filter)) {
      for (const [id, vector] of vectors[request.modality]) {
        const score = roundScore(dot(query, vector));
        if (score >= (request.minScore ?? -1) && matches(payloadOf(id))) hits.push({ id, score });
      }
    }
    const ranked =
      request.groupBy === 'clip'
        ? bestOfEachClip(hits, (hit) => payloadOf(hit.id).clipId)
        : hits.sort(compareHits);
    return ranked.slice(0, request.topK).map((hit) => toSearchHit(hit, payloadOf(hit.id)));
  }

  async count(
    collection: string,
    options: { modality?: Modality; filter?: PointFilter } = {},
  ): Promise<number> {
    checkFilter(options.filter);
    return this.#open(collection).table.count(options.modality, options.filter);
  }

  async listPointIds(collection: string, options: { afterId?: string; limit: number }): Promise<string[]> {
    checkPage(options);
    return this.#open(collection).table.idsAfter(options.afterId, options.limit);
  }

  async optimize(collection: string): Promise<void> {
    this.#open(collection);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#collections.clear();
  }

  #remove({ table, vectors }: ExactCollection, id: string): void {
    table.delete(id);
    vectors.audio.delete(id);
    vectors.video.delete(id);
  }

  #open(nameOrAlias: string): ExactCollection & { name: string; model: ModelIdentity } {
    this.#checkOpen();
    const { name, model } = this.#names.resolve(nameOrAlias);
    let collection = this.#collections.get(name);
    if (collection === undefined) {
      collection = { table: new PointTable(), vectors: { audio: new Map(), video: new Map() } };
      this.#collections.set(name, collection);
    }
    return { name, model, ...collection };
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new EarshotError('index_unavailable', 'The vector index is closed.');
  }
}
