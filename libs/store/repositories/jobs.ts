/** What users see of the work in hand. The queue decides who does a job; these rows tell how it goes. */
import { and, asc, count, desc, eq, gt, inArray, lt, lte, or, sql } from 'drizzle-orm';
import { v7, validate } from 'uuid';
import type { Session } from '../database.ts';
import { type JobStatus, jobs, type StoredError } from '../schema.ts';
import { decodeCursor, type Page, pageOf } from './cursor.ts';

export type JobRow = typeof jobs.$inferSelect;

export class JobRepository {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** A queued job; give the same id to the queue. `id` is chosen when left out. */
  async create(job: { id?: string; kind: string; clipId: string | null }): Promise<JobRow> {
    const rows = await this.#session.db
      .insert(jobs)
      .values({ ...job, id: job.id ?? v7() })
      .returning();
    return rows[0] as JobRow;
  }

  async get(id: string): Promise<JobRow | null> {
    if (!validate(id)) return null;
    return (await this.#session.db.select().from(jobs).where(eq(jobs.id, id)))[0] ?? null;
  }

  /** Of a kind, the newest that has not ended. */
  async unfinished(kind: string): Promise<JobRow | null> {
    const rows = await this.#session.db
      .select()
      .from(jobs)
      .where(and(eq(jobs.kind, kind), inArray(jobs.status, ['queued', 'running'])))
      .orderBy(desc(jobs.createdAt), desc(jobs.id))
      .limit(1);
    return rows[0] ?? null;
  }

  /** The clip's newest job. */
  async latestForClip(clipId: string): Promise<JobRow | null> {
    if (!validate(clipId)) return null;
    const rows = await this.#session.db
      .select()
      .from(jobs)
      .where(eq(jobs.clipId, clipId))
      .orderBy(desc(jobs.createdAt), desc(jobs.id))
      .limit(1);
    return rows[0] ?? null;
  }

  /**
   * Newest first, equal times by id.
   * @throws EarshotError `invalid_argument` for a bad cursor
   */
  async list(options: { status?: JobStatus; limit: number; cursor?: string }): Promise<Page<JobRow>> {
    const after = options.cursor === undefined ? undefined : decodeCursor(options.cursor);
    const rows = await this.#session.db
      .select()
      .from(jobs)
      .where(
        and(
          options.status === undefined ? undefined : eq(jobs.status, options.status),
          after && lte(jobs.createdAt, after.createdAt),
          after &&
            or(
              lt(jobs.createdAt, after.createdAt),
              and(eq(jobs.createdAt, after.createdAt), gt(jobs.id, after.id)),
            ),
        ),
      )
      .orderBy(desc(jobs.createdAt), asc(jobs.id))
      .limit(options.limit + 1);
    return pageOf(rows, options.limit);
  }

  /** How many jobs there are in each status that any job is in. */
  async countByStatus(): Promise<Partial<Record<JobStatus, number>>> {
    const rows = await this.#session.db
      .select({ status: jobs.status, n: count() })
      .from(jobs)
      .groupBy(jobs.status);
    return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
  }

  /** A worker begins (or begins again); null when the job was cancelled or deleted meanwhile. */
  async start(id: string): Promise<JobRow | null> {
    return this.#set(id, ['queued', 'running', 'failed'], {
      status: 'running',
      error: null,
      progress: 0,
      finishedAt: null,
      attempts: sql`${jobs.attempts} + 1`,
    });
  }

  /** Null when the job is no longer running, which tells its worker to stop. */
  async setProgress(id: string, stage: string, progress: number): Promise<JobRow | null> {
    return this.#set(id, ['running'], { stage, progress: Math.min(1, Math.max(0, progress)) });
  }

  async finish(id: string): Promise<JobRow | null> {
    return this.#set(id, ['running'], { status: 'done', stage: 'done', progress: 1, finishedAt: sql`now()` });
  }

  async fail(id: string, error: StoredError): Promise<JobRow | null> {
    return this.#set(id, ['queued', 'running'], { status: 'failed', error, finishedAt: sql`now()` });
  }

  /** An attempt failed and the queue will try again: the job waits, and says why. */
  async waitForRetry(id: string, error: StoredError): Promise<JobRow | null> {
    return this.#set(id, ['running'], { status: 'queued', stage: 'queued', error });
  }

  async cancel(id: string): Promise<JobRow | null> {
    return this.#set(id, ['queued', 'running'], { status: 'cancelled', finishedAt: sql`now()` });
  }

  /** Puts a job that has failed or was cancelled back to the start; null when it is in any other state. */
  async requeue(id: string): Promise<JobRow | null> {
    return this.#set(id, ['failed', 'cancelled'], {
      status: 'queued',
      stage: 'queued',
      progress: 0,
      error: null,
      finishedAt: null,
    });
  }

  async #set(id: string, from: JobStatus[], change: JobUpdate): Promise<JobRow | null> {
    if (!validate(id)) return null;
    const rows = await this.#session.db
      .update(jobs)
      .set({ ...change, updatedAt: sql`now()` })
      .where(and(eq(jobs.id, id), inArray(jobs.status, from)))
      .returning();
    return rows[0] ?? null;
  }
}

type JobUpdate = Parameters<ReturnType<Session['db']['update']>['set']>[0] & Record<string, unknown>;
