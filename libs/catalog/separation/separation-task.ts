/** What travels between the catalog and its separation thread. */
import type { MessagePort } from 'node:worker_threads';
import type { Separation } from '../catalog-service.ts';
import type { SeparationJob } from './separate-media.ts';

export interface SeparationTask {
  job: SeparationJob;
  /** Absolute folder of the separation model. */
  modelFolder: string;
  /** One number in shared memory: not 0 as soon as nobody waits for the answer any more. */
  stop: Int32Array;
  /** Receives the part that is done, 0..1. */
  progress: MessagePort;
}

/** A failure with its code: class instances lose their class on the way between threads. */
export type SeparationAnswer =
  | { files: Separation }
  | { failure: { code: string; message: string; subject?: string | undefined } };
