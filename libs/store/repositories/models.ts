/** Which model fills which collection of the vector index, and which of them is live. */
import { and, asc, eq, sql } from 'drizzle-orm';
import type { Session } from '../database.ts';
import type { ModelIdentity } from '../index/vector-index.ts';
import { clips, embeddings, type ModelState, models } from '../schema.ts';

export interface ModelCollection {
  /** Name of the collection in the index. */
  collection: string;
  model: ModelIdentity;
  state: ModelState;
}

export class ModelRepository {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * All of them, by collection.
   * @param options `lock`: until the transaction ends, their states stay as they are (`share`), or nobody else may
   *   even hold them so (`update`)
   */
  async list(options: { lock?: 'share' | 'update' } = {}): Promise<ModelCollection[]> {
    const query = this.#session.db.select().from(models).orderBy(asc(models.collection));
    return (await (options.lock ? query.for(options.lock) : query)).map(toModel);
  }

  async get(collection: string): Promise<ModelCollection | null> {
    const rows = await this.#session.db.select().from(models).where(eq(models.collection, collection));
    return rows.map(toModel)[0] ?? null;
  }

  /** The collection that searches are answered from, or null in an empty catalog. */
  async live(): Promise<ModelCollection | null> {
    const rows = await this.#session.db.select().from(models).where(eq(models.state, 'live'));
    return rows.map(toModel)[0] ?? null;
  }

  /** Adds a collection that is being filled; a known one keeps its state, except that a retired one is built again. */
  async add(collection: string, model: ModelIdentity): Promise<ModelCollection> {
    const { db } = this.#session;
    await db
      .insert(models)
      .values({
        collection,
        modelId: model.id,
        modelVersion: model.version,
        dimension: model.dimension,
        state: 'building',
      })
      .onConflictDoUpdate({
        target: models.collection,
        set: { state: 'building' },
        setWhere: eq(models.state, 'retired'),
      });
    return (await this.get(collection)) as ModelCollection;
  }

  /**
   * Makes the collection the live one and retires the one before; clips now count the segments that its model found.
   * To be run in a transaction.
   */
  async makeLive(collection: string): Promise<void> {
    const { db } = this.#session;
    await db.update(models).set({ state: 'retired' }).where(eq(models.state, 'live'));
    await db.update(models).set({ state: 'live' }).where(eq(models.collection, collection));
    await this.#countSegments(collection);
  }

  /** No longer filled, its vectors kept. The live one stays live. */
  async retire(collection: string): Promise<void> {
    const where = and(eq(models.collection, collection), eq(models.state, 'building'));
    await this.#session.db.update(models).set({ state: 'retired' }).where(where);
  }

  async delete(collection: string): Promise<void> {
    await this.#session.db.delete(models).where(eq(models.collection, collection));
  }

  /** Clips that the model found the same in as the one before are not written. */
  async #countSegments(collection: string): Promise<void> {
    const { db } = this.#session;
    const found = db
      .select({
        clipId: embeddings.clipId,
        segments: sql<number>`count(*)::int`.as('segments'),
        heard: sql<boolean>`bool_or(${embeddings.audio} is not null)`.as('heard'),
        seen: sql<boolean>`bool_or(${embeddings.video} is not null)`.as('seen'),
      })
      .from(embeddings)
      .innerJoin(
        models,
        and(eq(models.modelId, embeddings.modelId), eq(models.modelVersion, embeddings.modelVersion)),
      )
      .where(eq(models.collection, collection))
      .groupBy(embeddings.clipId)
      .as('found');
    const { segmentCount, hasAudio, hasVideo } = clips;
    await db
      .update(clips)
      .set({
        segmentCount: sql`${found.segments}`,
        hasAudio: sql`${found.heard}`,
        hasVideo: sql`${found.seen}`,
        updatedAt: sql`now()`,
      })
      .from(found)
      .where(
        and(
          eq(clips.id, found.clipId),
          sql`(${segmentCount}, ${hasAudio}, ${hasVideo}) <> (${found.segments}, ${found.heard}, ${found.seen})`,
        ),
      );
  }
}

function toModel(row: typeof models.$inferSelect): ModelCollection {
  return {
    collection: row.collection,
    model: { id: row.modelId, version: row.modelVersion, dimension: row.dimension },
    state: row.state,
  };
}
