/** Jobs as users see them: one row each, kept in step with the queue that decides who does them. */
import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { EarshotError } from '#core/errors';
import type { Database, Session } from '#store/database';
import type { JobQueue } from '#store/queue';
import { ClipRepository } from '#store/repositories/clips';
import { JobRepository, type JobRow } from '#store/repositories/jobs';
import { JOB_STATUSES, type Job, type JobStatus, type Page } from './catalog-service.ts';
import { toJob } from './clip-view.ts';

export const INGEST_QUEUE = 'ingest';
/** Changes of models, one job each. */
export const MODEL_QUEUE = 'model';
/** The clips that a change of models embeds; what users see is the change's own job. */
export const EMBED_QUEUE = 'embed';

/** What the queue carries beside the job's id. */
export interface IngestPayload {
  clipId: string;
}

export interface ModelPayload {
  /** Collection of the index that is filled. */
  collection: string;
}

export interface EmbedPayload extends IngestPayload, ModelPayload {}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
/** Changes made by other processes are seen at this pace; our own are told at once. */
const WATCH_POLL_MS = 500;

/** The page size asked for, or the default. */
export function pageLimit(limit: number | undefined): number {
  if (limit === undefined) return DEFAULT_LIMIT;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new EarshotError('invalid_argument', `limit must be a whole number from 1 to ${MAX_LIMIT}.`, {
      subject: 'limit',
    });
  }
  return limit;
}

/** Tells watchers in this process that a job's row has changed. */
export class JobEvents {
  readonly #emitter = new EventEmitter().setMaxListeners(0);

  changed(jobId: string): void {
    this.#emitter.emit(jobId);
  }

  /** Resolves at the next change, after the polling interval, or when the signal fires. */
  async next(jobId: string, signal?: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = () => woken.abort();
    this.#emitter.once(jobId, wake);
    signal?.addEventListener('abort', wake, { once: true });
    try {
      await delay(WATCH_POLL_MS, undefined, { signal: woken.signal }).catch(() => undefined);
    } finally {
      this.#emitter.off(jobId, wake);
      signal?.removeEventListener('abort', wake);
    }
  }
}

export class JobService {
  readonly #database: Database;
  readonly #queue: JobQueue;
  readonly #events: JobEvents;
  readonly #jobs: JobRepository;

  constructor(database: Database, queue: JobQueue, events: JobEvents) {
    this.#database = database;
    this.#queue = queue;
    this.#events = events;
    this.#jobs = new JobRepository(database);
  }

  /** @throws EarshotError `unknown_job` */
  async get(id: string): Promise<Job> {
    return toJob(await this.#row(id));
  }

  async list(options: { status?: JobStatus; limit?: number; cursor?: string }): Promise<Page<Job>> {
    const page = await this.#jobs.list({ ...options, limit: pageLimit(options.limit) });
    return { items: page.items.map(toJob), nextCursor: page.nextCursor };
  }

  /** Of every status, those without a job included. */
  async counts(): Promise<Record<JobStatus, number>> {
    const found = await this.#jobs.countByStatus();
    const entries = JOB_STATUSES.map((status) => [status, found[status] ?? 0] as const);
    return Object.fromEntries(entries) as Record<JobStatus, number>;
  }

  /**
   * Does a job that failed or was cancelled once more.
   * @throws EarshotError `unknown_job`, or `conflict` for a job in any other state
   */
  async retry(id: string): Promise<Job> {
    const row = await this.#row(id);
    if (row.kind === 'model') {
      const message =
        'A change of models is begun again with "earshot models use", and goes on where it stopped.';
      throw new EarshotError('conflict', message, { subject: id });
    }
    const requeued = await this.#database.transaction((session) => requeueIngest(session, this.#queue, row));
    if (requeued === null) {
      const { status } = await this.#row(id);
      throw new EarshotError('conflict', `The job is ${status}: only a failed job can be tried again.`, {
        subject: id,
      });
    }
    this.#queue.wake(INGEST_QUEUE);
    this.#events.changed(id);
    return toJob(requeued);
  }

  /** Yields the job at each change and ends with its end, which for a deleted clip's job is `cancelled`. */
  async *watch(id: string, signal?: AbortSignal): AsyncGenerator<Job> {
    let last = await this.get(id);
    yield last;
    while (!hasEnded(last) && !signal?.aborted) {
      await this.#events.next(id, signal);
      const row = await this.#jobs.get(id);
      const job: Job = row === null ? { ...last, status: 'cancelled' } : toJob(row);
      if (!isSame(last, job)) yield job;
      last = job;
    }
  }

  async #row(id: string): Promise<JobRow> {
    const row = await this.#jobs.get(id);
    if (row === null) throw new EarshotError('unknown_job', `There is no job ${id}.`, { subject: id });
    return row;
  }
}

/** Puts the job and its clip back to the start and the work back into the queue; null when it isn't over. */
export async function requeueIngest(session: Session, queue: JobQueue, row: JobRow): Promise<JobRow | null> {
  const requeued = await new JobRepository(session).requeue(row.id);
  if (requeued === null || row.clipId === null) return null;
  await new ClipRepository(session).setStatus(row.clipId, 'pending');
  const redriven = await queue.redrive(INGEST_QUEUE, { ids: [row.id], session });
  if (redriven.length === 0) {
    const payload: IngestPayload = { clipId: row.clipId };
    await queue.send(INGEST_QUEUE, payload, { id: row.id, session });
  }
  return requeued;
}

function hasEnded(job: Job): boolean {
  return job.status === 'done' || job.status === 'failed' || job.status === 'cancelled';
}

function isSame(a: Job, b: Job): boolean {
  return (
    a.status === b.status && a.stage === b.stage && a.progress === b.progress && a.attempts === b.attempts
  );
}
