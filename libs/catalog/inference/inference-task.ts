/** What travels between the pool and its worker threads. */
import type { FrameBlock, LocalizationRequest, TextEmbedding } from '#model/embedding-model';
import type { ServingEngine } from '#model/load-model';
import type { SegmentLocalization } from '#model/localization/localizer';
import type { SegmentSources } from '#model/localization/source-localizer';
import type {
  SynchronizationAnswer,
  SynchronizationScene,
} from '#model/synchronization/check-synchronization';
import type { TowerResult, VideoTowerResult } from '#model/towers/tower-backend';

export type InferenceTask =
  | { kind: 'audio'; waveforms: Float32Array[] }
  | { kind: 'video'; blocks: FrameBlock[] }
  | { kind: 'audio-features'; waveform: Float32Array }
  | { kind: 'video-features'; block: FrameBlock; mapFrames: number[] }
  | { kind: 'synchronization'; scene: SynchronizationScene }
  | { kind: 'localize'; request: LocalizationRequest; named: boolean }
  | { kind: 'text'; texts: string[] }
  | { kind: 'warm-up' };

/** A task on its way to a thread. */
export interface InferenceJob {
  task: InferenceTask;
  /** One number in shared memory: not 0 as soon as nobody waits for the answer any more. */
  stop: Int32Array;
}

export interface InferenceWorkerData {
  /** Absolute folder of the model's files. */
  modelFolder: string;
  /** URL of the module that exports `loadEmbeddingModel(folder, { engine })`. */
  modelModule: string;
  engine: ServingEngine;
}

/** Where the sound of one segment comes from, and by which names. */
export interface LocalizedSegment {
  found: SegmentLocalization;
  /** Of every class that the model knows; null where names were not asked for. */
  sources: SegmentSources | null;
}

/** A failure with its code: class instances lose their class on the way between threads. */
interface InferenceFailure {
  code: string;
  message: string;
}

export type InferenceAnswer =
  | { vectors: Float32Array[] }
  | { audioFeatures: TowerResult }
  | { videoFeatures: VideoTowerResult }
  | { synchronization: SynchronizationAnswer }
  | { localized: LocalizedSegment }
  | { texts: TextEmbedding[] }
  | { failure: InferenceFailure };
