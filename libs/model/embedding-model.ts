/**
 * What the rest of the product knows of a model: its identity, how its input must be decoded, and the towers.
 * `mini`, downloaded towers and a user's own ONNX files all answer this one interface.
 */

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

export interface EmbeddingModel {
  readonly identity: ModelIdentity;
  readonly segments: SegmentPlan;
  readonly audioInput: AudioInputSpec;
  readonly videoInput: VideoInputSpec;
  /** One unit vector `[dimension]` for each waveform (mono at `audioInput.sampleRateHz`), batched inside. */
  embedAudio(waveforms: readonly Float32Array[]): Promise<Float32Array[]>;
  /** One unit vector `[dimension]` for each block of frames. */
  embedVideo(blocks: readonly FrameBlock[]): Promise<Float32Array[]>;
  dispose(): void;
}
