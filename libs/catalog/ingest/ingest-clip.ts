/**
 * The ingest worker's handler: probe, decode and embed, write, index. Every step may run again. What decides is in
 * the database: embeddings are written in one transaction with the row that tells the index, so a process killed
 * anywhere is continued by the next one, without doubles and without anything lost.
 */
import type { Logger } from 'pino';
import { asEarshotError, EarshotError } from '#core/errors';
import { type MediaInfo, probe } from '#media/probe';
import type { Database, Session } from '#store/database';
import type { ObjectStore } from '#store/objects/object-store';
import type { AbandonedJob } from '#store/queue-recovery';
import type { QueueJob } from '#store/queue-worker';
import { ClipRepository, type ClipRow } from '#store/repositories/clips';
import { EmbeddingRepository } from '#store/repositories/embeddings';
import { JobRepository } from '#store/repositories/jobs';
import { OutboxRepository } from '#store/repositories/outbox';
import type { ActiveModel } from '../active-model.ts';
import { lockClip } from '../clips.ts';
import type { InferencePool } from '../inference/inference-pool.ts';
import type { IngestPayload, JobEvents } from '../jobs.ts';
import { onStoredFile } from '../own-name.ts';
import { type EmbeddedMedia, embedMedia } from './embed-media.ts';
import { JobProgress } from './job-progress.ts';
import type { OutboxWorker } from './outbox-worker.ts';

export interface IngestParts {
  database: Database;
  objects: ObjectStore;
  model: ActiveModel;
  pool: InferencePool;
  outbox: OutboxWorker;
  events: JobEvents;
  logger: Logger;
}

/** Decoding and embedding take nearly all the time. */
const DECODED_PROGRESS = 0.8;
const EMBEDDED_PROGRESS = 0.95;
/** Less than this is rounding. */
const CUT_OFF_SEC = 1;

/** Does one job of the queue. */
export async function ingestClip(
  job: QueueJob<IngestPayload>,
  signal: AbortSignal,
  parts: IngestParts,
): Promise<void> {
  const { clipId } = job.payload;
  const clip = await begin(job.id, clipId, parts);
  if (clip === null) return;
  const progress = new JobProgress(job.id, parts.database, parts.events);
  const stop = AbortSignal.any([signal, progress.lost]);
  try {
    await embedOnce(clip, parts, progress, stop);
    await progress.set('index', EMBEDDED_PROGRESS);
    await parts.outbox.settled(clipId, stop);
    await finish(job.id, clipId, parts);
  } catch (error) {
    // The clip was deleted under way: there is nothing left that could fail.
    if ((await new ClipRepository(parts.database).get(clipId)) === null) return;
    await recordFailure(job, asEarshotError(error), signal.aborted, parts);
    throw error;
  } finally {
    await progress.close();
    parts.events.changed(job.id);
  }
}

/** A job whose worker died: it waits for its next attempt, or has failed if there is none. */
export async function recordAbandoned(job: AbandonedJob, session: Session): Promise<void> {
  const { clipId } = job.payload as IngestPayload;
  const error = { code: 'internal', message: 'The worker stopped in the middle of the job.' };
  if (job.willRetry) {
    await new JobRepository(session).waitForRetry(job.id, error);
    return;
  }
  await new JobRepository(session).fail(job.id, error);
  await new ClipRepository(session).setStatus(clipId, 'failed', error);
}

async function begin(jobId: string, clipId: string, parts: IngestParts): Promise<ClipRow | null> {
  const clip = await parts.database.transaction(async (session) => {
    if ((await new JobRepository(session).start(jobId)) === null) return null;
    return new ClipRepository(session).setStatus(clipId, 'processing');
  });
  parts.events.changed(jobId);
  return clip;
}

/** Skipped when an earlier attempt has got as far: the vectors are all there or none are. */
async function embedOnce(
  clip: ClipRow,
  parts: IngestParts,
  progress: JobProgress,
  signal: AbortSignal,
): Promise<void> {
  const { database, model, objects, logger } = parts;
  const existing = await new EmbeddingRepository(database).forClip(clip.id, model.identity);
  if (existing.length > 0) return;
  const { info, media } = await onStoredFile(clip, objects, (file) => embed(file, parts, progress, signal));
  const filled = media.segments.filter(
    ({ vectors }) => vectors.audio !== undefined || vectors.video !== undefined,
  );
  if (filled.length === 0) {
    const message = 'The file is silent and black from beginning to end: there is nothing to find it by.';
    throw new EarshotError('media_empty', message, { subject: clip.fileName });
  }
  await write(clip.id, info, media, parts);
  logger.debug({ clipId: clip.id, segments: media.segments.length }, 'clip embedded');
}

async function embed(
  file: string,
  { model, pool }: IngestParts,
  progress: JobProgress,
  signal: AbortSignal,
): Promise<{ info: MediaInfo; media: EmbeddedMedia }> {
  await progress.set('probe', 0);
  const info = await probe(file, { signal });
  await progress.set('decode', 0.01);
  const media = await embedMedia(file, {
    info,
    model,
    pool,
    bulk: true,
    signal,
    onDecoded: (fraction) => progress.report(fraction < 1 ? 'decode' : 'embed', DECODED_PROGRESS * fraction),
  });
  await progress.flush();
  return { info, media };
}

/** Segments, vectors and what the index must be told, all or nothing. */
async function write(
  clipId: string,
  info: MediaInfo,
  { segments, decodedSec }: EmbeddedMedia,
  { database, model }: IngestParts,
): Promise<void> {
  const indexCollection = model.indexCollection;
  await database.transaction(async (session) => {
    if (!(await lockClip(session, clipId))) throw new EarshotError('cancelled', 'The clip was deleted.');
    const clips = new ClipRepository(session);
    await clips.replaceSegments(
      clipId,
      segments.map(({ index, startSec, endSec }) => ({ segmentIndex: index, startSec, endSec })),
    );
    const rows = segments
      .filter(({ vectors }) => vectors.audio !== undefined || vectors.video !== undefined)
      .map(({ index, vectors }) => ({ segmentIndex: index, vectors }));
    const embeddings = new EmbeddingRepository(session);
    const { pointIds, removedPointIds } = await embeddings.replaceForClip(clipId, model.identity, rows);
    const outbox = new OutboxRepository(session);
    if (removedPointIds.length > 0) {
      await outbox.append([{ indexCollection, operation: 'delete', clipId, pointIds: removedPointIds }]);
    }
    await outbox.append([{ indexCollection, operation: 'upsert', clipId, pointIds }]);
    await clips.setMedia(clipId, {
      durationSec: trueDurationSec(info, decodedSec),
      hasAudio: rows.some(({ vectors }) => vectors.audio !== undefined),
      hasVideo: rows.some(({ vectors }) => vectors.video !== undefined),
    });
  });
}

/** A file that was cut off lasts as long as what could be decoded, whatever its header says. */
function trueDurationSec(info: MediaInfo, decodedSec: number): number | null {
  if (info.isStillImage) return null;
  return decodedSec < info.durationSec - CUT_OFF_SEC ? decodedSec : info.durationSec;
}

async function finish(jobId: string, clipId: string, parts: IngestParts): Promise<void> {
  await parts.database.transaction(async (session) => {
    await new ClipRepository(session).setStatus(clipId, 'indexed');
    await new JobRepository(session).finish(jobId);
  });
}

async function recordFailure(
  job: QueueJob<IngestPayload>,
  error: EarshotError,
  isStopping: boolean,
  { database, logger }: IngestParts,
): Promise<void> {
  const stored = { code: error.code, message: error.message };
  const willRetry = isStopping || job.willRetry(error);
  if (willRetry) logger.info({ err: error, jobId: job.id }, 'ingest is interrupted and will be tried again');
  else logger.warn({ err: error, clipId: job.payload.clipId, jobId: job.id }, 'ingest failed');
  await database.transaction(async (session) => {
    if (willRetry) {
      await new JobRepository(session).waitForRetry(job.id, stored);
      await new ClipRepository(session).setStatus(job.payload.clipId, 'pending');
      return;
    }
    await new JobRepository(session).fail(job.id, stored);
    await new ClipRepository(session).setStatus(job.payload.clipId, 'failed', stored);
  });
}
