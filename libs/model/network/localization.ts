/** Where the sound of a clip comes from, segment by segment, on the network's own engine. */
import type { FrontEnds, LocalizationCalibration } from '../checkpoint/manifest.ts';
import type { SegmentPlan } from '../embedding-model.ts';
import { LogMelFrontEnd } from '../front-ends/log-mel.ts';
import { logMelBatch } from '../front-ends/log-mel-batch.ts';
import { localizationInput, mapSide } from '../localization/localization-input.ts';
import { planLocalization } from '../localization/localization-plan.ts';
import { segmentLocalization } from '../localization/localizer.ts';
import { resizeMap } from '../localization/resize-map.ts';
import type { TensorFlowLocalizer } from '../localization/tensorflow-localizer.ts';
import { refuse, type VideoFrames } from './inputs.ts';

export interface SoundSourceLocalization {
  /**
   * One for each frame asked about, `[height * width]` of the frame's size: that the sound comes from there, 0..1 on a
   * scale that is the same for every clip.
   */
  maps: Float32Array[];
  /** The frames that the maps belong to. */
  frames: number[];
  /** From which value on a place counts as sounding. */
  mapThreshold: number;
  /** That something in the picture makes the sound, 0..1: of the surest segment. */
  confidence: number;
  /** Whether the confidence reaches the model's one threshold. */
  sounding: boolean;
}

export interface LocalizationParts {
  localizer: TensorFlowLocalizer;
  frontEnds: FrontEnds;
  plan: SegmentPlan;
  calibration: LocalizationCalibration;
  /** Unit vector of one segment's sound. */
  embedAudio(samples: Float32Array): Float32Array;
}

/** @param query a unit vector of another sound to look for; null: all that is heard */
export function localizeClip(
  samples: Float32Array,
  frames: VideoFrames,
  wanted: readonly number[],
  query: Float32Array | null,
  parts: LocalizationParts,
): SoundSourceLocalization {
  const { frontEnds, plan, calibration } = parts;
  const { video, audio } = frontEnds;
  const logMel = new LogMelFrontEnd(audio);
  const size = video.width * video.height * 3;
  const maps: Float32Array[] = [];
  let confidence = 0;
  for (const segment of planLocalization(frames.count, wanted, video.rateHz, plan)) {
    const { firstFrame, frameCount, startSec, chosen } = segment;
    const data = frames.data.subarray(firstFrame * size, (firstFrame + frameCount) * size);
    const heard = segmentOf(samples, startSec, plan.lengthSec, audio.sampleRateHz);
    const input = localizationInput(
      { data, count: frameCount },
      logMelBatch(logMel, [heard], audio),
      frontEnds,
      chosen,
    );
    const logits = parts.localizer.logitsSync(input, query ?? parts.embedAudio(heard));
    const found = segmentLocalization(logits, mapSide(video), heard, calibration);
    maps.push(...found.maps.map((map) => resizeMap(map, found.side, video.width, video.height)));
    confidence = Math.max(confidence, found.confidence);
  }
  const { mapThreshold, threshold } = calibration;
  return { maps, frames: [...wanted], mapThreshold, confidence, sounding: confidence >= threshold };
}

/** What is heard in a segment; where the sound has ended, silence. */
function segmentOf(samples: Float32Array, startSec: number, lengthSec: number, rateHz: number): Float32Array {
  const start = Math.round(startSec * rateHz);
  const end = Math.round((startSec + lengthSec) * rateHz);
  const heard = samples.subarray(start, end);
  if (heard.length >= rateHz * 0.1) return heard;
  const padded = new Float32Array(Math.round(rateHz * 0.1));
  padded.set(heard);
  return padded;
}

/**
 * @returns ascending, none twice; all of them unless told
 * @throws EarshotError `invalid_argument` for a frame that is not there
 */
export function checkWanted(wanted: readonly number[] | undefined, count: number): number[] {
  if (wanted === undefined) return Array.from({ length: count }, (_, i) => i);
  const bad = wanted.find((frame) => !Number.isInteger(frame) || frame < 0 || frame >= count);
  if (bad !== undefined || wanted.length === 0) {
    const message = `frames: choose whole numbers from 0 to ${count - 1}${bad === undefined ? ', at least one' : `, not ${bad}`}.`;
    throw refuse('invalid_argument', 'options.frames', message);
  }
  return [...new Set(wanted)].sort((a, b) => a - b);
}
