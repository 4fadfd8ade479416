/** The shape of the shipped `mini` model: front ends, segments and towers. */
import type { FrontEnds } from '#model/checkpoint/manifest';
import { YAMNET_LOG_MEL } from '#model/front-ends/log-mel';
import type { CacheSpec } from './clip-cache.ts';

export const MINI_SEGMENTS = { lengthSec: 5, hopSec: 2.5 };

/** 496 frames are the most that fit into 5 s and into the trunk's stride of 8. */
const AUDIO = { ...YAMNET_LOG_MEL, frames: 496 };
const VIDEO = { rateHz: 4, width: 96, height: 96, fit: 'stretch' as const };

export const MINI_CACHE: CacheSpec = {
  audio: AUDIO,
  video: VIDEO,
  segmentSec: MINI_SEGMENTS.lengthSec,
  frameSize: 112,
};

/** @param audio mean and deviation of the training clips' log-mels */
export function miniFrontEnds(audio: { mean: number; deviation: number }): FrontEnds {
  return {
    audio: { ...AUDIO, normalization: audio },
    video: { ...VIDEO, normalization: { mean: [0.45, 0.45, 0.45], deviation: [0.25, 0.25, 0.25] } },
  };
}
