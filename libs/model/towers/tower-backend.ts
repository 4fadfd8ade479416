/**
 * What runs the towers: TensorFlow.js, as in training, or ONNX Runtime, which serves. Both take the front ends' arrays
 * and answer the same numbers to 1e-4.
 */
import type { VideoBatch } from '../front-ends/video-batch.ts';

export interface FloatTensor {
  /** Row by row. */
  data: Float32Array;
  shape: readonly number[];
}

export interface TowerResult {
  /** `[batch, dimension]`, unit length. */
  embedding: FloatTensor;
  /** `[batch, steps, tokenWidth]` */
  steps: FloatTensor;
  /** `[batch, steps, alignmentDimension]`, unit length; null where the tower has no such head. */
  alignment: FloatTensor | null;
}

export interface VideoTowerResult extends TowerResult {
  /** `[selected, height / 16, width / 16, channels]`: what was seen, and where. */
  map: FloatTensor;
  /** The map in the shared space, unit length at each position; null where the tower has no such head. */
  positions: FloatTensor | null;
}

export interface TowerBackend {
  /** @param logMel `[batch, frames, bands]`, normalised; frames a multiple of 8 */
  audio(logMel: Float32Array, batch: number): Promise<TowerResult>;
  /**
   * @param input     of `batch` segments
   * @param mapFrames which colour frames, counted through the whole batch, to answer the map of; those left out cost
   *                  no time on ONNX Runtime
   */
  video(input: VideoBatch, batch: number, mapFrames?: readonly number[]): Promise<VideoTowerResult>;
  dispose(): void;
}
