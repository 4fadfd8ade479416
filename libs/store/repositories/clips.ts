/** Clips. */
import {
  and,
  arrayContains,
  asc,
  count,
  desc,
  eq,
  gt,
  gte,
  inArray,
  lt,
  lte,
  notExists,
  or,
  sql,
} from 'drizzle-orm';
import { v7, validate } from 'uuid';
import { EarshotError } from '#core/errors';
import { type Session, sqlState } from '../database.ts';
import type { ModelIdentity } from '../index/vector-index.ts';
import { type ClipStatus, clips, embeddings, type StoredError } from '../schema.ts';
import { decodeCursor, type Page, pageOf } from './cursor.ts';
import { forgetPrototypesOfClip } from './prototypes.ts';

export type ClipRow = typeof clips.$inferSelect;

/** `id` is chosen when left out. */
export type NewClipRow = Omit<typeof clips.$inferInsert, 'id' | 'createdAt' | 'updatedAt'> & { id?: string };

/** What a user may change. */
export type ClipChange = Partial<Pick<ClipRow, 'title' | 'tags' | 'labels' | 'metadata' | 'collection'>>;

/** What probing and embedding the file find out. */
export type ClipMedia = Partial<
  Pick<
    ClipRow,
    | 'mimeType'
    | 'durationSec'
    | 'width'
    | 'height'
    | 'frameRateHz'
    | 'audioSampleRateHz'
    | 'hasAudio'
    | 'hasVideo'
    | 'segmentCount'
  >
>;

export interface ClipListOptions {
  collection?: string;
  tag?: string;
  status?: ClipStatus;
  /** At least 1. */
  limit: number;
  cursor?: string;
}

const UNIQUE_VIOLATION = '23505';

export class ClipRepository {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Where the same bytes are in the collection already, answers that clip and writes nothing. */
  async insert(clip: NewClipRow): Promise<{ clip: ClipRow; created: boolean }> {
    for (;;) {
      const inserted = await this.#session.db
        .insert(clips)
        .values({ ...clip, id: clip.id ?? v7() })
        .onConflictDoNothing({ target: [clips.collection, clips.sha256] })
        .returning();
      if (inserted[0]) return { clip: inserted[0], created: true };
      const existing = await this.findByHash(clip.collection, clip.sha256);
      if (existing) return { clip: existing, created: false };
      // The clip in the way was deleted between the two statements: now there is room.
    }
  }

  async get(id: string): Promise<ClipRow | null> {
    return (await this.getMany([id]))[0] ?? null;
  }

  /** In the order of `ids`; unknown ones are left out. */
  async getMany(ids: readonly string[]): Promise<ClipRow[]> {
    const known = ids.filter((id) => validate(id));
    if (known.length === 0) return [];
    const rows = await this.#session.db.select().from(clips).where(inArray(clips.id, known));
    const byId = new Map(rows.map((row) => [row.id, row]));
    return known.flatMap((id) => byId.get(id.toLowerCase()) ?? []);
  }

  async findByHash(collection: string, sha256: string): Promise<ClipRow | null> {
    const where = and(eq(clips.collection, collection), eq(clips.sha256, sha256));
    return (await this.#session.db.select().from(clips).where(where))[0] ?? null;
  }

  /**
   * Newest first, equal times by id; a cursor continues without gaps or repeats.
   * @throws EarshotError `invalid_argument` for a bad cursor
   */
  async list(options: ClipListOptions): Promise<Page<ClipRow>> {
    const after = options.cursor === undefined ? undefined : decodeCursor(options.cursor);
    const rows = await this.#session.db
      .select()
      .from(clips)
      .where(
        and(
          conditions(options),
          after && lte(clips.createdAt, after.createdAt),
          after &&
            or(
              lt(clips.createdAt, after.createdAt),
              and(eq(clips.createdAt, after.createdAt), gt(clips.id, after.id)),
            ),
        ),
      )
      .orderBy(desc(clips.createdAt), asc(clips.id))
      .limit(options.limit + 1);
    return pageOf(rows, options.limit);
  }

  async count(filter: Pick<ClipListOptions, 'collection' | 'tag' | 'status'> = {}): Promise<number> {
    const rows = await this.#session.db.select({ n: count() }).from(clips).where(conditions(filter));
    return rows[0]?.n ?? 0;
  }

  /** Every collection that has clips, by name, and how many. */
  async collections(): Promise<{ name: string; clips: number }[]> {
    return this.#session.db
      .select({ name: clips.collection, clips: count() })
      .from(clips)
      .groupBy(clips.collection)
      .orderBy(asc(clips.collection));
  }

  /**
   * The changed clip, or null when there is none.
   * @throws EarshotError `conflict` when the new collection has the same bytes already
   */
  async update(id: string, change: ClipChange): Promise<ClipRow | null> {
    try {
      return await this.#set(id, change);
    } catch (error) {
      if (sqlState(error) !== UNIQUE_VIOLATION) throw error;
      throw new EarshotError(
        'conflict',
        `Collection "${change.collection}" has a clip of the same bytes already.`,
        {
          subject: 'collection',
          cause: error,
        },
      );
    }
  }

  async setMedia(id: string, media: ClipMedia): Promise<ClipRow | null> {
    return this.#set(id, media);
  }

  /** A status without an error clears the error. */
  async setStatus(id: string, status: ClipStatus, error: StoredError | null = null): Promise<ClipRow | null> {
    return this.#set(id, { status, error });
  }

  /**
   * True when there was one. Embeddings, jobs and its place among labels' examples go with it; points and
   * objects are the caller's. To be run in a transaction.
   */
  async delete(id: string): Promise<boolean> {
    if (!validate(id)) return false;
    await this.#session.db.select({ id: clips.id }).from(clips).where(eq(clips.id, id)).for('update');
    await forgetPrototypesOfClip(this.#session, id);
    const gone = await this.#session.db.delete(clips).where(eq(clips.id, id)).returning({ id: clips.id });
    return gone.length > 0;
  }

  /** Indexed clips that the model has not embedded, ids ascending; pages of `limit` (default all) after `afterId`. */
  async idsMissingEmbeddings(
    model: Pick<ModelIdentity, 'id' | 'version'>,
    options: { afterId?: string; limit?: number } = {},
  ): Promise<string[]> {
    const query = this.#session.db
      .select({ id: clips.id })
      .from(clips)
      .where(
        and(
          this.#isMissing(model),
          options.afterId === undefined ? undefined : gt(clips.id, options.afterId),
        ),
      )
      .orderBy(asc(clips.id));
    const rows = options.limit === undefined ? await query : await query.limit(options.limit);
    return rows.map((row) => row.id);
  }

  /** How many clips `idsMissingEmbeddings` would name. */
  async countMissingEmbeddings(model: Pick<ModelIdentity, 'id' | 'version'>): Promise<number> {
    const rows = await this.#session.db.select({ n: count() }).from(clips).where(this.#isMissing(model));
    return rows[0]?.n ?? 0;
  }

  /** All objects that clips need, for the orphan check: pages of `limit` keys, ascending, after `afterKey`. */
  async storageKeys(options: { afterKey?: string; limit: number }): Promise<string[]> {
    const rows = await this.#session.db
      .selectDistinct({ key: clips.storageKey })
      .from(clips)
      .where(options.afterKey === undefined ? undefined : gt(clips.storageKey, options.afterKey))
      .orderBy(asc(clips.storageKey))
      .limit(options.limit);
    return rows.map((row) => row.key);
  }

  /** How many clips share the object; it may be deleted when none does. */
  async countByStorageKey(storageKey: string): Promise<number> {
    const rows = await this.#session.db
      .select({ n: count() })
      .from(clips)
      .where(eq(clips.storageKey, storageKey));
    return rows[0]?.n ?? 0;
  }

  #isMissing(model: Pick<ModelIdentity, 'id' | 'version'>) {
    const embedded = this.#session.db
      .select({ one: sql`1` })
      .from(embeddings)
      .where(
        and(
          eq(embeddings.clipId, clips.id),
          eq(embeddings.modelId, model.id),
          eq(embeddings.modelVersion, model.version),
        ),
      );
    return and(eq(clips.status, 'indexed'), gte(clips.segmentCount, 1), notExists(embedded));
  }

  async #set(id: string, change: Partial<typeof clips.$inferInsert>): Promise<ClipRow | null> {
    if (!validate(id)) return null;
    const rows = await this.#session.db
      .update(clips)
      .set({ ...change, updatedAt: sql`now()` })
      .where(eq(clips.id, id))
      .returning();
    return rows[0] ?? null;
  }
}

function conditions(filter: Pick<ClipListOptions, 'collection' | 'tag' | 'status'>) {
  return and(
    filter.collection === undefined ? undefined : eq(clips.collection, filter.collection),
    filter.tag === undefined ? undefined : arrayContains(clips.tags, [filter.tag]),
    filter.status === undefined ? undefined : eq(clips.status, filter.status),
  );
}
