/** Starts and stops taking ingest jobs, and brings clips that the model has not embedded yet up to date. */
import type { VectorIndex } from '#store/index/vector-index';
import type { JobQueue } from '#store/queue';
import { ClipRepository } from '#store/repositories/clips';
import { JobRepository } from '#store/repositories/jobs';
import { ModelRepository } from '#store/repositories/models';
import { INGEST_QUEUE, type IngestPayload } from '../jobs.ts';
import { type IngestParts, ingestClip } from './ingest-clip.ts';

/** Name in the vector index that always means the live model's collection. */
export const INDEX_ALIAS = 'earshot';

const BACKFILL_PAGE = 500;

export class IngestWorker {
  readonly #parts: IngestParts;
  readonly #queue: JobQueue;
  readonly #index: VectorIndex;
  readonly #concurrency: number;
  #starting: Promise<void> | null = null;

  constructor(parts: IngestParts, queue: JobQueue, index: VectorIndex, concurrency: number) {
    this.#parts = parts;
    this.#queue = queue;
    this.#index = index;
    this.#concurrency = concurrency;
  }

  /** Takes jobs from now on; calling it again changes nothing. */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    this.#parts.outbox.start();
    this.#queue.work<IngestPayload>(INGEST_QUEUE, { concurrency: this.#concurrency }, async (job, signal) => {
      await ingestClip(job, signal, this.#parts);
      await this.#goLiveWhenComplete();
    });
    this.#queue.assertHandlers([INGEST_QUEUE]);
    await this.#backfill();
    await this.#goLiveWhenComplete();
  }

  /** Clips that were indexed with another model are embedded again with this one. */
  async #backfill(): Promise<void> {
    const { database, model } = this.#parts;
    for (;;) {
      const ids = await new ClipRepository(database).idsMissingEmbeddings(model.identity, {
        limit: BACKFILL_PAGE,
      });
      if (ids.length === 0) return;
      await database.transaction(async (session) => {
        for (const clipId of ids) {
          // No longer `indexed`, so that neither the next page nor another process takes it again.
          await new ClipRepository(session).setStatus(clipId, 'pending');
          const job = await new JobRepository(session).create({ kind: 'ingest', clipId });
          const payload: IngestPayload = { clipId };
          await this.#queue.send(INGEST_QUEUE, payload, { id: job.id, session });
        }
      });
      this.#queue.wake(INGEST_QUEUE);
    }
  }

  /** The model before stays the live one until every clip has been embedded with this one. */
  async #goLiveWhenComplete(): Promise<void> {
    const { database, model, logger } = this.#parts;
    const live = await new ModelRepository(database).live();
    if (live?.collection === model.indexCollection) return;
    const clips = new ClipRepository(database);
    const waiting =
      (await clips.count({ status: 'pending' })) + (await clips.count({ status: 'processing' }));
    if (waiting > 0) return;
    await goLive(this.#parts, this.#index);
    logger.info({ model: model.identity }, 'every clip is embedded with the model: it is live');
  }
}

/** Makes the model the one that the alias means. */
export async function goLive({ database, model }: IngestParts, index: VectorIndex): Promise<void> {
  await database.transaction((session) => new ModelRepository(session).makeLive(model.indexCollection));
  await index.setAlias(INDEX_ALIAS, model.indexCollection);
}
