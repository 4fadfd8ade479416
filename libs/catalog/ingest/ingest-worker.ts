/** Starts and stops taking jobs: ingest, changes of models, and the embedding that those ask for. */
import type { Session } from '#store/database';
import type { QueueDefinition } from '#store/queue';
import type { AbandonedJob } from '#store/queue-recovery';
import {
  EMBED_QUEUE,
  type EmbedPayload,
  INGEST_QUEUE,
  type IngestPayload,
  MODEL_QUEUE,
  type ModelPayload,
} from '../jobs.ts';
import {
  changeModel,
  embedForChange,
  type ModelChangeParts,
  recordAbandonedChange,
} from '../model-change/change-model.ts';
import type { ModelChanges } from '../model-change/model-changes.ts';
import { ingestClip, recordAbandoned } from './ingest-clip.ts';

/** A change of models lasts, and each kill of its worker costs an attempt; a store may be away for minutes. */
export const QUEUES: readonly QueueDefinition[] = [
  { name: INGEST_QUEUE },
  { name: MODEL_QUEUE, retryLimit: 20 },
  { name: EMBED_QUEUE, retryLimit: 6 },
];

export class IngestWorker {
  readonly #parts: ModelChangeParts;
  readonly #changes: ModelChanges;
  readonly #concurrency: number;
  #starting: Promise<void> | null = null;

  constructor(parts: ModelChangeParts, changes: ModelChanges, concurrency: number) {
    this.#parts = parts;
    this.#changes = changes;
    this.#concurrency = concurrency;
  }

  /** Takes jobs from now on; calling it again changes nothing. */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    const parts = this.#parts;
    const concurrency = this.#concurrency;
    parts.outbox.start();
    parts.queue.work<IngestPayload>(INGEST_QUEUE, { concurrency }, (job, signal) =>
      ingestClip(job, signal, parts),
    );
    parts.queue.work<EmbedPayload>(EMBED_QUEUE, { concurrency }, (job, signal) =>
      embedForChange(job, signal, parts),
    );
    parts.queue.work<ModelPayload>(MODEL_QUEUE, {}, (job, signal) => changeModel(job, signal, parts));
    parts.queue.assertHandlers(QUEUES.map(({ name }) => name));
    await this.#changes.resume();
  }
}

/** Told of every job whose worker died. */
export async function recordAbandonedJob(job: AbandonedJob, session: Session): Promise<void> {
  if (job.queue === INGEST_QUEUE) await recordAbandoned(job, session);
  else if (job.queue === MODEL_QUEUE) await recordAbandonedChange(job, session);
}
