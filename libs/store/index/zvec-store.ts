/**
 * The documents of one modality in zvec, and the building of their graph.
 *
 * zvec 0.7.0 mixes up which vector belongs to which document when `optimize` meets documents that were deleted or
 * replaced before the graph first held them, or are during it. So it is never called on a collection that is written
 * to: all documents are copied to a new collection, which is optimized while it holds nothing but additions, brought
 * up to date, and takes the old one's place. Folders are named by generation; a crash leaves the old or the new.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ZVecCollection, ZVecDoc, ZVecDocInput, ZVecQuery } from '@zvec/zvec';
import { EarshotError } from '#core/errors';
import {
  asIndexError,
  callZvec,
  createZvec,
  deleteDocs,
  openZvec,
  updateDocs,
  upsertDocs,
  WRITE_BATCH_MAX,
} from './zvec-engine.ts';

/** An open collection, kept open after its replacement until the queries that are under way have ended. */
interface Generation {
  number: number;
  collection: ZVecCollection;
  queries: number;
  isRetired: boolean;
}

/** Lets other work run between two batches of synchronous calls. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class ZvecStore {
  readonly #folder: string;
  readonly #dimension: number;
  #current: Generation;
  /** Ids written since the copying began, or null while nothing is being rebuilt. */
  #written: Set<string> | null = null;
  #rebuilding: Promise<void> | null = null;
  #isClosed = false;

  /** @param folder holds one folder a generation, `1`, `2` and so on */
  constructor(folder: string, dimension: number) {
    this.#folder = folder;
    this.#dimension = dimension;
    mkdirSync(folder, { recursive: true });
    const newest = Math.max(
      0,
      ...readdirSync(folder)
        .filter((name) => /^\d+$/.test(name))
        .map(Number),
    );
    for (const name of readdirSync(folder)) {
      if (name !== String(newest)) rmSync(join(folder, name), { recursive: true, force: true });
    }
    const number = Math.max(1, newest);
    if (newest === 0) {
      createZvec(this.#path(`${number}.new`), dimension).closeSync();
      renameSync(this.#path(`${number}.new`), this.#path(number));
    }
    this.#current = this.#open(number);
  }

  get docCount(): number {
    return this.#collection.stats.docCount;
  }

  /** Documents that the graph does not hold yet. */
  get unindexedCount(): number {
    const { docCount, indexCompleteness } = this.#collection.stats;
    return docCount * (1 - (indexCompleteness.vector ?? 1));
  }

  /** At most `WRITE_BATCH_MAX` documents, as for the other writes. */
  upsert(docs: ZVecDocInput[]): void {
    upsertDocs(this.#collection, docs);
    for (const { id } of docs) this.#written?.add(id);
  }

  /** Changes the given fields of documents that are there. */
  update(docs: ZVecDocInput[]): void {
    updateDocs(this.#collection, docs);
    for (const { id } of docs) this.#written?.add(id);
  }

  /** Ids that are not there are no error. */
  delete(ids: string[]): void {
    deleteDocs(this.#collection, ids);
    for (const id of ids) this.#written?.add(id);
  }

  async query(query: ZVecQuery): Promise<ZVecDoc[]> {
    const generation = this.#current;
    generation.queries++;
    try {
      return await this.#collection.query(query);
    } catch (error) {
      throw asIndexError(error);
    } finally {
      generation.queries--;
      this.#removeIfUnused(generation);
    }
  }

  /** All documents, without their vectors. */
  forEachDoc(outputFields: string[], visit: (doc: ZVecDoc) => void): void {
    callZvec(() => {
      for (const doc of this.#collection.iterDocsSync({ includeVector: false, outputFields })) visit(doc);
    });
  }

  /** Builds the graph anew over all documents; queries and writes go on meanwhile. */
  rebuild(): Promise<void> {
    this.#rebuilding ??= this.#rebuild().finally(() => {
      this.#rebuilding = null;
    });
    return this.#rebuilding;
  }

  /** Gives up a rebuilding that is under way; the next opening finds the old generation. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#rebuilding?.catch(() => {
      // Whoever asked for it is told; closing goes on.
    });
    callZvec(() => this.#current.collection.closeSync());
  }

  get #collection(): ZVecCollection {
    if (this.#isClosed) throw closed();
    return this.#current.collection;
  }

  async #rebuild(): Promise<void> {
    if (this.#collection.stats.indexCompleteness.vector === 1) return;
    const number = this.#current.number + 1;
    const unfinished = this.#path(`${number}.new`);
    rmSync(unfinished, { recursive: true, force: true });
    const next = createZvec(unfinished, this.#dimension);
    this.#written = new Set();
    let isOpen = true;
    try {
      await this.#copyAll(next);
      if (this.#isClosed) throw closed();
      // Half of the cores: queries and ingestion run beside it.
      await next.optimize({ concurrency: Math.max(1, Math.floor(availableParallelism() / 2)) });
      while (this.#written.size > WRITE_BATCH_MAX) {
        this.#catchUp(next);
        await breathe();
      }
      // From here on nothing waits, so no write can come between.
      this.#catchUp(next);
      callZvec(() => next.closeSync());
      isOpen = false;
      renameSync(unfinished, this.#path(number));
      const replaced = this.#current;
      this.#current = this.#open(number);
      replaced.isRetired = true;
      this.#removeIfUnused(replaced);
    } catch (error) {
      if (isOpen) callZvec(() => next.closeSync());
      rmSync(unfinished, { recursive: true, force: true });
      throw asIndexError(error);
    } finally {
      this.#written = null;
    }
  }

  async #copyAll(next: ZVecCollection): Promise<void> {
    let batch: ZVecDocInput[] = [];
    const docs = callZvec(() => this.#collection.iterDocsSync({ includeVector: true }));
    try {
      for (const { id, vectors, fields } of docs) {
        batch.push({ id, vectors, fields });
        if (batch.length < WRITE_BATCH_MAX) continue;
        upsertDocs(next, batch);
        batch = [];
        await breathe();
        if (this.#isClosed) throw closed();
      }
      upsertDocs(next, batch);
    } finally {
      docs.closeSync();
    }
  }

  /** Brings a batch of the documents written meanwhile to their present state. */
  #catchUp(next: ZVecCollection): void {
    const written = this.#written ?? new Set();
    const ids = [...written].slice(0, WRITE_BATCH_MAX);
    const present = callZvec(() => this.#collection.fetchSync({ ids, includeVector: true }));
    const docs = Object.values(present).map(({ id, vectors, fields }) => ({ id, vectors, fields }));
    upsertDocs(next, docs);
    deleteDocs(
      next,
      ids.filter((id) => !Object.hasOwn(present, id)),
    );
    for (const id of ids) written.delete(id);
  }

  #open(number: number): Generation {
    return { number, collection: openZvec(this.#path(number)), queries: 0, isRetired: false };
  }

  #removeIfUnused(generation: Generation): void {
    if (!generation.isRetired || generation.queries > 0) return;
    callZvec(() => generation.collection.closeSync());
    const path = this.#path(generation.number);
    if (existsSync(path)) rmSync(path, { recursive: true, force: true });
  }

  #path(name: string | number): string {
    return join(this.#folder, String(name));
  }
}

function closed(): EarshotError {
  return new EarshotError('index_unavailable', 'The vector index is closed.');
}
