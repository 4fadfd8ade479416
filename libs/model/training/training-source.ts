/** Where training takes its clips from. Reading and decoding are the caller's; here are only arrays. */
import type { SeededRandom } from '#core/random';

export interface TrainingBatch {
  /** Normalised, `[batch, melFrames, bands]`. */
  logMel: Float32Array;
  /** Of this batch; augmentation may show less than a whole clip. */
  melFrames: number;
  /** Normalised, `[batch * framesPerClip, height, width, 3]`. */
  frames: Float32Array;
  /** `[batch * framesPerClip]`, from each segment's start. */
  frameTimesSec: Float32Array;
  framesPerClip: number;
}

export interface TrainingSource {
  /** Number of clips. */
  readonly size: number;
  readonly bands: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  /** Class name of each clip: for class-level scores, and for the class loss where that has a weight. */
  readonly labels?: readonly string[];
  /**
   * @param sounds   clip index of each row's sound
   * @param pictures clip index of each row's picture: the same list, but for the shuffled-pairs control
   * @param random   augmentation draws from it; without it nothing is augmented and all frames are used
   */
  batch(sounds: readonly number[], pictures: readonly number[], random?: SeededRandom): TrainingBatch;
}
