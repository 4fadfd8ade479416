/** What travels between the pool and its worker threads. */
import type { FrameBlock, TextEmbedding } from '#model/embedding-model';
import type { ServingEngine } from '#model/load-model';

export type InferenceTask =
  | { kind: 'audio'; waveforms: Float32Array[] }
  | { kind: 'video'; blocks: FrameBlock[] }
  | { kind: 'text'; texts: string[] }
  | { kind: 'warm-up' };

export interface InferenceWorkerData {
  /** Absolute folder of the model's files. */
  modelFolder: string;
  /** URL of the module that exports `loadEmbeddingModel(folder, { engine })`. */
  modelModule: string;
  engine: ServingEngine;
}

/** A failure with its code: class instances lose their class on the way between threads. */
interface InferenceFailure {
  code: string;
  message: string;
}

export type InferenceAnswer =
  | { vectors: Float32Array[] }
  | { texts: TextEmbedding[] }
  | { failure: InferenceFailure };
