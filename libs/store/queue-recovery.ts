/**
 * Jobs whose worker is gone. A worker proves that it lives by a heartbeat for each job in work; pg-boss itself only
 * knows an expiry, which for long jobs is hours. What is found goes back to its queue at once, or, with its attempts
 * used up, to the dead letters.
 */
import type PgBoss from 'pg-boss';
import type { Database, Session } from './database.ts';

/** What pg-boss carries for us: our job's id survives dead letters and redrives, pg-boss's own does not. */
export interface Envelope {
  id: string;
  payload: unknown;
}

export interface AbandonedJob {
  id: string;
  queue: string;
  payload: unknown;
  /** False: its attempts are used up and it lies with the dead letters. */
  willRetry: boolean;
}

/** Told within the transaction that moves the job. */
export type AbandonedListener = (job: AbandonedJob, session: Session) => Promise<void>;

export interface RecoveryOptions {
  queues: readonly string[];
  /** Jobs without a heartbeat for so long are given up; 0 = every job in work, whoever has it. */
  silentAfterMs: number;
  onAbandoned: AbandonedListener;
}

/** Answers how many jobs were found. Several processes may do this at once. */
export async function recoverAbandoned(
  database: Database,
  boss: PgBoss,
  options: RecoveryOptions,
): Promise<number> {
  return database.transaction(async (session) => {
    const { rows } = await session.executeSql(
      `select id, name, data, retry_count < retry_limit as "willRetry" from pgboss.job
       where state = 'active' and name = any($1::text[])
         and ($2::float8 = 0 or not exists (
           select 1 from queue_heartbeats beat where beat.job_id = job.id
             and beat.beat_at > clock_timestamp() - $2::float8 * interval '1 millisecond'))
       for update skip locked`,
      [options.queues, options.silentAfterMs],
    );
    for (const row of rows as unknown as FoundRow[]) await giveUp(session, boss, row, options.onAbandoned);
    return rows.length;
  });
}

interface FoundRow {
  id: string;
  name: string;
  data: Envelope;
  willRetry: boolean;
}

async function giveUp(session: Session, boss: PgBoss, row: FoundRow, onAbandoned: AbandonedListener) {
  await session.executeSql('delete from queue_heartbeats where job_id = $1', [row.id]);
  if (row.willRetry) {
    // `started_on` stays, so that the next fetch counts this attempt: a job that kills its worker must end.
    await session.executeSql(
      `update pgboss.job set state = 'retry', start_after = now() where name = $1 and id = $2`,
      [row.name, row.id],
    );
  } else {
    await boss.fail(row.name, row.id, { code: 'internal', message: 'The worker died.' }, { db: session });
  }
  const { id, payload } = row.data;
  await onAbandoned({ id, queue: row.name, payload, willRetry: row.willRetry }, session);
}
