/**
 * What the vector index has yet to be told. Rows are written in the transaction that changes the data; a worker
 * takes them under a lease, applies them (every operation may be applied twice) and completes them.
 */
import { asc, count, eq, inArray, sql } from 'drizzle-orm';
import type { Database, Session } from '../database.ts';
import { indexOutbox, type OutboxOperation } from '../schema.ts';

export type OutboxRow = typeof indexOutbox.$inferSelect;

export interface NewOutboxRow {
  /** The index's collection, not an alias. */
  indexCollection: string;
  /** `payload`: the clip's collection or tags changed; needs no point ids. */
  operation: OutboxOperation;
  clipId: string;
  pointIds?: string[];
}

/** Takers queue up on this lock, so that none sees another's half-taken batch. */
const TAKE_LOCK = 0x4541_5253;

export class OutboxRepository {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async append(rows: readonly NewOutboxRow[]): Promise<void> {
    if (rows.length > 0) await this.#session.db.insert(indexOutbox).values([...rows]);
  }

  async complete(ids: readonly number[]): Promise<void> {
    if (ids.length > 0) await this.#session.db.delete(indexOutbox).where(inArray(indexOutbox.id, [...ids]));
  }

  /** Gives the row back, to be taken again after a wait that doubles with each attempt, up to five minutes. */
  async fail(id: number): Promise<void> {
    const waitSec = sql`least(300, 0.5 * power(2, least(${indexOutbox.attempts}, 16)))`;
    await this.#session.db
      .update(indexOutbox)
      .set({ availableAt: sql`clock_timestamp() + ${waitSec} * interval '1 second'` })
      .where(eq(indexOutbox.id, id));
  }

  /** Rows (of one index collection) not yet completed, those in work and those waiting after a failure included. */
  async pendingCount(indexCollection?: string): Promise<number> {
    const where =
      indexCollection === undefined ? undefined : eq(indexOutbox.indexCollection, indexCollection);
    const rows = await this.#session.db.select({ n: count() }).from(indexOutbox).where(where);
    return rows[0]?.n ?? 0;
  }

  /** Drops what is waiting for an index collection that is no more. */
  async deleteCollection(indexCollection: string): Promise<void> {
    await this.#session.db.delete(indexOutbox).where(eq(indexOutbox.indexCollection, indexCollection));
  }

  /** Frees every lease: only for the sole owner of the data folder, when it starts. */
  async releaseLeases(): Promise<void> {
    await this.#session.db.update(indexOutbox).set({ availableAt: sql`clock_timestamp()` });
  }
}

/**
 * Takes up to `limit` rows for `leaseSec` (default 60), oldest first; apply them in this order. No two takers get
 * the same row before its lease ends. A row waits while an earlier one of the same clip and index collection is
 * in work or waiting after a failure, so that a delete never overtakes an upsert.
 */
export async function takeOutboxBatch(
  database: Database,
  limit: number,
  options: { leaseSec?: number } = {},
): Promise<OutboxRow[]> {
  return database.transaction(async ({ db }) => {
    await db.execute(sql`select pg_advisory_xact_lock(${TAKE_LOCK})`);
    const candidates = await db
      .select({ id: indexOutbox.id })
      .from(indexOutbox)
      .where(
        sql`${indexOutbox.availableAt} <= clock_timestamp() and not exists (
          select 1 from ${indexOutbox} earlier
          where earlier.clip_id = ${indexOutbox.clipId}
            and earlier.index_collection = ${indexOutbox.indexCollection}
            and earlier.id < ${indexOutbox.id}
            and earlier.available_at > clock_timestamp())`,
      )
      .orderBy(asc(indexOutbox.id))
      .limit(limit)
      .for('update', { skipLocked: true });
    if (candidates.length === 0) return [];
    const rows = await db
      .update(indexOutbox)
      .set({
        attempts: sql`${indexOutbox.attempts} + 1`,
        availableAt: sql`clock_timestamp() + ${options.leaseSec ?? 60} * interval '1 second'`,
      })
      .where(
        inArray(
          indexOutbox.id,
          candidates.map((row) => row.id),
        ),
      )
      .returning();
    return rows.sort((a, b) => a.id - b.id);
  });
}
