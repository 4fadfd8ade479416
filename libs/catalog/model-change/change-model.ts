/**
 * The change to another model: every clip is embedded with it, the index is compared with the database, and then the
 * model goes live. Nothing of the progress is kept but the vectors themselves, so a process killed anywhere is
 * continued by the next one; any number of workers share the embedding.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { asEarshotError, EarshotError } from '#core/errors';
import type { Session } from '#store/database';
import type { VectorIndex } from '#store/index/vector-index';
import type { JobQueue } from '#store/queue';
import type { AbandonedJob } from '#store/queue-recovery';
import type { QueueJob } from '#store/queue-worker';
import { ClipRepository } from '#store/repositories/clips';
import { JobRepository } from '#store/repositories/jobs';
import { type ModelCollection, ModelRepository } from '#store/repositories/models';
import { OutboxRepository } from '#store/repositories/outbox';
import { embedClip } from '../ingest/embed-clip.ts';
import type { IngestParts } from '../ingest/ingest-clip.ts';
import { JobProgress } from '../ingest/job-progress.ts';
import { EMBED_QUEUE, type EmbedPayload, type ModelPayload } from '../jobs.ts';
import { reconcilePoints } from '../reconcile.ts';
import { INDEX_ALIAS, lockChanges } from './model-changes.ts';

export interface ModelChangeParts extends IngestParts {
  queue: JobQueue;
  index: VectorIndex;
}

/** Clips that are queued at a time, and how few may be left of them when the next are. */
const PAGE_CLIPS = 200;
const LOW_WATER = 50;
const LOOK_EVERY_MS = 250;
const EMBEDDED_PROGRESS = 0.95;

/** Does one job of the queue: ends when the model is live, or the change was taken back. */
export async function changeModel(
  job: QueueJob<ModelPayload>,
  signal: AbortSignal,
  parts: ModelChangeParts,
): Promise<void> {
  if ((await new JobRepository(parts.database).start(job.id)) === null) return;
  const progress = new JobProgress(job.id, parts.database, parts.events);
  const change = new ModelChange(job, parts, progress, AbortSignal.any([signal, progress.lost]));
  try {
    await change.run();
  } catch (error) {
    // Taken back: nobody waits for it any more.
    if (progress.lost.aborted) return;
    await recordFailure(job, asEarshotError(error), signal.aborted, parts);
    throw error;
  } finally {
    await progress.close();
    parts.events.changed(job.id);
  }
}

/** A change whose worker died: it goes on with the next attempt, or is given up if there is none. */
export async function recordAbandonedChange(job: AbandonedJob, session: Session): Promise<void> {
  const error = { code: 'internal', message: 'The worker stopped in the middle of the job.' };
  if (job.willRetry) await new JobRepository(session).waitForRetry(job.id, error);
  else await giveUp(job.id, (job.payload as ModelPayload).collection, error, session);
}

/**
 * Embeds one clip for a change of models. A clip that can't be embedded stays behind with the dead letters, and the
 * change goes on without it.
 */
export async function embedForChange(
  job: QueueJob<EmbedPayload>,
  signal: AbortSignal,
  parts: ModelChangeParts,
): Promise<void> {
  const { clipId, collection } = job.payload;
  const row = await new ModelRepository(parts.database).get(collection);
  const clip = await new ClipRepository(parts.database).get(clipId);
  if (row === null || row.state === 'retired' || clip?.status !== 'indexed') return;
  try {
    await embedClip(clip, await parts.models.of(row), parts, { signal });
    void parts.outbox.drain();
  } catch (error) {
    if ((await new ClipRepository(parts.database).get(clipId)) === null) return;
    if (!signal.aborted)
      parts.logger.warn({ err: error, clipId, collection }, 'the clip could not be embedded');
    throw error;
  }
}

class ModelChange {
  readonly #job: QueueJob<ModelPayload>;
  readonly #parts: ModelChangeParts;
  readonly #progress: JobProgress;
  readonly #signal: AbortSignal;
  /** Clips that this attempt has queued; those that still lack vectors at the end could not be embedded. */
  readonly #tried = new Set<string>();

  constructor(
    job: QueueJob<ModelPayload>,
    parts: ModelChangeParts,
    progress: JobProgress,
    signal: AbortSignal,
  ) {
    this.#job = job;
    this.#parts = parts;
    this.#progress = progress;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const { database, index, outbox, logger, models } = this.#parts;
    const row = await new ModelRepository(database).get(this.#job.payload.collection);
    if (row === null) throw new EarshotError('cancelled', 'The change of models was taken back.');
    await index.ensureCollection(row.collection, row.model);
    const { model } = await models.of(row);
    do {
      await this.#embedAll(row);
      await this.#progress.set('index', EMBEDDED_PROGRESS);
      await this.#until(async () => {
        await outbox.drain();
        return (await new OutboxRepository(database).pendingCount(row.collection)) === 0;
      });
      await reconcilePoints({ database, index, model }, { fix: true, signal: this.#signal });
    } while (!(await this.#goLive(row)));
    await index.setAlias(INDEX_ALIAS, row.collection);
    logger.info({ model: row.model }, 'every clip is embedded with the model: it is live');
  }

  /** Queues what the model has not embedded, a page at a time, until nothing new is found. */
  async #embedAll({ collection, model }: ModelCollection): Promise<void> {
    const clips = new ClipRepository(this.#parts.database);
    const missing = await clips.countMissingEmbeddings(model);
    const total = Math.max(1, await clips.count({ status: 'indexed' }));
    const sentBefore = this.#tried.size;
    const report = (outstanding: number) => {
      const done = total - missing + (this.#tried.size - sentBefore) - outstanding;
      this.#progress.report('embed', EMBEDDED_PROGRESS * Math.min(1, Math.max(0, done / total)));
    };
    let afterId: string | undefined;
    for (;;) {
      const page = await clips.idsMissingEmbeddings(model, { afterId, limit: PAGE_CLIPS });
      const fresh = page.filter((id) => !this.#tried.has(id));
      await this.#send(fresh, collection);
      afterId = page.at(-1);
      const isLast = page.length < PAGE_CLIPS;
      await this.#until(async () => {
        const { queued, active } = await this.#parts.queue.counts(EMBED_QUEUE);
        report(queued + active);
        return queued + active <= (isLast ? 0 : LOW_WATER);
      });
      if (isLast) return;
    }
  }

  async #send(clipIds: readonly string[], collection: string): Promise<void> {
    const { database, queue } = this.#parts;
    await database.transaction(async (session) => {
      for (const clipId of clipIds) {
        const payload: EmbedPayload = { clipId, collection };
        await queue.send(EMBED_QUEUE, payload, { session });
      }
    });
    for (const clipId of clipIds) this.#tried.add(clipId);
    queue.wake(EMBED_QUEUE);
  }

  /** One step for all processes. False where a clip has come in that the model has not embedded. */
  async #goLive({ collection, model }: ModelCollection): Promise<boolean> {
    return this.#parts.database.transaction(async (session) => {
      await lockChanges(session);
      const models = new ModelRepository(session);
      const state = (await models.list({ lock: 'update' })).find(
        (row) => row.collection === collection,
      )?.state;
      if (state !== 'building' && state !== 'live') {
        throw new EarshotError('cancelled', 'The change of models was taken back.');
      }
      const clips = new ClipRepository(session);
      const lacking = await clips.idsMissingEmbeddings(model);
      if (lacking.some((id) => !this.#tried.has(id))) return false;
      const message = `The clip could not be embedded with model "${model.id}": add its file again to have it tried once more.`;
      for (const id of lacking) await clips.setStatus(id, 'failed', { code: 'decode_failed', message });
      if (state === 'building') await models.makeLive(collection);
      await new JobRepository(session).finish(this.#job.id);
      return true;
    });
  }

  async #until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) {
      await delay(LOOK_EVERY_MS, undefined, { signal: this.#signal }).catch(() => undefined);
      if (this.#signal.aborted) {
        throw new EarshotError('cancelled', 'The work was cancelled.', { cause: this.#signal.reason });
      }
    }
  }
}

async function recordFailure(
  job: QueueJob<ModelPayload>,
  error: EarshotError,
  isStopping: boolean,
  { database, logger }: ModelChangeParts,
): Promise<void> {
  const stored = { code: error.code, message: error.message };
  if (isStopping || job.willRetry(error)) {
    logger.info({ err: error, jobId: job.id }, 'the change of models is interrupted and goes on later');
    await new JobRepository(database).waitForRetry(job.id, stored);
    return;
  }
  logger.error({ err: error, jobId: job.id }, 'the change of models failed; the model in use stays in use');
  await database.transaction((session) => giveUp(job.id, job.payload.collection, stored, session));
}

async function giveUp(
  jobId: string,
  collection: string,
  error: { code: string; message: string },
  session: Session,
): Promise<void> {
  await new JobRepository(session).fail(jobId, error);
  await new ModelRepository(session).retire(collection);
}
