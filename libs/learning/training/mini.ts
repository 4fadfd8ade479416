/** The shape of the shipped `mini` model: front ends, segments and towers. */
import type { FrontEnds } from '#model/checkpoint/manifest';
import { YAMNET_LOG_MEL } from '#model/front-ends/log-mel';
import { AUDIO_TIME_STRIDE } from '#model/towers/audio-tower';
import type { CacheSpec } from './clip-cache.ts';

export const MINI_SEGMENTS = { lengthSec: 5, hopSec: 2.5 };

/** 496 frames are the most that fit into 5 s and into the trunk's stride of 8. */
const AUDIO = { ...YAMNET_LOG_MEL, frames: 496 };
/** Motion at the rate of the audio tower's tokens, colour at a third of it. */
const VIDEO = { rateHz: 12.5, width: 96, height: 96, fit: 'stretch' as const, colourEveryFrames: 3 };

/**
 * Augmentation crops to between 0.7 and 1 of the side, so that things look larger to the towers that learn than they
 * are. Of the parts tried on validation clips (docs/evaluation.md) this one found the most partners.
 */
const VIEWS = { centrePart: 0.82, mirrored: true, colourEveryFrames: 9 };

export const MINI_CACHE: CacheSpec = {
  audio: AUDIO,
  video: VIDEO,
  segmentSec: MINI_SEGMENTS.lengthSec,
  frameSize: 112,
  lumaSize: 56,
  steps: AUDIO.frames / AUDIO_TIME_STRIDE,
};

/** @param audio mean and deviation of the training clips' log-mels */
export function miniFrontEnds(audio: { mean: number; deviation: number }): FrontEnds {
  return {
    audio: { ...AUDIO, normalization: audio },
    video: {
      ...VIDEO,
      views: VIEWS,
      normalization: { mean: [0.45, 0.45, 0.45], deviation: [0.25, 0.25, 0.25] },
    },
  };
}
