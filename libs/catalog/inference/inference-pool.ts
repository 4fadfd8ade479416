/**
 * Worker threads that each hold one model, so that no tower ever runs on an event loop that answers requests. Each
 * engine computes on its own thread alone: the pool is what uses the cores.
 * Threads start with the first batch and rest after a while without work. Interactive requests are refused with
 * `overloaded` when too many wait; the bulk work of ingest waits its turn instead and never fills the queue.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';
import { Piscina } from 'piscina';
import { EarshotError, ERROR_CODES, type ErrorCode } from '#core/errors';
import type { FrameBlock, LocalizationRequest, TextEmbedding } from '#model/embedding-model';
import type { ServingEngine } from '#model/load-model';
import type {
  SynchronizationAnswer,
  SynchronizationScene,
} from '#model/synchronization/check-synchronization';
import type { TowerResult, VideoTowerResult } from '#model/towers/tower-backend';
import type {
  InferenceAnswer,
  InferenceJob,
  InferenceTask,
  InferenceWorkerData,
  LocalizedSegment,
} from './inference-task.ts';

export interface InferencePoolOptions {
  /** Absolute folder of the model's files. */
  modelFolder: string;
  /** Module that exports `loadEmbeddingModel(folder, { engine })`. */
  modelModule: string;
  /** What runs the towers; default `auto`. */
  engine?: ServingEngine;
  threads: number;
  /** Batches that may wait before interactive ones are refused. */
  queueLimit: number;
  /** From hand-over to answer, waiting and the first load of the model included. */
  timeoutSec: number;
}

export interface InferenceRunOptions {
  signal?: AbortSignal;
  /** Ingest: wait for a free place rather than be refused. */
  bulk?: boolean;
}

type Answer = Exclude<InferenceAnswer, { failure: unknown }>;

/** A thread keeps its model this long after its last batch. */
const IDLE_TIMEOUT_MS = 10 * 60_000;
const BULK_RETRY_MS = 50;
/**
 * A thread whose batch nobody waits for is told to stop, and ended only when it has not come back after another such
 * part of the time limit: native code that is cut off in the middle can take the whole process with it.
 */
const GRACE_PART = 0.25;
/** How long closing waits for the threads to come back. */
const CLOSE_GRACE_MS = 3000;

export class InferencePool {
  readonly #pool: Piscina<InferenceJob, InferenceAnswer>;
  readonly #timeoutSec: number;
  /** Batches in work and waiting together. */
  readonly #capacity: number;
  #outstanding = 0;
  /** One batch more than threads, so that the next one already lies there when a thread comes free. */
  readonly #bulk: ReturnType<typeof pLimit>;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: InferencePoolOptions) {
    const workerData: InferenceWorkerData = {
      modelFolder: options.modelFolder,
      modelModule: options.modelModule,
      engine: options.engine ?? 'auto',
    };
    this.#timeoutSec = options.timeoutSec;
    this.#capacity = options.threads + options.queueLimit;
    this.#bulk = pLimit(options.threads + 1);
    this.#pool = new Piscina({
      filename: new URL('./thread.js', import.meta.url).href,
      // The thread registers its own loader; the flags of the process that starts it are not its own.
      execArgv: [],
      workerData,
      minThreads: 0,
      maxThreads: options.threads,
      concurrentTasksPerWorker: 1,
      idleTimeout: IDLE_TIMEOUT_MS,
    });
    // A thread may still answer a batch that closing has given up, and nobody waits for that answer.
    this.#pool.on('error', (error) => {
      if (!this.#closing.signal.aborted) throw error;
    });
  }

  /** Loads the model in one thread, so that the first request need not wait for it. */
  async warmUp(): Promise<void> {
    await this.#run({ kind: 'warm-up' }, [], {});
  }

  /**
   * @param waveforms mono at the model's rate; their buffers are handed over and must not be used afterwards
   * @returns one unit vector for each
   */
  embedAudio(waveforms: Float32Array[], options: InferenceRunOptions = {}): Promise<Float32Array[]> {
    if (waveforms.length === 0) return Promise.resolve([]);
    return this.#vectors({ kind: 'audio', waveforms }, ownBuffers(waveforms), options);
  }

  /**
   * @param blocks frames at the model's rate and size; their buffers are handed over and must not be used afterwards
   * @returns one unit vector for each
   */
  embedVideo(blocks: FrameBlock[], options: InferenceRunOptions = {}): Promise<Float32Array[]> {
    if (blocks.length === 0) return Promise.resolve([]);
    return this.#vectors({ kind: 'video', blocks }, ownBuffers(blocks.map((block) => block.data)), options);
  }

  /**
   * What the audio tower makes of one segment, step by step.
   *
   * @param waveform as for `embedAudio`
   * @throws EarshotError `not_trained` where the model has only vectors
   */
  async audioFeatures(waveform: Float32Array, options: InferenceRunOptions = {}): Promise<TowerResult> {
    const answer = await this.#run({ kind: 'audio-features', waveform }, ownBuffers([waveform]), options);
    if ('audioFeatures' in answer) return answer.audioFeatures;
    throw new EarshotError('internal', 'The model answered no features.');
  }

  /**
   * What the video tower makes of one segment, step by step and place by place.
   *
   * @param block     as for `embedVideo`
   * @param mapFrames which of the tower's colour frames to answer the map of
   * @throws EarshotError `not_trained` where the model has only vectors
   */
  async videoFeatures(
    block: FrameBlock,
    mapFrames: readonly number[],
    options: InferenceRunOptions = {},
  ): Promise<VideoTowerResult> {
    const task = { kind: 'video-features' as const, block, mapFrames: [...mapFrames] };
    const answer = await this.#run(task, ownBuffers([block.data]), options);
    if ('videoFeatures' in answer) return answer.videoFeatures;
    throw new EarshotError('internal', 'The model answered no features.');
  }

  /**
   * Offset between sound and picture.
   *
   * @param scene its buffers are handed over and must not be used afterwards
   * @throws EarshotError `not_trained` where the model has no head for it, `too_short`
   */
  async checkSynchronization(
    scene: SynchronizationScene,
    options: InferenceRunOptions = {},
  ): Promise<SynchronizationAnswer> {
    const buffers = ownBuffers([scene.samples, scene.luma]);
    const answer = await this.#run({ kind: 'synchronization', scene }, buffers, options);
    if ('synchronization' in answer) return answer.synchronization;
    throw new EarshotError('internal', 'The model answered no offset.');
  }

  /**
   * Where the sound of one segment comes from.
   *
   * @param request its frames and samples are handed over and must not be used afterwards
   * @param options `named`: whether to tell the classes that the model knows apart; default no
   * @throws EarshotError `not_trained` where the model can't localize, or knows no names
   */
  async localize(
    request: LocalizationRequest,
    { named = false, ...options }: InferenceRunOptions & { named?: boolean } = {},
  ): Promise<LocalizedSegment> {
    const buffers = ownBuffers([request.waveform, request.block.data]);
    const answer = await this.#run({ kind: 'localize', request, named }, buffers, options);
    if ('localized' in answer) return answer.localized;
    throw new EarshotError('internal', 'The model answered no maps.');
  }

  /** @throws EarshotError `modality_missing` where the model has no text tower, `invalid_argument` as the tower */
  async embedText(text: string, options: InferenceRunOptions = {}): Promise<TextEmbedding> {
    const answer = await this.#run({ kind: 'text', texts: [text] }, [], options);
    const embedding = 'texts' in answer ? answer.texts[0] : undefined;
    if (embedding === undefined) throw new EarshotError('internal', 'The model answered no text.');
    return embedding;
  }

  /** Ends the threads; batches under way fail with `cancelled`. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.race([Promise.allSettled(this.#running), delay(CLOSE_GRACE_MS, undefined, { ref: false })]);
    await this.#pool.destroy();
  }

  async #vectors(
    task: InferenceTask,
    transfer: ArrayBuffer[],
    options: InferenceRunOptions,
  ): Promise<Float32Array[]> {
    const answer = await this.#run(task, transfer, options);
    return 'vectors' in answer ? answer.vectors : [];
  }

  async #run(task: InferenceTask, transfer: ArrayBuffer[], options: InferenceRunOptions): Promise<Answer> {
    if (!options.bulk) {
      if (this.#outstanding >= this.#capacity) throw overloaded();
      return this.#submit(task, transfer, options.signal);
    }
    return this.#bulk(async () => {
      // Interactive requests may have filled the queue: bulk work steps back until they are through.
      while (this.#outstanding >= this.#capacity) {
        this.#throwIfStopped(options.signal);
        await delay(BULK_RETRY_MS);
      }
      return this.#submit(task, transfer, options.signal);
    });
  }

  async #submit(task: InferenceTask, transfer: ArrayBuffer[], signal?: AbortSignal): Promise<Answer> {
    this.#throwIfStopped(signal);
    const timeout = AbortSignal.timeout(this.#timeoutSec * 1000);
    const unwanted = AbortSignal.any([timeout, this.#closing.signal, ...(signal ? [signal] : [])]);
    this.#outstanding += 1;
    let answer: InferenceAnswer;
    try {
      answer = await orAborted(this.#start(task, transfer, unwanted), unwanted);
    } catch (error) {
      this.#throwIfStopped(signal);
      throw this.#asPoolError(error, timeout);
    } finally {
      this.#outstanding -= 1;
    }
    this.#throwIfStopped(signal);
    if (!('failure' in answer)) return answer;
    const { code, message } = answer.failure;
    throw new EarshotError(isErrorCode(code) ? code : 'internal', message);
  }

  /** Hands the task to a thread; as soon as it is unwanted, the thread is told so. */
  #start(task: InferenceTask, transfer: ArrayBuffer[], unwanted: AbortSignal): Promise<InferenceAnswer> {
    const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const onUnwanted = () => Atomics.store(stop, 0, 1);
    unwanted.addEventListener('abort', onUnwanted, { once: true });
    const signal = AbortSignal.timeout((1 + GRACE_PART) * this.#timeoutSec * 1000);
    const running = this.#pool.run({ task, stop }, { transferList: transfer as never, signal });
    this.#running.add(running);
    // Piscina starts no thread in place of one that it ends until it is given another task: without one, what waits
    // already would wait for ever.
    const onEnded = () => void this.warmUp().catch(() => undefined);
    signal.addEventListener('abort', onEnded, { once: true });
    const ended = () => {
      unwanted.removeEventListener('abort', onUnwanted);
      signal.removeEventListener('abort', onEnded);
      this.#running.delete(running);
    };
    running.then(ended, ended);
    return running;
  }

  #throwIfStopped(signal: AbortSignal | undefined): void {
    if (signal?.aborted)
      throw new EarshotError('cancelled', 'The work was cancelled.', { cause: signal.reason });
    if (this.#closing.signal.aborted) throw new EarshotError('cancelled', 'The catalog is closing.');
  }

  #asPoolError(error: unknown, timeout: AbortSignal): EarshotError {
    if (timeout.aborted) {
      const message = `The model did not answer within ${this.#timeoutSec} s. Try again, or raise EARSHOT_INFERENCE_TIMEOUT_SEC.`;
      return new EarshotError('timeout', message, { cause: error, retryable: true });
    }
    if (this.#closing.signal.aborted) {
      return new EarshotError('cancelled', 'The catalog is closing.', { cause: error });
    }
    const message = `The inference worker failed: ${error instanceof Error ? error.message : String(error)}`;
    return new EarshotError('internal', message, { cause: error, retryable: true });
  }
}

/** Doesn't wait for a batch that nobody wants any more; its thread finishes it and takes the next. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', onAbort, { once: true });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function overloaded(): EarshotError {
  const message = 'Too many requests wait for the model. Try again in a few seconds.';
  return new EarshotError('overloaded', message, { retryable: true });
}

/** The buffers that can be handed over whole; a view into something larger is copied by the message instead. */
function ownBuffers(views: readonly (Float32Array | Uint8Array)[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const view of views) {
    if (view.buffer instanceof ArrayBuffer && view.byteLength === view.buffer.byteLength)
      buffers.add(view.buffer);
  }
  return [...buffers];
}

function isErrorCode(code: string): code is ErrorCode {
  return (ERROR_CODES as readonly string[]).includes(code);
}
