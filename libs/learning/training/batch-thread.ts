/**
 * Batches made in a thread of their own, so that a training step never waits for a crop or a logarithm. The caches
 * lie in shared memory: the thread sees them without a copy, and its batches are handed over, not copied either.
 */
import { Piscina } from 'piscina';
import { EarshotError } from '#core/errors';
import type { TrainingBatch, TrainingSource } from '#model/training/training-source';
import type { BatchTask, SourceSpecs } from './batch-task.ts';
import { CachedSource } from './cached-source.ts';

export class BatchThread<Name extends string> {
  readonly #pool: Piscina<BatchTask, TrainingBatch>;
  readonly #specs: Record<Name, SourceSpecs[string]>;
  #closed = false;

  /** The thread starts at once; `close` ends it. */
  constructor(specs: Record<Name, SourceSpecs[string]>) {
    this.#specs = specs;
    this.#pool = new Piscina<BatchTask, TrainingBatch>({
      filename: new URL('./batch-worker.ts', import.meta.url).href,
      execArgv: ['--import', import.meta.resolve('tsx')],
      workerData: specs,
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: 1,
    });
  }

  /**
   * The source of that name; its batches are the same as those of a `CachedSource` of this thread. They are made in
   * the order in which they are asked for, so whoever asks one step ahead does not wait.
   *
   * @throws EarshotError (from `batch`) `cancelled` after `close`, `internal` where the thread failed
   */
  source(name: Name): TrainingSource {
    const { cache, frontEnds, motionSize, augmentation } = this.#specs[name];
    const { size, bands, frameWidth, frameHeight, labels, settings } = new CachedSource(
      cache,
      frontEnds,
      motionSize,
      augmentation,
    );
    const shape = { size, bands, frameWidth, frameHeight, motionSize, labels, settings };
    return { ...shape, batch: (request) => this.#prepare({ source: name, request }) };
  }

  /** Ends the thread; batches that are still awaited fail with `cancelled`. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.destroy();
  }

  async #prepare(task: BatchTask): Promise<TrainingBatch> {
    try {
      if (!this.#closed) return await this.#pool.run(task);
    } catch (error) {
      if (!this.#closed) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new EarshotError('internal', `A batch could not be prepared: ${reason}`, { cause: error });
      }
    }
    throw new EarshotError('cancelled', 'The thread that prepares batches has been closed.');
  }
}
