/** Where the sound of a clip comes from, segment by segment, on the network's own engine. */
import type { FrontEnds, GroupingCalibration, LocalizationCalibration } from '../checkpoint/manifest.ts';
import type { SegmentPlan } from '../embedding-model.ts';
import { LogMelFrontEnd } from '../front-ends/log-mel.ts';
import { logMelBatch } from '../front-ends/log-mel-batch.ts';
import { boxShaped } from '../localization/box-shape.ts';
import { type LocalizationInput, localizationInput, mapSide } from '../localization/localization-input.ts';
import { planLocalization } from '../localization/localization-plan.ts';
import { segmentLocalization } from '../localization/localizer.ts';
import { resizeMap } from '../localization/resize-map.ts';
import { soundSources } from '../localization/sound-sources.ts';
import type { Box } from '../localization/sounding-box.ts';
import { segmentSources } from '../localization/source-localizer.ts';
import { keepClassesInStep, keepInStep, synchronyInput } from '../localization/synchrony.ts';
import type { TensorFlowLocalizer } from '../localization/tensorflow-localizer.ts';
import type { TensorFlowSourceLocalizer } from '../localization/tensorflow-source-localizer.ts';
import type { PlaceEvidence, SynchronizationHead } from '../synchronization/synchronization-head.ts';
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

/** One thing of a known class that sounds in the picture. */
interface LocalizedSoundSource {
  label: string;
  /** That this class sounds in the picture, 0..1: of the surest segment. */
  probability: number;
  /** Around the place that sounds most of the time, in 0..1 of the frame. */
  box: Box;
  /** One for each frame asked about, `[height * width]` of the frame's size, 0..1. */
  maps: Float32Array[];
}

export interface SourcesLocalization {
  /** The surest first; two of a class, where they stand apart, are two. */
  sources: LocalizedSoundSource[];
  /** The frames that the maps belong to. */
  frames: number[];
  /** From which value on a place counts as sounding. */
  mapThreshold: number;
  /** From which probability on a class counts as a source. */
  threshold: number;
}

/** How clips are cut and taken. */
interface SegmentParts {
  frontEnds: FrontEnds;
  plan: SegmentPlan;
  /** Tells places that look alike apart; null where the model has none. */
  synchronization: SynchronizationHead | null;
}

interface LocalizationParts extends SegmentParts {
  localizer: TensorFlowLocalizer;
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
  const { calibration } = parts;
  const { video } = parts.frontEnds;
  const maps: Float32Array[] = [];
  let confidence = 0;
  for (const { input, heard, evidence } of segmentInputs(samples, frames, wanted, parts)) {
    const logits = parts.localizer.logitsSync(input, query ?? parts.embedAudio(heard));
    const found = segmentLocalization(logits, mapSide(video), heard, calibration);
    const told = (map: Float32Array) =>
      evidence && query === null ? keepInStep(map, found.side, evidence) : map;
    for (const map of found.maps) {
      const shaped = boxShaped(told(map), found.side, calibration.mapThreshold);
      maps.push(resizeMap(shaped, found.side, video.width, video.height));
    }
    confidence = Math.max(confidence, found.confidence);
  }
  const { mapThreshold, threshold } = calibration;
  return { maps, frames: [...wanted], mapThreshold, confidence, sounding: confidence >= threshold };
}

interface SourceParts extends SegmentParts {
  localizer: TensorFlowSourceLocalizer;
  /** Where all that is heard comes from; null where the model has no head for it. */
  all: Pick<LocalizationParts, 'localizer' | 'calibration' | 'embedAudio'> | null;
  labels: readonly string[];
  calibration: GroupingCalibration;
  /** `[steps, width]` of the audio tower for one segment's sound. */
  audioSteps(samples: Float32Array): Float32Array;
}

/** @param wanted in which frames to localize */
export function localizeSourcesOfClip(
  samples: Float32Array,
  frames: VideoFrames,
  wanted: readonly number[],
  parts: SourceParts,
): SourcesLocalization {
  const { localizer, labels, calibration } = parts;
  const { video } = parts.frontEnds;
  const side = mapSide(video);
  const segments = segmentInputs(samples, frames, wanted, parts).map(({ input, heard, evidence }) => {
    const logits = localizer.logitsSync(input, parts.audioSteps(heard));
    const sounding = parts.all && soundingMaps(parts.all, input, heard, side);
    const found = segmentSources(logits, { labels, side, samples: heard, sounding }, calibration);
    if (evidence) keepClassesInStep(found, evidence, calibration.threshold);
    return found;
  });
  const sources = soundSources(segments, calibration).map(({ maps, ...source }) => ({
    ...source,
    maps: maps.map((map) => resizeMap(map, side, video.width, video.height)),
  }));
  const { mapThreshold, threshold } = calibration;
  return { sources, frames: [...wanted], mapThreshold, threshold };
}

function soundingMaps(
  { localizer, calibration, embedAudio }: NonNullable<SourceParts['all']>,
  input: LocalizationInput,
  heard: Float32Array,
  side: number,
): Float32Array[] {
  return segmentLocalization(localizer.logitsSync(input, embedAudio(heard)), side, heard, calibration).maps;
}

/** Each segment with frames that are asked about, as the heads take it, in order of time. */
function segmentInputs(
  samples: Float32Array,
  frames: VideoFrames,
  wanted: readonly number[],
  { frontEnds, plan, synchronization }: SegmentParts,
): { input: LocalizationInput; heard: Float32Array; evidence: PlaceEvidence | null }[] {
  const { video, audio } = frontEnds;
  const logMel = new LogMelFrontEnd(audio);
  const size = video.width * video.height * 3;
  return planLocalization(frames.count, wanted, video.rateHz, plan).map((segment) => {
    const { firstFrame, frameCount: count, startSec, chosen } = segment;
    const data = frames.data.subarray(firstFrame * size, (firstFrame + count) * size);
    const heard = segmentOf(samples, startSec, plan.lengthSec, audio.sampleRateHz);
    const heardMel = logMelBatch(logMel, [heard], audio);
    const moving = synchronization && synchronyInput(frontEnds, heard, { data, count });
    const evidence = moving ? synchronization.places.placeEvidence(moving.sound, moving.motion) : null;
    return { input: localizationInput({ data, count }, heardMel, frontEnds, chosen), heard, evidence };
  });
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
