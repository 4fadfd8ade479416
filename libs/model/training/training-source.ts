/** Where training takes its clips from. Reading and decoding are the caller's; here are only arrays. */

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
  /** For towers that see motion: `[batch * motionSteps, size / 2, size / 2, 8]`, see `front-ends/motion.ts`; else null. */
  motion: Float32Array | null;
  motionSteps: number;
  /** `[batch * motionSteps]`, from each segment's start. */
  motionTimesSec: Float32Array;
  /** `[batch]`: steps by which each row's picture lags behind its sound, one of `ALIGNMENT_SHIFTS`. */
  lagSteps: Int8Array;
  /** Of rows behind the pairs, whose sound and picture do not belong together; see `teaching.ts`. */
  taught?: TaughtRows | undefined;
}

export interface TaughtRows {
  count: number;
  /** `[count, classes]`: the teacher's distribution for each row's sound. */
  sounds: Float32Array;
  /** `[count, classes]`: likewise for its picture. */
  pictures: Float32Array;
}

export interface BatchRequest {
  /** Clip index of each row's sound. */
  sounds: readonly number[];
  /** Clip index of each row's picture: the same list, but for the shuffled-pairs control. */
  pictures: readonly number[];
  /** Augmentation draws from it; with null nothing is augmented and whole clips are shown. */
  seed: string | null;
  /** How far the run is, 0..1: augmentation may follow a schedule. */
  progress: number;
}

/** What a batch's arrays mean, and its clips' classes. */
export interface SourceShape {
  readonly bands: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  /** Side of the motion frames; 0 where there are none. */
  readonly motionSize: number;
  /** Class name of each clip: for class-level scores, and for the class loss where that has a weight. */
  readonly labels?: readonly string[] | undefined;
}

export interface TrainingSource extends SourceShape {
  /** Number of clips. */
  readonly size: number;
  /** What its batches depend on besides the request; a resumed run must find the same. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /** Equal requests give equal batches, in whatever order they come: a source may prepare them ahead. */
  batch(request: BatchRequest): Promise<TrainingBatch>;
}
