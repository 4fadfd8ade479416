/**
 * Brings the vector index up to what PostgreSQL says. The rows it applies are written in the transaction that
 * changes the data, and each may be applied twice, so a process that dies on the way leaves nothing undone and
 * nothing doubled.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { asEarshotError, EarshotError } from '#core/errors';
import type { Database } from '#store/database';
import type { VectorIndex } from '#store/index/vector-index';
import { ClipRepository } from '#store/repositories/clips';
import { EmbeddingRepository } from '#store/repositories/embeddings';
import { OutboxRepository, type OutboxRow, takeOutboxBatch } from '#store/repositories/outbox';

const BATCH_ROWS = 32;
const BATCH_POINTS = 256;
/** Rows of other processes that died, and rows that wait after a failure, are found at this pace. */
const POLL_MS = 2000;
const WAIT_STEP_MS = 100;
/** Longer than any hiccup of the index; the job is tried again later then. */
const MAX_WAIT_MS = 5 * 60_000;

export class OutboxWorker {
  readonly #database: Database;
  readonly #index: VectorIndex;
  readonly #logger: Logger;
  readonly #outbox: OutboxRepository;
  #draining: Promise<void> | null = null;
  #again = false;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(database: Database, index: VectorIndex, logger: Logger) {
    this.#database = database;
    this.#index = index;
    this.#logger = logger;
    this.#outbox = new OutboxRepository(database);
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.drain(), POLL_MS);
    this.#timer.unref();
    void this.drain();
  }

  /** Applies every row that can be taken now; failures are logged, and their rows come again later. */
  drain(): Promise<void> {
    if (this.#draining !== null) {
      // The run under way may have looked already: it looks once more before it ends.
      this.#again = true;
      return this.#draining;
    }
    this.#draining = this.#drainAll().finally(() => {
      this.#draining = null;
    });
    return this.#draining;
  }

  /**
   * Resolves when nothing of the clip waits to be applied any more, here or in another process.
   *
   * @throws EarshotError `index_unavailable` when that takes too long, `cancelled`
   */
  async settled(clipId: string, signal?: AbortSignal): Promise<void> {
    const giveUpAt = performance.now() + MAX_WAIT_MS;
    for (;;) {
      await this.drain();
      if ((await this.#pendingFor(clipId)) === 0) return;
      if (signal?.aborted)
        throw new EarshotError('cancelled', 'The work was cancelled.', { cause: signal.reason });
      if (this.#closed) throw new EarshotError('cancelled', 'The catalog is closing.');
      if (performance.now() > giveUpAt) {
        const message =
          'The vector index takes no points. Check that it runs; the clip is tried again later.';
        throw new EarshotError('index_unavailable', message, { retryable: true });
      }
      await delay(WAIT_STEP_MS);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#draining;
  }

  async #drainAll(): Promise<void> {
    try {
      do {
        this.#again = false;
        while (!this.#closed) {
          const rows = await takeOutboxBatch(this.#database, BATCH_ROWS);
          if (rows.length === 0) break;
          await this.#applyAll(rows);
        }
      } while (this.#again && !this.#closed);
    } catch (error) {
      this.#logger.warn({ err: error }, 'the index outbox could not be read');
    }
  }

  async #applyAll(rows: readonly OutboxRow[]): Promise<void> {
    const failedClips = new Set<string>();
    for (const row of rows) {
      // A later row of a clip must not overtake one that failed.
      if (failedClips.has(row.clipId)) {
        await this.#outbox.fail(row.id);
        continue;
      }
      try {
        await this.#apply(row);
        await this.#outbox.complete([row.id]);
      } catch (error) {
        failedClips.add(row.clipId);
        this.#logger.warn(
          { err: error, clipId: row.clipId, operation: row.operation },
          'the index refused a change',
        );
        await this.#outbox.fail(row.id);
      }
    }
  }

  async #apply(row: OutboxRow): Promise<void> {
    try {
      if (row.operation === 'upsert') await this.#upsert(row);
      else if (row.operation === 'delete') await this.#delete(row);
      else await this.#updatePayload(row);
    } catch (error) {
      // The collection of a model that was retired meanwhile: there is nothing left to bring up to date.
      if (asEarshotError(error).code !== 'not_found') throw error;
    }
  }

  async #upsert(row: OutboxRow): Promise<void> {
    const embeddings = new EmbeddingRepository(this.#database);
    for (let start = 0; start < row.pointIds.length; start += BATCH_POINTS) {
      // Read now rather than when the row was written: what was deleted or retagged since counts.
      const points = await embeddings.forPoints(row.pointIds.slice(start, start + BATCH_POINTS));
      if (points.length > 0) await this.#index.upsert(row.indexCollection, points);
    }
  }

  /** Without point ids: everything of the clip. */
  async #delete(row: OutboxRow): Promise<void> {
    if (row.pointIds.length > 0) await this.#index.deletePoints(row.indexCollection, row.pointIds);
    else await this.#index.deleteClips(row.indexCollection, [row.clipId]);
  }

  async #updatePayload(row: OutboxRow): Promise<void> {
    const clip = await new ClipRepository(this.#database).get(row.clipId);
    if (clip === null) return;
    const { collection, tags } = clip;
    await this.#index.updateClipPayload(row.indexCollection, row.clipId, { collection, tags });
  }

  async #pendingFor(clipId: string): Promise<number> {
    const { rows } = await this.#database.executeSql(
      'select count(*)::int as pending from index_outbox where clip_id = $1::uuid',
      [clipId],
    );
    return Number(rows[0]?.pending ?? 0);
  }
}
