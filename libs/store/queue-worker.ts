/**
 * The loop that takes jobs from one queue and runs its handler. It is ours rather than pg-boss's because a job must
 * be completed only by the worker that still owns it, and each job of a batch on its own.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type PgBoss from 'pg-boss';
import { asEarshotError, EarshotError } from '#core/errors';
import type { Database, Session } from './database.ts';
import type { Envelope } from './queue-recovery.ts';

export interface QueueJob<T> {
  id: string;
  queue: string;
  payload: T;
  /** From 1. */
  attempt: number;
  /** Whether the queue will try again when the handler throws this error. */
  willRetry(error: unknown): boolean;
}

/**
 * Does a job; may be called twice for one job. What it throws fails the attempt: an EarshotError that is neither
 * `retryable` nor `internal` for good, anything else until the attempts are used up. The signal fires when the
 * process stops, or when the job was cancelled or given to another worker.
 */
export type JobHandler<T> = (job: QueueJob<T>, signal: AbortSignal) => Promise<void>;

export interface QueueWorkerOptions {
  database: Database;
  boss: PgBoss;
  queue: string;
  workerId: string;
  /** Jobs at once. */
  concurrency: number;
  pollIntervalMs: number;
  handler: JobHandler<unknown>;
  onError: (error: unknown) => void;
}

type FetchedJob = PgBoss.JobWithMetadata<Envelope>;

interface ActiveJob {
  job: FetchedJob;
  controller: AbortController;
  done: Promise<void>;
}

type Outcome = { kind: 'complete' } | { kind: 'release' } | { kind: 'fail'; error: unknown };

export class QueueWorker {
  readonly #options: QueueWorkerOptions;
  readonly #active = new Map<string, ActiveJob>();
  #stopping = false;
  #awake = false;
  #wakeSleeper: () => void = () => undefined;
  #loop: Promise<void> | undefined;

  constructor(options: QueueWorkerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Looks for jobs now instead of at the next poll. */
  wake(): void {
    this.#awake = true;
    this.#wakeSleeper();
  }

  /** pg-boss's ids of the jobs in work. */
  activeIds(): string[] {
    return [...this.#active.keys()];
  }

  /** Tells handlers that these jobs are no longer theirs. */
  abort(ids: Iterable<string>, reason: string): void {
    for (const id of ids) this.#active.get(id)?.controller.abort(new EarshotError('cancelled', reason));
  }

  /** As `abort`, by our own job id. */
  abortJob(jobId: string, reason: string): void {
    for (const [id, active] of this.#active) if (active.job.data.id === jobId) this.abort([id], reason);
  }

  /**
   * Takes no more jobs, waits `graceMs` for those in work, then aborts them; they go back to the queue as if never
   * taken. A handler that does not heed the signal is left behind.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.wake();
    await this.#loop;
    await this.#settledWithin(graceMs);
    this.abort(this.activeIds(), 'The process is stopping.');
    await this.#settledWithin(ABORT_GRACE_MS);
    for (const active of this.#active.values()) await this.#settle(active.job, { kind: 'release' });
  }

  async #settledWithin(ms: number): Promise<void> {
    if (this.#active.size === 0) return;
    const timer = new AbortController();
    const timeout = delay(ms, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([Promise.all([...this.#active.values()].map((active) => active.done)), timeout]);
    timer.abort();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      this.#awake = false;
      const free = this.#options.concurrency - this.#active.size;
      const jobs = free > 0 ? await this.#fetch(free) : [];
      for (const job of jobs) this.#begin(job);
      if (jobs.length < free || free <= 0) await this.#sleep();
    }
  }

  async #sleep(): Promise<void> {
    if (this.#awake) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.pollIntervalMs);
      this.#wakeSleeper = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Taking a job and its first heartbeat are one step, or another process could think it abandoned. */
  async #fetch(batchSize: number): Promise<FetchedJob[]> {
    const { database, boss, queue, workerId, onError } = this.#options;
    try {
      return await database.transaction(async (session) => {
        const jobs = await boss.fetch<Envelope>(queue, { batchSize, includeMetadata: true, db: session });
        for (const job of jobs) {
          await session.executeSql(
            `insert into queue_heartbeats (job_id, queue, worker_id, beat_at) values ($1, $2, $3, clock_timestamp())
             on conflict (job_id) do update set worker_id = excluded.worker_id, beat_at = excluded.beat_at`,
            [job.id, queue, workerId],
          );
        }
        return jobs;
      });
    } catch (error) {
      onError(error);
      return [];
    }
  }

  #begin(job: FetchedJob): void {
    const controller = new AbortController();
    const done = this.#attempt(job, controller.signal).finally(() => {
      this.#active.delete(job.id);
      this.wake();
    });
    this.#active.set(job.id, { job, controller, done });
  }

  async #attempt(job: FetchedJob, signal: AbortSignal): Promise<void> {
    const view: QueueJob<unknown> = {
      id: job.data.id,
      queue: job.name,
      payload: job.data.payload,
      attempt: job.retryCount + 1,
      willRetry: (error) => !isPermanent(error) && job.retryCount < job.retryLimit,
    };
    let outcome: Outcome = { kind: 'complete' };
    try {
      await this.#options.handler(view, signal);
    } catch (error) {
      outcome = signal.aborted && this.#stopping ? { kind: 'release' } : { kind: 'fail', error };
    }
    await this.#settle(job, outcome);
  }

  /** When the database is away the job stays as it is, falls silent, and is found and done again. */
  async #settle(job: FetchedJob, outcome: Outcome): Promise<void> {
    try {
      await this.#options.database.transaction((session) => this.#settleIn(session, job, outcome));
    } catch (error) {
      this.#options.onError(error);
    }
  }

  async #settleIn(session: Session, job: FetchedJob, outcome: Outcome): Promise<void> {
    const { boss, queue, workerId } = this.#options;
    const owned = await session.executeSql(
      'delete from queue_heartbeats where job_id = $1 and worker_id = $2 returning 1',
      [job.id, workerId],
    );
    if (owned.rows.length === 0) return;
    if (outcome.kind === 'complete') {
      await boss.complete(queue, job.id, {}, { db: session });
    } else if (outcome.kind === 'release') {
      // Without `started_on` the next fetch does not count as another attempt.
      await session.executeSql(
        `update pgboss.job set state = 'retry', started_on = null, start_after = now() where name = $1 and id = $2`,
        [queue, job.id],
      );
    } else {
      if (isPermanent(outcome.error)) {
        await session.executeSql(
          'update pgboss.job set retry_limit = retry_count where name = $1 and id = $2',
          [queue, job.id],
        );
      }
      const { code, message } = asEarshotError(outcome.error);
      await boss.fail(queue, job.id, { code, message }, { db: session });
    }
  }
}

/** How long a handler has to heed its signal. */
const ABORT_GRACE_MS = 5000;

function isPermanent(error: unknown): boolean {
  return error instanceof EarshotError && !error.retryable && error.code !== 'internal';
}
