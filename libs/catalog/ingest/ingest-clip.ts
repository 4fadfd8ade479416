/**
 * The ingest worker's handler: probe, decode and embed, write, index. Every step may run again. What decides is in
 * the database: embeddings are written in one transaction with the row that tells the index, so a process killed
 * anywhere is continued by the next one, without doubles and without anything lost.
 */
import type { Logger } from 'pino';
import { asEarshotError, type EarshotError } from '#core/errors';
import type { Database, Session } from '#store/database';
import type { ObjectStore } from '#store/objects/object-store';
import type { AbandonedJob } from '#store/queue-recovery';
import type { QueueJob } from '#store/queue-worker';
import { ClipRepository, type ClipRow } from '#store/repositories/clips';
import { EmbeddingRepository } from '#store/repositories/embeddings';
import { JobRepository } from '#store/repositories/jobs';
import { ModelRepository } from '#store/repositories/models';
import type { IngestPayload, JobEvents } from '../jobs.ts';
import type { OpenModels } from '../model-change/open-models.ts';
import { embedClip } from './embed-clip.ts';
import { JobProgress } from './job-progress.ts';
import type { OutboxWorker } from './outbox-worker.ts';

export interface IngestParts {
  database: Database;
  objects: ObjectStore;
  models: OpenModels;
  outbox: OutboxWorker;
  events: JobEvents;
  logger: Logger;
}

/** Decoding and embedding take nearly all the time. */
const DECODED_PROGRESS = 0.8;
const EMBEDDED_PROGRESS = 0.95;
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
    do {
      await embedForAll(clip, parts, progress, stop);
      await progress.set('index', EMBEDDED_PROGRESS);
      await parts.outbox.settled(clipId, stop);
      // Another model may have gone live meanwhile: then the clip is embedded with that one too.
    } while (!(await finish(job.id, clipId, parts)));
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

/**
 * With the live model, and with the one that is to follow it: a clip that is indexed can be found by both. What the
 * second one fails on is left to the change of models, which tries it again.
 */
async function embedForAll(
  clip: ClipRow,
  parts: IngestParts,
  progress: JobProgress,
  signal: AbortSignal,
): Promise<void> {
  const { models, logger } = parts;
  const onProgress = (stage: string, decoded: number) => progress.report(stage, DECODED_PROGRESS * decoded);
  await embedClip(clip, await models.live(), parts, { signal, onProgress });
  await progress.flush();
  try {
    for (const next of await models.building()) await embedClip(clip, next, parts, { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    logger.warn({ err: error, clipId: clip.id }, 'the clip could not be embedded with the next model yet');
  }
}

/** False where the clip lacks the vectors of the model that is live by now. */
async function finish(jobId: string, clipId: string, { database }: IngestParts): Promise<boolean> {
  return database.transaction(async (session) => {
    // Holds off a change of models until the clip's new status can be seen by it.
    const rows = await new ModelRepository(session).list({ lock: 'share' });
    const live = rows.find(({ state }) => state === 'live');
    if (live && !(await new EmbeddingRepository(session).hasClip(clipId, live.model))) return false;
    await new ClipRepository(session).setStatus(clipId, 'indexed');
    await new JobRepository(session).finish(jobId);
    return true;
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
