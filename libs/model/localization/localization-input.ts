/** From one segment's decoded picture and sound to what the localization head takes. */
import type { FrontEnds } from '../checkpoint/manifest.ts';
import { normalisedFrames, type PixelBlock } from '../front-ends/video-batch.ts';
import { CELL_PIXELS, motionEvidence, movementOfFrames, soundCourse } from './motion-evidence.ts';

export interface LocalizationInput {
  /** How many frames. */
  count: number;
  /** `[count, height, width, 3]`, normalised. */
  frames: Float32Array;
  /** `[count, side, side, EVIDENCE_CHANNELS]` */
  evidence: Float32Array;
}

/** Cells along each side of a map. */
export function mapSide({ width }: FrontEnds['video']): number {
  return width / CELL_PIXELS;
}

/**
 * @param block  all frames of the segment, for their movement
 * @param logMel `[frames, bands]` of the segment's sound, normalised
 * @param chosen which of the frames to localize in
 */
export function localizationInput(
  block: PixelBlock,
  logMel: Float32Array,
  frontEnds: FrontEnds,
  chosen: readonly number[],
): LocalizationInput {
  const { audio, video } = frontEnds;
  const side = mapSide(video);
  const framesPerStep = 1 / (video.rateHz * audio.hopSec);
  const course = soundCourse(logMel, audio.bands, framesPerStep, block.count);
  const movement = movementOfFrames(block.data, block.count, video.width, side);
  return {
    count: chosen.length,
    frames: normalisedFrames(block.data, video, chosen),
    evidence: motionEvidence(movement, block.count, course, chosen),
  };
}
