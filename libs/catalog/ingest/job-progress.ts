/** Writes a job's progress to its row, seldom enough to cost nothing, and notices when the job is no more. */
import type { Database } from '#store/database';
import { JobRepository } from '#store/repositories/jobs';
import type { JobEvents } from '../jobs.ts';

const WRITE_EVERY_MS = 250;

export class JobProgress {
  readonly #jobId: string;
  readonly #jobs: JobRepository;
  readonly #events: JobEvents;
  readonly #lost = new AbortController();
  #writing: Promise<void> = Promise.resolve();
  #writtenAt = 0;
  #latest: { stage: string; progress: number } | null = null;

  constructor(jobId: string, database: Database, events: JobEvents) {
    this.#jobId = jobId;
    this.#jobs = new JobRepository(database);
    this.#events = events;
  }

  /** Fires when the job was cancelled or deleted while it ran. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Written at once. */
  async set(stage: string, progress: number): Promise<void> {
    this.#latest = { stage, progress };
    await this.flush();
  }

  /** Written now and then; never waits. */
  report(stage: string, progress: number): void {
    this.#latest = { stage, progress };
    if (performance.now() - this.#writtenAt >= WRITE_EVERY_MS) void this.flush();
  }

  /** Writes what was reported last. */
  flush(): Promise<void> {
    this.#writtenAt = performance.now();
    // Progress is worth nothing to a job that can't be reached: the work itself will meet the same failure.
    this.#writing = this.#writing.then(() => this.#write()).catch(() => undefined);
    return this.#writing;
  }

  async close(): Promise<void> {
    this.#latest = null;
    await this.#writing;
  }

  async #write(): Promise<void> {
    const latest = this.#latest;
    if (latest === null) return;
    this.#latest = null;
    const row = await this.#jobs.setProgress(this.#jobId, latest.stage, latest.progress);
    if (row === null) this.#lost.abort();
    this.#events.changed(this.#jobId);
  }
}
