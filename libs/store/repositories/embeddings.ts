/** Every vector of every model: the truth that the vector index is rebuilt from. */
import { and, asc, eq, gt, inArray, isNotNull, notInArray, or, sql } from 'drizzle-orm';
import { validate } from 'uuid';
import { EarshotError } from '#core/errors';
import type { Session } from '../database.ts';
import type { IndexPoint, Modality, ModelIdentity } from '../index/vector-index.ts';
import { pointId } from '../point-id.ts';
import { clips, embeddings } from '../schema.ts';
import { forgetPrototypesOfClip, forgetPrototypesOfModel } from './prototypes.ts';

/** A segment as the model cut it: another model may have cut the clip elsewhere. */
export interface SegmentVectors {
  segmentIndex: number;
  startSec: number;
  endSec: number;
  /** Unit vectors of the model's dimension; a segment without sound or picture lacks that vector. */
  vectors: Partial<Record<Modality, Float32Array>>;
}

export class EmbeddingRepository {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Makes `rows` the clip's embeddings under the model; other models' stay. To be run in a transaction, together
   * with the outbox rows for the answered points.
   * @throws EarshotError `vector_dimension_mismatch`
   */
  async replaceForClip(
    clipId: string,
    model: ModelIdentity,
    rows: readonly SegmentVectors[],
  ): Promise<{ pointIds: string[]; removedPointIds: string[] }> {
    const { db } = this.#session;
    const values = rows.map((row) => toInsert(clipId, model, row));
    const pointIds = values.map((row) => row.pointId);
    const removed = await db
      .delete(embeddings)
      .where(
        and(
          eq(embeddings.clipId, clipId),
          ofModel(model),
          pointIds.length ? notInArray(embeddings.pointId, pointIds) : undefined,
        ),
      )
      .returning({ id: embeddings.pointId });
    for (let start = 0; start < values.length; start += 500) {
      await db
        .insert(embeddings)
        .values(values.slice(start, start + 500))
        .onConflictDoUpdate({
          target: embeddings.pointId,
          set: {
            startSec: sql`excluded.start_sec`,
            endSec: sql`excluded.end_sec`,
            dimension: sql`excluded.dimension`,
            audio: sql`excluded.audio`,
            video: sql`excluded.video`,
          },
        });
    }
    await forgetPrototypesOfClip(this.#session, clipId);
    return { pointIds, removedPointIds: removed.map((row) => row.id) };
  }

  /**
   * The points as the index wants them, ids ascending; unknown ids are left out.
   * @param options `lockClips`: their clips stay as they are until the transaction ends
   */
  async forPoints(pointIds: readonly string[], options: { lockClips?: boolean } = {}): Promise<IndexPoint[]> {
    if (pointIds.length === 0) return [];
    const query = this.#points()
      .where(inArray(embeddings.pointId, [...pointIds]))
      .orderBy(asc(embeddings.pointId));
    const rows = await (options.lockClips ? query.for('share', { of: clips }) : query);
    return rows.map(toPoint);
  }

  /** Whether the model has embedded the clip. */
  async hasClip(clipId: string, model: Pick<ModelIdentity, 'id' | 'version'>): Promise<boolean> {
    if (!validate(clipId)) return false;
    const rows = await this.#session.db
      .select({ id: embeddings.pointId })
      .from(embeddings)
      .where(and(eq(embeddings.clipId, clipId), ofModel(model)))
      .limit(1);
    return rows.length > 0;
  }

  /** The clip's points under the model, in order of time. */
  async forClip(clipId: string, model: Pick<ModelIdentity, 'id' | 'version'>): Promise<IndexPoint[]> {
    if (!validate(clipId)) return [];
    const rows = await this.#points()
      .where(and(eq(embeddings.clipId, clipId), ofModel(model)))
      .orderBy(asc(embeddings.segmentIndex));
    return rows.map(toPoint);
  }

  /** Ids of the clip's points under every model, for taking them out of the index. */
  async pointIdsOfClip(
    clipId: string,
  ): Promise<{ pointId: string; modelId: string; modelVersion: string }[]> {
    if (!validate(clipId)) return [];
    return this.#session.db
      .select({
        pointId: embeddings.pointId,
        modelId: embeddings.modelId,
        modelVersion: embeddings.modelVersion,
      })
      .from(embeddings)
      .where(eq(embeddings.clipId, clipId))
      .orderBy(asc(embeddings.pointId));
  }

  /** All points of the model, ids ascending, in batches of at most `batchSize`: what an index is rebuilt from. */
  async *iterate(
    model: Pick<ModelIdentity, 'id' | 'version'>,
    batchSize: number,
  ): AsyncGenerator<IndexPoint[]> {
    let afterId: string | undefined;
    for (;;) {
      const rows = await this.#points()
        .where(and(ofModel(model), this.#hasVector(), after(afterId)))
        .orderBy(asc(embeddings.pointId))
        .limit(batchSize);
      if (rows.length > 0) yield rows.map(toPoint);
      if (rows.length < batchSize) return;
      afterId = rows.at(-1)?.pointId;
    }
  }

  /** Ids of the points that the index should hold, ascending; at most `limit` after `afterId`. */
  async pointIdsAfter(
    model: Pick<ModelIdentity, 'id' | 'version'>,
    afterId: string | undefined,
    limit: number,
  ): Promise<string[]> {
    const rows = await this.#session.db
      .select({ id: embeddings.pointId })
      .from(embeddings)
      .where(and(ofModel(model), this.#hasVector(), after(afterId)))
      .orderBy(asc(embeddings.pointId))
      .limit(limit);
    return rows.map((row) => row.id);
  }

  /** Forgets a retired model's vectors; answers how many points went. To be run in a transaction. */
  async deleteModel(model: Pick<ModelIdentity, 'id' | 'version'>): Promise<number> {
    const gone = await this.#session.db
      .delete(embeddings)
      .where(ofModel(model))
      .returning({ id: embeddings.pointId });
    await forgetPrototypesOfModel(this.#session, model);
    return gone.length;
  }

  #hasVector() {
    return or(isNotNull(embeddings.audio), isNotNull(embeddings.video));
  }

  #points() {
    return this.#session.db
      .select({
        pointId: embeddings.pointId,
        clipId: embeddings.clipId,
        segmentIndex: embeddings.segmentIndex,
        audio: embeddings.audio,
        video: embeddings.video,
        startSec: embeddings.startSec,
        endSec: embeddings.endSec,
        collection: clips.collection,
        tags: clips.tags,
      })
      .from(embeddings)
      .innerJoin(clips, eq(clips.id, embeddings.clipId))
      .$dynamic();
  }
}

function ofModel(model: Pick<ModelIdentity, 'id' | 'version'>) {
  return and(eq(embeddings.modelId, model.id), eq(embeddings.modelVersion, model.version));
}

function after(pointId: string | undefined) {
  return pointId === undefined ? undefined : gt(embeddings.pointId, pointId);
}

function toInsert(clipId: string, model: ModelIdentity, row: SegmentVectors): typeof embeddings.$inferInsert {
  for (const vector of [row.vectors.audio, row.vectors.video]) {
    if (vector && vector.length !== model.dimension) {
      throw new EarshotError(
        'vector_dimension_mismatch',
        `Model ${model.id} makes vectors of ${model.dimension} numbers, not ${vector.length}.`,
      );
    }
  }
  return {
    pointId: pointId(clipId, row.segmentIndex, model),
    clipId,
    segmentIndex: row.segmentIndex,
    startSec: row.startSec,
    endSec: row.endSec,
    modelId: model.id,
    modelVersion: model.version,
    dimension: model.dimension,
    audio: row.vectors.audio ?? null,
    video: row.vectors.video ?? null,
  };
}

interface PointRow {
  pointId: string;
  clipId: string;
  segmentIndex: number;
  audio: Float32Array | null;
  video: Float32Array | null;
  startSec: number;
  endSec: number;
  collection: string;
  tags: string[];
}

function toPoint(row: PointRow): IndexPoint {
  const { pointId: id, audio, video, ...payload } = row;
  return { id, vectors: { ...(audio && { audio }), ...(video && { video }) }, payload };
}
