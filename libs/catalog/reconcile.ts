/**
 * Finds where the vector index and the object store have drifted from PostgreSQL, and mends what can be mended:
 * missing points are written from the stored vectors, orphans are deleted, a missing object is copied again from
 * the file it came from where that still holds the same bytes.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { EarshotError } from '#core/errors';
import type { Database } from '#store/database';
import type { VectorIndex } from '#store/index/vector-index';
import type { ObjectStore } from '#store/objects/object-store';
import { ClipRepository, type ClipRow } from '#store/repositories/clips';
import { EmbeddingRepository } from '#store/repositories/embeddings';
import type { ActiveModel } from './active-model.ts';
import type { OutboxWorker } from './ingest/outbox-worker.ts';
import { openableSourcePath } from './source-path.ts';

export interface ReconcileParts {
  database: Database;
  index: VectorIndex;
  objects: ObjectStore;
  outbox: OutboxWorker;
  model: ActiveModel;
  /** Keys being uploaded by this process. */
  uploads: ReadonlySet<string>;
  /** Other processes may be uploading too: then only objects that have lain there for a while are orphans. */
  isShared: boolean;
}

export interface ReconcileReport {
  missingPoints: number;
  orphanPoints: number;
  orphanObjects: number;
  missingObjects: number;
  fixed: boolean;
}

const PAGE = 1000;
const UPLOAD_MAX_MS = 24 * 3600_000;

/** @throws EarshotError `cancelled`, `index_unavailable`, `database_unavailable` */
export async function reconcile(
  parts: ReconcileParts,
  options: { fix: boolean; signal?: AbortSignal },
): Promise<ReconcileReport> {
  // What only waits to be applied is no drift.
  await parts.outbox.drain();
  const points = await reconcilePoints(parts, options);
  const objects = await reconcileObjects(parts, options);
  return {
    ...points,
    orphanObjects: objects.orphans,
    missingObjects: objects.missing,
    fixed: options.fix && objects.unmended === 0,
  };
}

/** Makes the model's collection what the database says, or only counts where it is not. */
export async function reconcilePoints(
  { database, index, model }: Pick<ReconcileParts, 'database' | 'index' | 'model'>,
  { fix, signal }: { fix: boolean; signal?: AbortSignal },
): Promise<{ missingPoints: number; orphanPoints: number }> {
  const embeddings = new EmbeddingRepository(database);
  const collection = model.indexCollection;
  const wanted = idPages((afterId) => embeddings.pointIdsAfter(model.identity, afterId, PAGE));
  const present = idPages((afterId) => index.listPointIds(collection, { afterId, limit: PAGE }));
  let missingPoints = 0;
  let orphanPoints = 0;
  for await (const { missing, orphans } of differences(wanted, present)) {
    throwIfCancelled(signal);
    missingPoints += missing.length;
    orphanPoints += orphans.length;
    if (!fix) continue;
    if (missing.length > 0) {
      await database.transaction(async (session) => {
        // Nobody changes or deletes these clips until the points are there: the index would keep the old state.
        const points = await new EmbeddingRepository(session).forPoints(missing, { lockClips: true });
        await index.upsert(collection, points);
      });
    }
    if (orphans.length > 0) await index.deletePoints(collection, orphans);
  }
  return { missingPoints, orphanPoints };
}

/** Ids one by one, read page by page; both sides order them alike. */
async function* idPages(read: (afterId: string | undefined) => Promise<string[]>): AsyncGenerator<string> {
  let afterId: string | undefined;
  for (;;) {
    const ids = await read(afterId);
    yield* ids;
    if (ids.length < PAGE) return;
    afterId = ids.at(-1);
  }
}

/** What only one of two ascending sequences holds, in batches. */
async function* differences(
  wanted: AsyncGenerator<string>,
  present: AsyncGenerator<string>,
): AsyncGenerator<{ missing: string[]; orphans: string[] }> {
  let missing: string[] = [];
  let orphans: string[] = [];
  let a = await wanted.next();
  let b = await present.next();
  while (!a.done || !b.done) {
    if (!a.done && !b.done && a.value === b.value) {
      [a, b] = [await wanted.next(), await present.next()];
    } else if (!a.done && (b.done || a.value < b.value)) {
      missing.push(a.value);
      a = await wanted.next();
    } else if (!b.done) {
      orphans.push(b.value);
      b = await present.next();
    }
    if (missing.length + orphans.length >= PAGE / 4) {
      yield { missing, orphans };
      [missing, orphans] = [[], []];
    }
  }
  yield { missing, orphans };
}

async function reconcileObjects(
  parts: ReconcileParts,
  { fix, signal }: { fix: boolean; signal?: AbortSignal },
): Promise<{ orphans: number; missing: number; unmended: number }> {
  const clips = new ClipRepository(parts.database);
  const present = new Set<string>();
  let orphans = 0;
  for await (const { key, modifiedAt } of parts.objects.list()) {
    throwIfCancelled(signal);
    present.add(key);
    if (parts.uploads.has(key) || (await clips.countByStorageKey(key)) > 0) continue;
    if (parts.isShared && Date.now() - modifiedAt.getTime() < UPLOAD_MAX_MS) continue;
    orphans += 1;
    if (fix) await parts.objects.delete(key);
  }
  let missing = 0;
  let unmended = 0;
  for await (const clip of allClips(clips)) {
    throwIfCancelled(signal);
    if (present.has(clip.storageKey) || (await parts.objects.stat(clip.storageKey)) !== null) continue;
    missing += 1;
    if (fix && !(await restoreObject(clip, parts.objects))) unmended += 1;
  }
  return { orphans, missing, unmended };
}

async function* allClips(clips: ClipRepository): AsyncGenerator<ClipRow> {
  let cursor: string | undefined;
  do {
    const page = await clips.list({ limit: PAGE, cursor });
    yield* page.items;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

/** True when the source file still holds the same bytes and could be stored again. */
async function restoreObject(clip: ClipRow, objects: ObjectStore): Promise<boolean> {
  const sourcePath = openableSourcePath(clip.sourcePath);
  if (sourcePath === null) return false;
  try {
    const hash = createHash('sha256');
    await pipeline(createReadStream(sourcePath), hash);
    if (hash.digest('hex') !== clip.sha256) return false;
    await objects.put(clip.storageKey, { path: sourcePath });
    return true;
  } catch {
    return false;
  }
}

function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new EarshotError('cancelled', 'The work was cancelled.', { cause: signal.reason });
}
