/** Clips: reading, changing and deleting them, always together with what the index must be told. */
import { EarshotError } from '#core/errors';
import type { Database, Session } from '#store/database';
import type { ObjectStore } from '#store/objects/object-store';
import type { JobQueue } from '#store/queue';
import { type ClipChange, ClipRepository, type ClipRow } from '#store/repositories/clips';
import { JobRepository } from '#store/repositories/jobs';
import { ModelRepository } from '#store/repositories/models';
import { OutboxRepository } from '#store/repositories/outbox';
import type { Clip, ClipStatus, Collection, Page } from './catalog-service.ts';
import { checkClipFields } from './clip-fields.ts';
import { toClip } from './clip-view.ts';
import type { OutboxWorker } from './ingest/outbox-worker.ts';
import { INGEST_QUEUE, type JobEvents, pageLimit } from './jobs.ts';

export interface ClipParts {
  database: Database;
  objects: ObjectStore;
  queue: JobQueue;
  outbox: OutboxWorker;
  events: JobEvents;
}

export class ClipService {
  readonly #parts: ClipParts;
  readonly #clips: ClipRepository;

  constructor(parts: ClipParts) {
    this.#parts = parts;
    this.#clips = new ClipRepository(parts.database);
  }

  /** @throws EarshotError `unknown_clip` */
  async get(id: string): Promise<Clip> {
    return toClip(await this.row(id));
  }

  /** The clip with what only the catalog itself needs. */
  async row(id: string): Promise<ClipRow> {
    return (await this.#clips.get(id)) ?? unknownClip(id);
  }

  /** Newest first. */
  async list(options: {
    collection?: string;
    tag?: string;
    status?: ClipStatus;
    limit?: number;
    cursor?: string;
  }): Promise<Page<Clip>> {
    const page = await this.#clips.list({ ...options, limit: pageLimit(options.limit) });
    return { items: page.items.map(toClip), nextCursor: page.nextCursor };
  }

  collections(): Promise<Collection[]> {
    return this.#clips.collections();
  }

  /** @throws EarshotError `unknown_clip`, `invalid_argument`, or `conflict` (the same bytes in that collection) */
  async update(id: string, change: ClipChange): Promise<Clip> {
    checkClipFields(change);
    const { title, tags, labels, metadata, collection } = change;
    const updated = await this.#parts.database.transaction(async (session) => {
      const row = await new ClipRepository(session).update(id, { title, tags, labels, metadata, collection });
      if (row !== null && (tags !== undefined || collection !== undefined))
        await tellIndex(session, id, 'payload');
      return row;
    });
    if (updated === null) unknownClip(id);
    await this.#parts.outbox.drain();
    return toClip(updated);
  }

  /**
   * Takes the clip out of everything: rows, points, jobs, stored file. Safe while it is being ingested: the worker
   * finds its clip gone and writes nothing.
   *
   * @throws EarshotError `unknown_clip`
   */
  async delete(id: string): Promise<void> {
    const { database, queue, objects, outbox, events } = this.#parts;
    const clip = await this.row(id);
    const job = await database.transaction(async (session) => {
      // The lock makes an ingest that is just committing finish first, so that its points are among those deleted.
      if (!(await lockClip(session, clip.id))) return null;
      const latest = await new JobRepository(session).latestForClip(clip.id);
      await tellIndex(session, clip.id, 'delete');
      await new ClipRepository(session).delete(clip.id);
      return latest;
    });
    if (job !== null) {
      await queue.cancel(INGEST_QUEUE, job.id);
      events.changed(job.id);
    }
    if ((await this.#clips.countByStorageKey(clip.storageKey)) === 0) await objects.delete(clip.storageKey);
    await outbox.drain();
  }
}

/** Holds the clip's row until the transaction ends; false when it is gone. */
export async function lockClip(session: Session, clipId: string): Promise<boolean> {
  const { rows } = await session.executeSql('select 1 from clips where id = $1::uuid for update', [clipId]);
  return rows.length > 0;
}

/** A change that concerns the clip's points under every model. */
async function tellIndex(session: Session, clipId: string, operation: 'payload' | 'delete'): Promise<void> {
  const models = await new ModelRepository(session).list();
  const kept = models.filter((model) => model.state !== 'retired');
  await new OutboxRepository(session).append(
    kept.map((model) => ({ indexCollection: model.collection, operation, clipId })),
  );
}

function unknownClip(id: string): never {
  throw new EarshotError('unknown_clip', `There is no clip ${id}.`, { subject: id });
}
