/**
 * The thread that separates, so that neither transforms nor networks run on an event loop that answers requests. It
 * starts with the first task and rests after a while without work; who comes when too many wait is refused.
 */
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { EarshotError, ERROR_CODES, type ErrorCode } from '#core/errors';
import type { Separation } from '../catalog-service.ts';
import type { SeparationJob } from './separate-media.ts';
import type { SeparationAnswer, SeparationTask } from './separation-task.ts';

const IDLE_TIMEOUT_MS = 10 * 60_000;
/** Files in work and waiting together. */
const CAPACITY = 8;

export interface SeparationRunOptions {
  signal?: AbortSignal | undefined;
  /** 0..1 */
  onProgress?: ((part: number) => void) | undefined;
}

export class SeparationPool {
  #pool: Piscina<SeparationTask, SeparationAnswer> | null = null;
  readonly #stops = new Set<Int32Array>();
  #outstanding = 0;

  /** @throws EarshotError `overloaded`, `cancelled`, and what `separateMedia` and loading the model say */
  async separate(
    job: SeparationJob,
    modelFolder: string,
    { signal, onProgress }: SeparationRunOptions = {},
  ): Promise<Separation> {
    if (this.#outstanding >= CAPACITY) {
      const message = 'Too many separations are waiting: try again in a minute.';
      throw new EarshotError('overloaded', message, { retryable: true });
    }
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (part: number) => onProgress?.(part));
    const halt = () => Atomics.store(stop, 0, 1);
    if (signal?.aborted) halt();
    signal?.addEventListener('abort', halt, { once: true });
    this.#stops.add(stop);
    this.#outstanding++;
    try {
      const task = { job, modelFolder, stop, progress: port2 };
      return filesOf(await this.#started().run(task, { transferList: [port2] }));
    } finally {
      this.#outstanding--;
      this.#stops.delete(stop);
      signal?.removeEventListener('abort', halt);
      port1.close();
    }
  }

  /** Tells what is in work to stop, and waits for it. */
  async close(): Promise<void> {
    for (const stop of this.#stops) Atomics.store(stop, 0, 1);
    await this.#pool?.close({ force: false });
  }

  #started(): Piscina<SeparationTask, SeparationAnswer> {
    this.#pool ??= new Piscina({
      filename: new URL('./thread.js', import.meta.url).href,
      // The thread registers its own loader; the flags of the process that starts it are not its own.
      execArgv: [],
      minThreads: 0,
      maxThreads: 1,
      concurrentTasksPerWorker: 1,
      idleTimeout: IDLE_TIMEOUT_MS,
    });
    return this.#pool;
  }
}

function filesOf(answer: SeparationAnswer): Separation {
  if ('files' in answer) return answer.files;
  const { code, message, subject } = answer.failure;
  const known = ERROR_CODES.find((candidate): candidate is ErrorCode => candidate === code);
  throw new EarshotError(known ?? 'internal', message, { subject });
}
