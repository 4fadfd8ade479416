/**
 * The vector index on a Qdrant server or cluster: one collection a model with the named vectors `audio` and `video`,
 * the model's identity in the collection's metadata.
 */
import { QdrantClient, type Schemas } from '@qdrant/js-client-rest';
import pLimit from 'p-limit';
import { EarshotError } from '#core/errors';
import { matchesNothing } from './point-filter.ts';
import { callQdrant, statusOf } from './qdrant-errors.ts';
import { INDEXED_FIELDS, toQdrantFilter, toQdrantPoint } from './qdrant-points.ts';
import { searchQdrant } from './qdrant-search.ts';
import { toSearchHit } from './ranking.ts';
import {
  checkFilter,
  checkModelIdentity,
  checkName,
  checkPage,
  checkPointId,
  checkPoints,
  checkSameModel,
  checkSearch,
} from './validation.ts';
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

export interface QdrantIndexOptions {
  /** For example `https://qdrant.example:6333`; a path becomes the prefix of every request. */
  url: string;
  apiKey?: string;
  /** Put before every name of a collection or alias, where several catalogs share a server. */
  namePrefix?: string;
  /** After which a request counts as failed. */
  timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
/** Qdrant takes batches of 64 to 256 points best; wide vectors make smaller ones, below its 32 MB a request. */
const UPSERT_BATCH_POINTS = 128;
const UPSERT_BATCH_VALUES = 400_000;
const REQUESTS_IN_FLIGHT = 3;
const DELETE_BATCH = 1_000;
const SCROLL_PAGE = 1_000;
const METADATA_KEY = 'earshot';

function* batches<Item>(items: readonly Item[], size: number): Iterable<Item[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size);
}

function createClient(options: QdrantIndexOptions): QdrantClient {
  const url = new URL(options.url);
  // URL drops the scheme's own port, and the client would put 6333 in its place.
  const named = /^https?:\/\/[^/?#]*:(\d+)(?:[/?#]|$)/i.exec(options.url)?.[1];
  const path = url.pathname.replace(/\/+$/, '');
  return new QdrantClient({
    host: url.hostname,
    https: url.protocol === 'https:',
    ...(named && { port: Number(named) }),
    ...(path && { prefix: path }),
    // As a header, because the client's own option writes to the console.
    ...(options.apiKey && { headers: { 'api-key': options.apiKey } }),
    timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    checkCompatibility: false,
  });
}

interface Resolved {
  /** Without the prefix. */
  name: string;
  /** The collection's own name on the server. */
  remote: string;
  model: ModelIdentity;
}

export class QdrantIndex implements VectorIndex {
  readonly #client: QdrantClient;
  readonly #prefix: string;
  readonly #timeoutSec: number;
  /** By the server's name. A collection never changes its model; one that was dropped answers 404 and is forgotten. */
  readonly #models = new Map<string, ModelIdentity>();
  #isClosed = false;

  constructor(options: QdrantIndexOptions) {
    this.#client = createClient(options);
    this.#prefix = options.namePrefix ?? '';
    this.#timeoutSec = Math.ceil((options.timeoutMs ?? DEFAULT_TIMEOUT_MS) / 1000);
  }

  async ensureCollection(name: string, model: ModelIdentity): Promise<void> {
    checkName(name);
    checkModelIdentity(model);
    await this.#run(name, async () => {
      const target = (await this.resolveAlias(name)) ?? name;
      const remote = this.#prefix + target;
      const isThere = (await this.#collectionNames()).includes(remote);
      if (!isThere) await this.#create(remote, model);
      const info = await this.#client.getCollection(remote);
      checkSameModel(target, this.#readModel(remote, info), model);
      // Also for a collection that is there: its creator may have been stopped half-way.
      for (const field_name of INDEXED_FIELDS) {
        if (info.payload_schema[field_name]) continue;
        await this.#client.createPayloadIndex(remote, { field_name, field_schema: 'keyword', wait: true });
      }
    });
  }

  async listCollections(): Promise<CollectionInfo[]> {
    return this.#run('', async () => {
      const infos: CollectionInfo[] = [];
      for (const remote of (await this.#collectionNames())
        .filter((one) => one.startsWith(this.#prefix))
        .sort()) {
        // Collections of other products, and those dropped meanwhile, are none of ours.
        const model = await this.#model(remote).catch(this.#orNull);
        const counted = model && (await this.#client.count(remote, { exact: true }).catch(this.#orNull));
        if (model && counted) {
          infos.push({ name: remote.slice(this.#prefix.length), model, pointCount: counted.count });
        }
      }
      return infos;
    });
  }

  async describeCollection(name: string): Promise<CollectionInfo> {
    return this.#with(name, async ({ name: own, remote, model }) => {
      const { count } = await this.#client.count(remote, { exact: true });
      return { name: own, model, pointCount: count };
    });
  }

  async dropCollection(name: string): Promise<void> {
    await this.#with(name, async ({ remote }) => {
      const aliases = (await this.#client.getAliases()).aliases.filter(
        (one) => one.collection_name === remote,
      );
      if (aliases.length > 0) {
        await this.#client.updateCollectionAliases({
          actions: aliases.map(({ alias_name }) => ({ delete_alias: { alias_name } })),
        });
      }
      await this.#client.deleteCollection(remote);
      this.#models.delete(remote);
    });
  }

  async setAlias(alias: string, collection: string): Promise<void> {
    checkName(alias);
    await this.#with(collection, async ({ remote }) => {
      const alias_name = this.#prefix + alias;
      if ((await this.#collectionNames()).includes(alias_name)) {
        throw new EarshotError('conflict', `"${alias}" is a collection and can't be an alias too.`, {
          subject: alias,
        });
      }
      const isThere = (await this.resolveAlias(alias)) !== null;
      // Both actions in one request are one step: no search ever misses the alias.
      await this.#client.updateCollectionAliases({
        actions: [
          ...(isThere ? [{ delete_alias: { alias_name } }] : []),
          { create_alias: { alias_name, collection_name: remote } },
        ],
      });
    });
  }

  async resolveAlias(alias: string): Promise<string | null> {
    return this.#run(alias, async () => {
      const { aliases } = await this.#client.getAliases();
      const found = aliases.find((one) => one.alias_name === this.#prefix + alias);
      return found === undefined ? null : found.collection_name.slice(this.#prefix.length);
    });
  }

  async upsert(collection: string, points: readonly IndexPoint[]): Promise<void> {
    await this.#with(collection, async ({ remote, model }) => {
      const checked = checkPoints(points, model.dimension);
      const fitting = Math.floor(UPSERT_BATCH_VALUES / (2 * model.dimension));
      const size = Math.max(1, Math.min(UPSERT_BATCH_POINTS, fitting));
      await pLimit(REQUESTS_IN_FLIGHT).map(batches(checked, size), (batch) =>
        this.#client.upsert(remote, { points: batch.map(toQdrantPoint), wait: true }),
      );
    });
  }

  async deletePoints(collection: string, ids: readonly string[]): Promise<void> {
    await this.#with(collection, async ({ remote }) => {
      ids.forEach(checkPointId);
      for (const points of batches(ids, DELETE_BATCH))
        await this.#client.delete(remote, { points, wait: true });
    });
  }

  async deleteClips(collection: string, clipIds: readonly string[]): Promise<void> {
    await this.#with(collection, async ({ remote }) => {
      for (const batch of batches(clipIds, DELETE_BATCH)) {
        const filter = toQdrantFilter({ clipIds: batch }) ?? {};
        await this.#client.delete(remote, { filter, wait: true });
      }
    });
  }

  async updateClipPayload(
    collection: string,
    clipId: string,
    change: Pick<PointPayload, 'collection' | 'tags'>,
  ): Promise<void> {
    await this.#with(collection, async ({ remote }) => {
      const payload = { collection: change.collection, tags: change.tags };
      const filter = toQdrantFilter({ clipIds: [clipId] }) ?? {};
      await this.#client.setPayload(remote, { payload, filter, wait: true });
    });
  }

  async search(collection: string, request: SearchRequest): Promise<SearchHit[]> {
    return this.#with(collection, async ({ name, remote, model }) => {
      const vector = checkSearch(name, model, request);
      if (matchesNothing(request.filter)) return [];
      const timeoutSec = this.#timeoutSec;
      const hits = await searchQdrant({
        client: this.#client,
        collection: remote,
        request,
        vector,
        timeoutSec,
      });
      return hits.map((hit) => toSearchHit(hit, hit.payload));
    });
  }

  async count(
    collection: string,
    options: { modality?: Modality; filter?: PointFilter } = {},
  ): Promise<number> {
    return this.#with(collection, async ({ remote }) => {
      checkFilter(options.filter);
      if (matchesNothing(options.filter)) return 0;
      const filter = toQdrantFilter(options.filter, options.modality);
      const { count } = await this.#client.count(remote, { exact: true, ...(filter && { filter }) });
      return count;
    });
  }

  async listPointIds(
    collection: string,
    { afterId, limit }: { afterId?: string; limit: number },
  ): Promise<string[]> {
    return this.#with(collection, async ({ remote }) => {
      checkPage({ afterId, limit });
      const ids: string[] = [];
      let offset: Schemas['ScrollResult']['next_page_offset'] = afterId;
      do {
        // The offset is the first id of a page, not the last of the one before: one more makes up for it.
        const wanted = Math.min(SCROLL_PAGE, limit - ids.length + 1);
        const page = await this.#client.scroll(remote, {
          limit: wanted,
          with_payload: false,
          with_vector: false,
          ...(offset && { offset }),
        });
        for (const { id } of page.points) if (id !== afterId) ids.push(String(id));
        offset = page.next_page_offset;
      } while (offset && ids.length < limit);
      return ids.slice(0, limit);
    });
  }

  /** Only checks the collection: Qdrant optimizes by itself. */
  async optimize(collection: string): Promise<void> {
    await this.#with(collection, async ({ remote }) => {
      await this.#client.getCollection(remote);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async #create(remote: string, model: ModelIdentity): Promise<void> {
    const { id, version, dimension } = model;
    const params = { size: dimension, distance: 'Cosine' } as const;
    try {
      // The client's own createCollection drops the metadata.
      await this.#client.api().createCollection({
        collection_name: remote,
        vectors: { audio: params, video: params },
        metadata: { [METADATA_KEY]: { id, version, dimension } },
      });
    } catch (error) {
      // Somebody created it in the same moment; whether with the same model is checked next.
      if (statusOf(error) !== 409) throw error;
    }
  }

  async #collectionNames(): Promise<string[]> {
    return (await this.#client.getCollections()).collections.map((one) => one.name);
  }

  async #model(remote: string): Promise<ModelIdentity> {
    const known = this.#models.get(remote);
    return known ?? this.#readModel(remote, await this.#client.getCollection(remote));
  }

  #readModel(remote: string, info: Schemas['CollectionInfo']): ModelIdentity {
    const metadata = info.config.metadata as Record<string, unknown> | null | undefined;
    const stored = metadata?.[METADATA_KEY] as ModelIdentity | undefined;
    if (stored === undefined) {
      throw new EarshotError(
        'conflict',
        `Qdrant's collection "${remote}" does not say which model it holds: it is not Earshot's, or Qdrant is older than 1.16.`,
        { subject: remote },
      );
    }
    const model = { id: stored.id, version: stored.version, dimension: stored.dimension };
    this.#models.set(remote, model);
    return model;
  }

  readonly #orNull = (error: unknown): null => {
    if (error instanceof EarshotError || statusOf(error) === 404) return null;
    throw error;
  };

  /** Runs `work` on the collection behind the name or alias, which is looked up each time: another process may swap it. */
  #with<Result>(nameOrAlias: string, work: (resolved: Resolved) => Promise<Result>): Promise<Result> {
    return this.#run(nameOrAlias, async () => {
      // A known collection's name is no alias, so this saves most lookups.
      const isCollection = this.#models.has(this.#prefix + nameOrAlias);
      const name = isCollection ? nameOrAlias : ((await this.resolveAlias(nameOrAlias)) ?? nameOrAlias);
      const remote = this.#prefix + name;
      try {
        return await work({ name, remote, model: await this.#model(remote) });
      } catch (error) {
        if (statusOf(error) === 404) this.#models.delete(remote);
        throw error;
      }
    });
  }

  #run<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    return callQdrant(name, async () => {
      if (this.#isClosed) throw new EarshotError('index_unavailable', 'The vector index is closed.');
      return work();
    });
  }
}
