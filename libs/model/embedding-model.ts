/**
 * What the rest of the product knows of a model: its identity, how its input must be decoded, and the towers.
 * `mini`, downloaded towers and a user's own ONNX files all answer this one interface.
 */

import type { SegmentLocalization } from './localization/localizer.ts';
import type { SegmentSources } from './localization/source-localizer.ts';
import type { SynchronizationAnswer, SynchronizationScene } from './synchronization/check-synchronization.ts';
import type { TowerResult, VideoTowerResult } from './towers/tower-backend.ts';

export interface ModelIdentity {
  id: string;
  version: string;
  dimension: number;
}

export interface SegmentPlan {
  lengthSec: number;
  hopSec: number;
}

export interface AudioInputSpec {
  sampleRateHz: number;
}

export interface VideoInputSpec {
  rateHz: number;
  width: number;
  height: number;
  fit: 'stretch' | 'cover';
}

/** One segment's picture: `[count, height, width, 3]` RGB bytes at the model's rate and size. */
export interface FrameBlock {
  data: Uint8Array;
  count: number;
}

/** Where in a segment's picture a sound comes from is asked with this. */
export interface LocalizationRequest {
  /** The segment's sound. */
  waveform: Float32Array;
  /** All frames of the segment: their movement counts, whichever of them are asked about. */
  block: FrameBlock;
  /** In which of the frames to localize. */
  frames: readonly number[];
  /** A unit vector of another sound to look for in this one; null: all that is heard. */
  query: Float32Array | null;
  /** Whether places that look alike are told apart by which of them moves as the sound goes; default yes. */
  synchrony?: boolean;
  /** Classes that sources are looked for of, whether they are found or not. */
  labels?: readonly string[];
}

/** A text in the model's space, with what of it was understood. */
export interface TextEmbedding {
  /** Unit length. */
  vector: Float32Array;
  /** What the model took the text to mean, in its own words. */
  understood: string[];
  /** Words that it left out because they mean nothing to it. */
  unknownWords: string[];
}

export interface EmbeddingModel {
  readonly identity: ModelIdentity;
  readonly segments: SegmentPlan;
  readonly audioInput: AudioInputSpec;
  readonly videoInput: VideoInputSpec;
  /** One unit vector `[dimension]` for each waveform (mono at `audioInput.sampleRateHz`), batched inside. */
  embedAudio(waveforms: readonly Float32Array[]): Promise<Float32Array[]>;
  /** One unit vector `[dimension]` for each block of frames. */
  embedVideo(blocks: readonly FrameBlock[]): Promise<Float32Array[]>;
  /** Of the frames, every so many are the tower's colour frames; missing where the model has only vectors. */
  readonly colourEveryFrames?: number;
  /** What the audio tower makes of one segment, step by step; missing where the model has only vectors. */
  audioFeatures?(waveform: Float32Array): Promise<TowerResult>;
  /**
   * What the video tower makes of one segment, step by step and place by place; missing likewise.
   *
   * @param mapFrames which of the tower's colour frames to answer the map of
   */
  videoFeatures?(block: FrameBlock, mapFrames: readonly number[]): Promise<VideoTowerResult>;
  /** Offset between sound and picture; missing where the model has no head for it. */
  checkSynchronization?(scene: SynchronizationScene): Promise<SynchronizationAnswer>;
  /**
   * Where the sound comes from, segment by segment; missing where the model's kind knows no places.
   *
   * @throws EarshotError `not_trained` for a model without a localization head
   */
  localize?(request: LocalizationRequest): Promise<SegmentLocalization>;
  /**
   * Which of its classes sound in a segment, and where; missing where the model has no grouping head.
   *
   * @param request whose `query` is not looked at
   */
  localizeSources?(request: LocalizationRequest): Promise<SegmentSources>;
  /** One vector for each text, in the same space; missing where the model has no text tower. */
  embedText?(texts: readonly string[]): Promise<TextEmbedding[]>;
  dispose(): void;
}
