/**
 * The SQL schema, one for PGlite and PostgreSQL. PostgreSQL is the truth, vectors included; the vector index is
 * derived from these tables through `index_outbox`.
 */
import { sql } from 'drizzle-orm';
import {
  bigserial,
  boolean,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  real,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';

/** Why a clip or a job failed: a code from the closed list and a sentence. */
export interface StoredError {
  code: string;
  message: string;
}

export type ClipStatus = 'pending' | 'processing' | 'indexed' | 'failed';
export type JobStatus = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
export type OutboxOperation = 'upsert' | 'delete' | 'payload';
export type ModelState = 'live' | 'building' | 'retired';

/** A vector as float32, little endian: four bytes a number, so that half a million clips stay affordable. */
const vector = customType<{ data: Float32Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  toDriver: (value) => {
    const bytes = Buffer.alloc(value.length * 4);
    value.forEach((number, i) => {
      bytes.writeFloatLE(number, i * 4);
    });
    return bytes;
  },
  fromDriver: (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Float32Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getFloat32(i * 4, true));
  },
});

/** Milliseconds, because cursors carry the time through a JavaScript Date and must come back equal. */
const moment = (column: string) => timestamp(column, { withTimezone: true, precision: 3, mode: 'date' });

export const clips = pgTable(
  'clips',
  {
    id: uuid().primaryKey(),
    collection: text().notNull(),
    title: text().notNull(),
    fileName: text('file_name').notNull(),
    /** Where the clip was read from, when it was a local file. */
    sourcePath: text('source_path'),
    tags: text().array().notNull().default(sql`'{}'::text[]`),
    labels: text().array().notNull().default(sql`'{}'::text[]`),
    metadata: jsonb().$type<Record<string, unknown>>().notNull().default({}),
    sha256: text().notNull(),
    sizeBytes: doublePrecision('size_bytes').notNull(),
    mimeType: text('mime_type').notNull(),
    storageKey: text('storage_key').notNull(),
    durationSec: doublePrecision('duration_sec'),
    width: integer(),
    height: integer(),
    frameRateHz: doublePrecision('frame_rate_hz'),
    audioSampleRateHz: integer('audio_sample_rate_hz'),
    /** These and the number of segments: what the live model found, once the clip is embedded. */
    hasAudio: boolean('has_audio').notNull().default(false),
    hasVideo: boolean('has_video').notNull().default(false),
    status: text().$type<ClipStatus>().notNull().default('pending'),
    error: jsonb().$type<StoredError>(),
    segmentCount: integer('segment_count').notNull().default(0),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    unique('clips_collection_sha256').on(table.collection, table.sha256),
    index('clips_page').on(table.createdAt.desc().nullsFirst(), table.id),
    index('clips_collection_page').on(table.collection, table.createdAt.desc().nullsFirst(), table.id),
    index('clips_tags').using('gin', table.tags),
  ],
);

/** The segments that each model cut the clips into, as far as there was anything to hear or to see in them. */
export const embeddings = pgTable(
  'embeddings',
  {
    pointId: uuid('point_id').primaryKey(),
    clipId: uuid('clip_id')
      .notNull()
      .references(() => clips.id, { onDelete: 'cascade' }),
    segmentIndex: integer('segment_index').notNull(),
    startSec: doublePrecision('start_sec').notNull(),
    endSec: doublePrecision('end_sec').notNull(),
    modelId: text('model_id').notNull(),
    modelVersion: text('model_version').notNull(),
    dimension: integer().notNull(),
    audio: vector(),
    video: vector(),
  },
  (table) => [
    unique('embeddings_segment_model').on(
      table.clipId,
      table.segmentIndex,
      table.modelId,
      table.modelVersion,
    ),
    index('embeddings_model').on(table.modelId, table.modelVersion, table.pointId),
  ],
);

export const indexOutbox = pgTable(
  'index_outbox',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    indexCollection: text('index_collection').notNull(),
    operation: text().$type<OutboxOperation>().notNull(),
    /** No foreign key: the row that deletes a clip's points outlives the clip. */
    clipId: uuid('clip_id').notNull(),
    pointIds: uuid('point_ids').array().notNull().default(sql`'{}'::uuid[]`),
    createdAt: moment('created_at').notNull().defaultNow(),
    attempts: integer().notNull().default(0),
    /** Not to be taken before: the end of a lease, or of the wait after a failure. */
    availableAt: moment('available_at').notNull().defaultNow(),
  },
  (table) => [index('index_outbox_clip').on(table.clipId, table.id)],
);

export const jobs = pgTable(
  'jobs',
  {
    id: uuid().primaryKey(),
    kind: text().notNull(),
    clipId: uuid('clip_id').references(() => clips.id, { onDelete: 'cascade' }),
    status: text().$type<JobStatus>().notNull().default('queued'),
    stage: text().notNull().default('queued'),
    /** 0..1 */
    progress: real().notNull().default(0),
    error: jsonb().$type<StoredError>(),
    attempts: integer().notNull().default(0),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
    finishedAt: moment('finished_at'),
  },
  (table) => [
    index('jobs_page').on(table.createdAt.desc().nullsFirst(), table.id),
    index('jobs_clip').on(table.clipId),
  ],
);

/** One row for each collection of the vector index. */
export const models = pgTable(
  'models',
  {
    collection: text().primaryKey(),
    modelId: text('model_id').notNull(),
    modelVersion: text('model_version').notNull(),
    dimension: integer().notNull(),
    state: text().$type<ModelState>().notNull(),
  },
  (table) => [uniqueIndex('models_one_live').on(table.state).where(sql`state = 'live'`)],
);

/** What scenes are told apart by. */
export const labels = pgTable('labels', {
  id: uuid().primaryKey(),
  name: text().notNull().unique('labels_name'),
  createdAt: moment('created_at').notNull().defaultNow(),
});

/** The clips that show what a label means. */
export const labelExamples = pgTable(
  'label_examples',
  {
    labelId: uuid('label_id')
      .notNull()
      .references(() => labels.id, { onDelete: 'cascade' }),
    clipId: uuid('clip_id')
      .notNull()
      .references(() => clips.id, { onDelete: 'cascade' }),
  },
  (table) => [
    primaryKey({ columns: [table.labelId, table.clipId] }),
    index('label_examples_clip').on(table.clipId),
  ],
);

/**
 * What a label looks and sounds like to one model. A row that is there is right: whatever changes a label's examples
 * or their embeddings deletes it in the same transaction, and the next reader works it out anew.
 */
export const prototypes = pgTable(
  'prototypes',
  {
    labelId: uuid('label_id')
      .notNull()
      .references(() => labels.id, { onDelete: 'cascade' }),
    modelId: text('model_id').notNull(),
    modelVersion: text('model_version').notNull(),
    dimension: integer().notNull(),
    audio: vector(),
    video: vector(),
    /** How many examples had that modality. */
    audioExamples: integer('audio_examples').notNull(),
    videoExamples: integer('video_examples').notNull(),
  },
  (table) => [primaryKey({ columns: [table.labelId, table.modelId, table.modelVersion] })],
);

/** When each job in work was last heard of; a job whose worker fell silent goes back to its queue. */
export const queueHeartbeats = pgTable('queue_heartbeats', {
  jobId: uuid('job_id').primaryKey(),
  queue: text().notNull(),
  workerId: uuid('worker_id').notNull(),
  beatAt: moment('beat_at').notNull().defaultNow(),
});
