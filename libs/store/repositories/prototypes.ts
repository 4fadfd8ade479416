/**
 * Prototypes: for each label, modality and model, the mean of its example clips' embeddings. They are worked out from
 * the stored embeddings and kept; whatever changes what they come from forgets them in its own transaction. Both the
 * forgetting and the working out hold the label's row, so that no process ever keeps a prototype of what has changed.
 */
import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import type { Database, Session } from '../database.ts';
import type { Modality, ModelIdentity } from '../index/vector-index.ts';
import { embeddings, labelExamples, labels, prototypes } from '../schema.ts';

type ModelKey = Pick<ModelIdentity, 'id' | 'version'>;

export interface Prototype {
  labelId: string;
  /** Mean over the examples of each clip's unit vector; its length tells how much they agree. */
  vectors: Partial<Record<Modality, Float32Array>>;
  /** How many examples had that modality. */
  examples: Record<Modality, number>;
}

/** Labels in one statement, and in one transaction that works their prototypes out. */
const READ_CHUNK = 1000;
const REBUILD_CHUNK = 100;
/** A long clip has many segments: this many clips' vectors are held at a time. */
const CLIPS_AT_ONCE = 32;

/**
 * The prototypes of the labels under the model, in no particular order; a label without examples has none, and one
 * whose examples the model has not embedded has one without vectors.
 */
export async function readPrototypes(
  database: Database,
  labelIds: readonly string[],
  model: ModelIdentity,
): Promise<Prototype[]> {
  const found: Prototype[] = [];
  for (let start = 0; start < labelIds.length; start += READ_CHUNK) {
    found.push(...(await stored(database, labelIds.slice(start, start + READ_CHUNK), model)));
  }
  const known = new Set(found.map(({ labelId }) => labelId));
  const missing = labelIds.filter((id) => !known.has(id)).sort();
  for (let start = 0; start < missing.length; start += REBUILD_CHUNK) {
    const chunk = missing.slice(start, start + REBUILD_CHUNK);
    found.push(...(await database.transaction((session) => rebuild(session, chunk, model))));
  }
  return found;
}

/** Forgets what was worked out for the labels that have the clip among their examples. To be run in a transaction. */
export async function forgetPrototypesOfClip(session: Session, clipId: string): Promise<void> {
  const rows = await session.db
    .select({ id: labelExamples.labelId })
    .from(labelExamples)
    .where(eq(labelExamples.clipId, clipId));
  const ids = rows.map((row) => row.id);
  await lockLabels(session, ids);
  await forgetPrototypes(session, ids);
}

/** Forgets what was worked out for the model. To be run in a transaction. */
export async function forgetPrototypesOfModel(session: Session, model: ModelKey): Promise<void> {
  await session.db.select({ id: labels.id }).from(labels).orderBy(asc(labels.id)).for('update');
  await session.db.delete(prototypes).where(ofModel(model));
}

/** Their rows must be locked. */
export async function forgetPrototypes(session: Session, labelIds: readonly string[]): Promise<void> {
  if (labelIds.length > 0)
    await session.db.delete(prototypes).where(inArray(prototypes.labelId, [...labelIds]));
}

/** Holds the labels' rows until the transaction ends; answers those that are still there. */
export async function lockLabels(session: Session, labelIds: readonly string[]): Promise<string[]> {
  if (labelIds.length === 0) return [];
  const rows = await session.db
    .select({ id: labels.id })
    .from(labels)
    .where(inArray(labels.id, [...labelIds]))
    .orderBy(asc(labels.id))
    .for('update');
  return rows.map((row) => row.id);
}

function ofModel(model: ModelKey) {
  return and(eq(prototypes.modelId, model.id), eq(prototypes.modelVersion, model.version));
}

async function stored(
  session: Session,
  labelIds: readonly string[],
  model: ModelIdentity,
): Promise<Prototype[]> {
  const rows = await session.db
    .select()
    .from(prototypes)
    .where(and(inArray(prototypes.labelId, [...labelIds]), ofModel(model)));
  return rows.map((row) => ({
    labelId: row.labelId,
    vectors: { ...(row.audio && { audio: row.audio }), ...(row.video && { video: row.video }) },
    examples: { audio: row.audioExamples, video: row.videoExamples },
  }));
}

async function rebuild(
  session: Session,
  labelIds: readonly string[],
  model: ModelIdentity,
): Promise<Prototype[]> {
  const there = await lockLabels(session, labelIds);
  if (there.length === 0) return [];
  const pairs = await session.db
    .select()
    .from(labelExamples)
    .where(inArray(labelExamples.labelId, there))
    .orderBy(asc(labelExamples.labelId), asc(labelExamples.clipId));
  const means = new Map<string, Record<Modality, RunningMean>>();
  for (let start = 0; start < pairs.length; start += CLIPS_AT_ONCE) {
    const slice = pairs.slice(start, start + CLIPS_AT_ONCE);
    const directions = await clipDirections(session, [...new Set(slice.map((pair) => pair.clipId))], model);
    for (const { labelId, clipId } of slice) {
      const mean = means.get(labelId) ?? { audio: new RunningMean(), video: new RunningMean() };
      means.set(labelId, mean);
      const clip = directions.get(clipId);
      if (clip?.audio) mean.audio.add(clip.audio);
      if (clip?.video) mean.video.add(clip.video);
    }
  }
  const made = [...means].map(([labelId, mean]) => toPrototype(labelId, mean));
  await keep(session, made, model);
  return made;
}

function toPrototype(labelId: string, { audio, video }: Record<Modality, RunningMean>): Prototype {
  const [heard, seen] = [audio.mean(), video.mean()];
  return {
    labelId,
    vectors: { ...(heard && { audio: heard }), ...(seen && { video: seen }) },
    examples: { audio: audio.count, video: video.count },
  };
}

async function keep(session: Session, made: readonly Prototype[], model: ModelIdentity): Promise<void> {
  if (made.length === 0) return;
  const rows = made.map(({ labelId, vectors, examples }) => ({
    labelId,
    modelId: model.id,
    modelVersion: model.version,
    dimension: model.dimension,
    audio: vectors.audio ?? null,
    video: vectors.video ?? null,
    audioExamples: examples.audio,
    videoExamples: examples.video,
  }));
  await session.db
    .insert(prototypes)
    .values(rows)
    .onConflictDoUpdate({
      target: [prototypes.labelId, prototypes.modelId, prototypes.modelVersion],
      set: {
        dimension: sql`excluded.dimension`,
        audio: sql`excluded.audio`,
        video: sql`excluded.video`,
        audioExamples: sql`excluded.audio_examples`,
        videoExamples: sql`excluded.video_examples`,
      },
    });
}

/** Each clip's unit vectors: the direction of the mean of its segments, so that a long clip counts as one. */
async function clipDirections(
  session: Session,
  clipIds: readonly string[],
  model: ModelKey,
): Promise<Map<string, Partial<Record<Modality, Float64Array>>>> {
  const rows = await session.db
    .select({ clipId: embeddings.clipId, audio: embeddings.audio, video: embeddings.video })
    .from(embeddings)
    .where(
      and(
        inArray(embeddings.clipId, [...clipIds]),
        eq(embeddings.modelId, model.id),
        eq(embeddings.modelVersion, model.version),
      ),
    )
    .orderBy(asc(embeddings.clipId), asc(embeddings.segmentIndex));
  const segmentsOf = new Map<string, typeof rows>();
  for (const row of rows) {
    const segments = segmentsOf.get(row.clipId);
    if (segments) segments.push(row);
    else segmentsOf.set(row.clipId, [row]);
  }
  const directions = new Map<string, Partial<Record<Modality, Float64Array>>>();
  for (const [clipId, segments] of segmentsOf) {
    const audio = direction(segments.flatMap((segment) => segment.audio ?? []));
    const video = direction(segments.flatMap((segment) => segment.video ?? []));
    directions.set(clipId, { ...(audio && { audio }), ...(video && { video }) });
  }
  return directions;
}

/** Null of nothing, and of vectors that cancel. */
function direction(vectors: readonly Float32Array[]): Float64Array | null {
  const sum = new Float64Array(vectors[0]?.length ?? 0);
  for (const vector of vectors)
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (vector[i] as number);
  const length = Math.sqrt(sum.reduce((total, value) => total + value * value, 0));
  return length < 1e-6 ? null : sum.map((value) => value / length);
}

class RunningMean {
  count = 0;
  #sum: Float64Array | null = null;

  add(vector: Float64Array): void {
    this.#sum ??= new Float64Array(vector.length);
    for (let i = 0; i < vector.length; i++) this.#sum[i] = (this.#sum[i] as number) + (vector[i] as number);
    this.count += 1;
  }

  mean(): Float32Array | null {
    return this.#sum && Float32Array.from(this.#sum, (value) => value / this.count);
  }
}
