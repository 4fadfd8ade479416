/**
 * The vector index inside this process: zvec under one folder, for catalogs of one machine. `collections.json` holds
 * the collections' models and the aliases; each collection has a folder of its own beside it.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { EarshotError } from '#core/errors';
import { CollectionNames, type CollectionNamesState } from './collection-names.ts';
import { EmbeddedCollection } from './embedded-collection.ts';
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

/** How long writing must pause before the engine is asked to optimize, and how long it may be put off. */
const OPTIMIZE_QUIET_MS = 2_000;
const OPTIMIZE_LATEST_MS = 30_000;
const NAMES_FILE = 'collections.json';

export interface EmbeddedIndexOptions {
  /** Told when optimizing in the background failed; searches stay right and only get slower. */
  onBackgroundError?: (error: unknown) => void;
}

function readNames(file: string): CollectionNamesState | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as CollectionNamesState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new EarshotError(
      'index_unavailable',
      `The vector index's ${NAMES_FILE} is unreadable: delete the index folder and run "earshot reconcile --fix".`,
      { subject: file, cause: error },
    );
  }
}

/** Replaces the file in one step that survives a crash: the old content or the new, never a mixture. */
function writeAtomically(file: string, content: string): void {
  const temporary = `${file}.new`;
  const handle = openSync(temporary, 'w');
  try {
    writeFileSync(handle, content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, file);
}

const folderName = (serial: number) => `points-${serial}`;

interface Opened {
  name: string;
  model: ModelIdentity;
  points: EmbeddedCollection;
}

export class EmbeddedIndex implements VectorIndex {
  readonly #folder: string;
  readonly #names: CollectionNames;
  readonly #onBackgroundError: (error: unknown) => void;
  /** By serial; opened on first use, so that the collections of former models cost nothing. */
  readonly #open = new Map<number, EmbeddedCollection>();
  readonly #timers = new Map<number, { timer: NodeJS.Timeout; latestMs: number }>();
  #isClosed = false;

  /** @param folder created where missing; owned by one process, guarded by the caller's lock and zvec's own */
  constructor(folder: string, options: EmbeddedIndexOptions = {}) {
    this.#folder = folder;
    this.#onBackgroundError = options.onBackgroundError ?? (() => {});
    mkdirSync(folder, { recursive: true });
    const file = join(folder, NAMES_FILE);
    const persist = (state: CollectionNamesState) => writeAtomically(file, JSON.stringify(state, null, 2));
    this.#names = new CollectionNames(readNames(file), persist);
    this.#removeRemains();
  }

  async ensureCollection(name: string, model: ModelIdentity): Promise<void> {
    this.#checkOpen();
    this.#names.ensure(name, model);
  }

  async listCollections(): Promise<CollectionInfo[]> {
    this.#checkOpen();
    return Promise.all(this.#names.list().map((name) => this.describeCollection(name)));
  }

  async describeCollection(name: string): Promise<CollectionInfo> {
    const opened = this.#collection(name);
    return { name: opened.name, model: opened.model, pointCount: opened.points.table.size };
  }

  async dropCollection(name: string): Promise<void> {
    this.#checkOpen();
    const { serial } = this.#names.drop(name);
    this.#cancelTimer(serial);
    const points = this.#open.get(serial);
    this.#open.delete(serial);
    await points?.close();
    rmSync(join(this.#folder, folderName(serial)), { recursive: true, force: true });
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
    const opened = this.#collection(collection);
    await opened.points.upsert(checkPoints(points, opened.model.dimension));
    this.#scheduleOptimize(collection);
  }

  async deletePoints(collection: string, ids: readonly string[]): Promise<void> {
    const { points } = this.#collection(collection);
    ids.forEach(checkPointId);
    await points.delete(ids);
  }

  async deleteClips(collection: string, clipIds: readonly string[]): Promise<void> {
    const { points } = this.#collection(collection);
    await points.delete(clipIds.flatMap((clipId) => points.table.idsOfClip(clipId)));
  }

  async updateClipPayload(
    collection: string,
    clipId: string,
    change: Pick<PointPayload, 'collection' | 'tags'>,
  ): Promise<void> {
    await this.#collection(collection).points.updateClipPayload(clipId, change);
    this.#scheduleOptimize(collection);
  }

  async search(collection: string, request: SearchRequest): Promise<SearchHit[]> {
    const { name, model, points } = this.#collection(collection);
    return points.search(request, checkSearch(name, model, request));
  }

  async count(
    collection: string,
    options: { modality?: Modality; filter?: PointFilter } = {},
  ): Promise<number> {
    checkFilter(options.filter);
    return this.#collection(collection).points.table.count(options.modality, options.filter);
  }

  async listPointIds(collection: string, options: { afterId?: string; limit: number }): Promise<string[]> {
    checkPage(options);
    return this.#collection(collection).points.table.idsAfter(options.afterId, options.limit);
  }

  async optimize(collection: string): Promise<void> {
    await this.#collection(collection).points.optimize();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const serial of [...this.#timers.keys()]) this.#cancelTimer(serial);
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(open.map((points) => points.close()));
  }

  #collection(nameOrAlias: string): Opened {
    this.#checkOpen();
    const { name, model, serial } = this.#names.resolve(nameOrAlias);
    let points = this.#open.get(serial);
    if (points === undefined) {
      const folder = join(this.#folder, folderName(serial));
      mkdirSync(folder, { recursive: true });
      points = new EmbeddedCollection(folder, model.dimension);
      this.#open.set(serial, points);
    }
    return { name, model, points };
  }

  /** Folders that a crash left between dropping a collection and deleting its files. */
  #removeRemains(): void {
    const known = new Set(this.#names.list().map((name) => folderName(this.#names.resolve(name).serial)));
    for (const entry of readdirSync(this.#folder)) {
      if (/^points-\d+$/.test(entry) && !known.has(entry)) {
        rmSync(join(this.#folder, entry), { recursive: true, force: true });
      }
    }
  }

  #scheduleOptimize(collection: string): void {
    if (this.#isClosed) return;
    const { serial } = this.#names.resolve(collection);
    const nowMs = Date.now();
    const latestMs = this.#timers.get(serial)?.latestMs ?? nowMs + OPTIMIZE_LATEST_MS;
    this.#cancelTimer(serial);
    const run = () => {
      this.#timers.delete(serial);
      const points = this.#open.get(serial);
      if (points?.needsOptimizing()) points.optimize().catch(this.#onBackgroundError);
    };
    const timer = setTimeout(run, Math.max(0, Math.min(OPTIMIZE_QUIET_MS, latestMs - nowMs)));
    // Optimizing must not keep a command alive that is done.
    timer.unref();
    this.#timers.set(serial, { timer, latestMs });
  }

  #cancelTimer(serial: number): void {
    clearTimeout(this.#timers.get(serial)?.timer);
    this.#timers.delete(serial);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new EarshotError('index_unavailable', 'The vector index is closed.');
  }
}
