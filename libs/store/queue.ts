/**
 * The job queue: pg-boss's tables in our own database, embedded or PostgreSQL, so that a job can be sent in the
 * transaction that makes it necessary. Attempts are repeated with exponential backoff and jitter; what fails for
 * good lies with the dead letters until it is redriven; jobs of a worker that died are found by their missing
 * heartbeat.
 */
import PgBoss from 'pg-boss';
import { v4, v7 } from 'uuid';
import { EarshotError } from '#core/errors';
import type { Database, Session } from './database.ts';
import { type AbandonedListener, type Envelope, recoverAbandoned } from './queue-recovery.ts';
import { type JobHandler, QueueWorker } from './queue-worker.ts';

export interface QueueDefinition {
  /** Letters, digits, `_` and `-`. */
  name: string;
  /** Attempts after the first, default 3. */
  retryLimit?: number;
  /** Wait before the second attempt, doubled for each further one; whole seconds, default 5. */
  retryDelaySec?: number;
}

export interface JobQueueOptions {
  /**
   * True where this process alone uses the database, as the owner of an embedded data folder does: then every job
   * found in work at the start is an orphan and goes back to its queue at once.
   */
  soleOwner?: boolean;
  /** Default 500. */
  pollIntervalMs?: number;
  /** Default 5000. */
  heartbeatMs?: number;
  /** A job without a heartbeat for so long is given to another worker; default 30 000. */
  silentAfterMs?: number;
  /** Told of every job taken from a worker that died. */
  onAbandoned?: AbandonedListener;
  /** Failures of the queue itself (the database away ...); it goes on trying. */
  onError?: (error: unknown) => void;
}

export interface DeadLetter {
  id: string;
  payload: unknown;
  error: { code: string; message: string } | null;
  failedAt: Date;
}

const DAY_SEC = 86_400;
const START_LOCK = 0x4541_5251;

export class JobQueue {
  readonly #database: Database;
  readonly #boss: PgBoss;
  readonly #queues: Set<string>;
  readonly #options: Required<JobQueueOptions>;
  readonly #workers = new Map<string, QueueWorker>();
  readonly #workerId = v4();
  #timers: NodeJS.Timeout[] = [];
  #housekeeping: Promise<void> = Promise.resolve();

  private constructor(
    database: Database,
    boss: PgBoss,
    queues: string[],
    options: Required<JobQueueOptions>,
  ) {
    this.#database = database;
    this.#boss = boss;
    this.#queues = new Set(queues);
    this.#options = options;
  }

  /** Makes the queues where they are missing. The database is migrated already. */
  static async open(
    database: Database,
    definitions: readonly QueueDefinition[],
    options: JobQueueOptions = {},
  ): Promise<JobQueue> {
    const complete: Required<JobQueueOptions> = {
      soleOwner: false,
      pollIntervalMs: 500,
      heartbeatMs: 5000,
      silentAfterMs: 30_000,
      onAbandoned: async () => undefined,
      onError: () => undefined,
      ...options,
    };
    const boss = await startBoss(database, definitions, complete.onError);
    const names = definitions.map((definition) => definition.name);
    const queue = new JobQueue(database, boss, names, complete);
    if (complete.soleOwner) await queue.#recover(0);
    queue.#every(complete.heartbeatMs, () => queue.#beat());
    queue.#every(complete.silentAfterMs / 2, () => queue.#recover(complete.silentAfterMs));
    return queue;
  }

  /**
   * Adds a job. With a `session` it exists when that transaction commits: call `wake` then, or wait for the next
   * poll. `id` is chosen when left out.
   */
  async send(
    queue: string,
    payload: unknown,
    options: { id?: string; session?: Session } = {},
  ): Promise<string> {
    this.#assertKnown(queue);
    const envelope: Envelope = { id: options.id ?? v7(), payload };
    await this.#boss.send(queue, envelope, { db: options.session ?? this.#database });
    if (!options.session) this.wake(queue);
    return envelope.id;
  }

  /** Lets this process's worker look for jobs now. */
  wake(queue: string): void {
    this.#workers.get(queue)?.wake();
  }

  /**
   * Starts doing the queue's jobs, `concurrency` (default 1) at once.
   * @throws EarshotError `internal` when the queue has a handler already or does not exist
   */
  work<T>(queue: string, options: { concurrency?: number }, handler: JobHandler<T>): void {
    this.#assertKnown(queue);
    if (this.#workers.has(queue)) {
      throw new EarshotError('internal', `Queue "${queue}" has a handler already.`);
    }
    const worker = new QueueWorker({
      database: this.#database,
      boss: this.#boss,
      queue,
      workerId: this.#workerId,
      concurrency: options.concurrency ?? 1,
      pollIntervalMs: this.#options.pollIntervalMs,
      handler: handler as JobHandler<unknown>,
      onError: this.#options.onError,
    });
    this.#workers.set(queue, worker);
    worker.start();
  }

  /** @throws EarshotError `internal` naming the queues that nobody works on in this process */
  assertHandlers(queues: readonly string[]): void {
    const missing = queues.filter((queue) => !this.#workers.has(queue));
    if (missing.length > 0) throw new EarshotError('internal', `No handler for: ${missing.join(', ')}.`);
  }

  /** Takes the job out of the queue; in work, its signal fires. True when there was something to cancel. */
  async cancel(queue: string, id: string, options: { session?: Session } = {}): Promise<boolean> {
    this.#assertKnown(queue);
    const session = options.session ?? this.#database;
    const { rows } = await session.executeSql(
      `with gone as (
         update pgboss.job set state = 'cancelled', completed_on = now()
         where name = $1 and data->>'id' = $2 and state < 'completed' returning id),
       silent as (delete from queue_heartbeats where job_id in (select id from gone))
       select id from gone`,
      [queue, id],
    );
    if (!options.session) this.#workers.get(queue)?.abortJob(id, 'The job was cancelled.');
    return rows.length > 0;
  }

  /** What failed for good, oldest first. */
  async deadLetters(queue: string, limit = 100): Promise<DeadLetter[]> {
    this.#assertKnown(queue);
    const { rows } = await this.#database.executeSql(
      `select data, output, created_on as "failedAt" from pgboss.job
       where name = $1 and state = 'created' order by created_on, id limit $2`,
      [deadLetterQueue(queue), limit],
    );
    return (rows as unknown as { data: Envelope; output: DeadLetter['error']; failedAt: string }[]).map(
      (row) => ({
        ...row.data,
        error: row.output,
        failedAt: new Date(row.failedAt),
      }),
    );
  }

  /** Gives dead letters (all, or those of `ids`) back to their queue with fresh attempts; answers their ids. */
  async redrive(queue: string, options: { ids?: string[]; session?: Session } = {}): Promise<string[]> {
    this.#assertKnown(queue);
    const move = async (session: Session) => {
      const { rows } = await session.executeSql(
        `delete from pgboss.job where name = $1 and state = 'created'
           and ($2::text[] is null or data->>'id' = any($2::text[])) returning data`,
        [deadLetterQueue(queue), options.ids ?? null],
      );
      const letters = (rows as unknown as { data: Envelope }[]).map((row) => row.data);
      for (const { id, payload } of letters) await this.send(queue, payload, { id, session });
      return letters.map((letter) => letter.id);
    };
    if (options.session) return move(options.session);
    const ids = await this.#database.transaction(move);
    this.wake(queue);
    return ids;
  }

  /** How full the queue is, for metrics. */
  async counts(queue: string): Promise<{ queued: number; active: number; dead: number }> {
    this.#assertKnown(queue);
    const { rows } = await this.#database.executeSql(
      `select count(*) filter (where name = $1 and state < 'active')::int as queued,
              count(*) filter (where name = $1 and state = 'active')::int as active,
              count(*) filter (where name = $2 and state = 'created')::int as dead
       from pgboss.job where name in ($1, $2)`,
      [queue, deadLetterQueue(queue)],
    );
    return rows[0] as { queued: number; active: number; dead: number };
  }

  /** Waits `graceMs` (default 10 000) for jobs in work; what is unfinished then goes back to its queue. */
  async stop(options: { graceMs?: number } = {}): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop(options.graceMs ?? 10_000)));
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    await this.#housekeeping;
    await this.#boss.stop({ graceful: false, close: false });
  }

  #assertKnown(queue: string): void {
    if (!this.#queues.has(queue)) throw new EarshotError('internal', `There is no queue "${queue}".`);
  }

  /** Housekeeping runs one after the other, so that `stop` can wait for it. */
  #every(ms: number, task: () => Promise<void>): void {
    const timer = setInterval(() => {
      this.#housekeeping = this.#housekeeping.then(task).catch(this.#options.onError);
    }, ms);
    this.#timers.push(timer.unref());
  }

  async #beat(): Promise<void> {
    const ids = [...this.#workers.values()].flatMap((worker) => worker.activeIds());
    if (ids.length === 0) return;
    const { rows } = await this.#database.executeSql(
      `update queue_heartbeats set beat_at = clock_timestamp()
       where worker_id = $1 and job_id = any($2::uuid[]) returning job_id`,
      [this.#workerId, ids],
    );
    const owned = new Set(rows.map((row) => row.job_id));
    const lost = ids.filter((id) => !owned.has(id));
    for (const worker of this.#workers.values())
      worker.abort(lost, 'The job was cancelled or given to another worker.');
  }

  async #recover(silentAfterMs: number): Promise<void> {
    const { onAbandoned } = this.#options;
    const queues = [...this.#queues];
    if ((await recoverAbandoned(this.#database, this.#boss, { queues, silentAfterMs, onAbandoned })) > 0) {
      for (const queue of queues) this.wake(queue);
    }
  }
}

function deadLetterQueue(queue: string): string {
  return `${queue}-dead`;
}

async function startBoss(
  database: Database,
  definitions: readonly QueueDefinition[],
  onError: (error: unknown) => void,
): Promise<PgBoss> {
  const boss = new PgBoss({
    db: database,
    schedule: false,
    archiveCompletedAfterSeconds: 3600,
    archiveFailedAfterSeconds: 7 * DAY_SEC,
    deleteAfterDays: 7,
  });
  boss.on('error', onError);
  await oneAtATime(database, async () => {
    await boss.start();
    await createQueues(boss, definitions);
  });
  return boss;
}

/** Processes that make queues in the same moment would deadlock: pg-boss locks its tables in another order each time. */
async function oneAtATime(database: Database, work: () => Promise<void>): Promise<void> {
  // The embedded database has one process, and one connection, which the work itself needs.
  if (database.kind === 'pglite') return work();
  await database.transaction(async (session) => {
    await session.executeSql('select pg_advisory_xact_lock($1)', [START_LOCK]);
    await work();
  });
}

async function createQueues(boss: PgBoss, definitions: readonly QueueDefinition[]): Promise<void> {
  for (const definition of definitions) {
    const options = {
      retryLimit: definition.retryLimit ?? 3,
      retryDelay: definition.retryDelaySec ?? 5,
      retryBackoff: true,
      // Heartbeats find dead workers; this only ends what hangs.
      expireInSeconds: DAY_SEC - 3600,
      retentionMinutes: 30 * 24 * 60,
      deadLetter: deadLetterQueue(definition.name),
    };
    await boss.createQueue(deadLetterQueue(definition.name));
    await boss.createQueue(definition.name, { ...options, name: definition.name });
    await boss.updateQueue(definition.name, { ...options, name: definition.name });
  }
}
