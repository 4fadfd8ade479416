/**
 * Which of the known classes sound in one segment, and where: from the grouping network's logits to probabilities and
 * maps on an absolute scale.
 */
import { plattProbability } from '../calibration/platt.ts';
import type { GroupingCalibration } from '../checkpoint/manifest.ts';
import type { LocalizationInput } from './localization-input.ts';
import { isSilent, soundingEvidence } from './localizer.ts';

/** What the grouping network answers of one segment. */
export interface GroupingLogits {
  /** `[frames, classes, cells]` */
  places: Float32Array;
  /** `[classes]` */
  heard: Float32Array;
  /** `[frames, classes]` */
  seen: Float32Array;
}

/** Runs trunk and grouping network. */
export interface SourceLocalizer {
  /** @param steps `[steps, width]` of the audio tower */
  logits(input: LocalizationInput, steps: Float32Array): Promise<GroupingLogits>;
  dispose(): void;
}

export interface SegmentSources {
  /** Of the classes. */
  labels: readonly string[];
  /** Cells along each side of a map. */
  side: number;
  /** `[classes]`: that the class sounds in the picture, 0..1. */
  probabilities: Float32Array;
  /** By frame and class, `[side * side]` each: that the class sounds there, 0..1. */
  maps: Float32Array[][];
}

/**
 * What speaks for each class: as much as it is heard, and seen, and has a place. Each is a logarithm of a probability,
 * so that none makes up for another; over the frames their mean.
 *
 * @returns `[classes]`, at most 0
 */
export function sourceEvidence({ places, heard, seen }: GroupingLogits): Float32Array {
  const classes = heard.length;
  const frames = seen.length / classes;
  const cells = places.length / seen.length;
  return heard.map((logit, of) => {
    let sum = 0;
    for (let frame = 0; frame < frames; frame++) {
      const at = frame * classes + of;
      const place = soundingEvidence(places.subarray(at * cells, (at + 1) * cells), cells);
      sum += logProbability(seen[at] as number) + logProbability(place);
    }
    return logProbability(logit) + sum / frames;
  });
}

/**
 * @param labels  of the classes
 * @param samples what is heard in the segment; silence has no sources
 */
export function segmentSources(
  logits: GroupingLogits,
  labels: readonly string[],
  side: number,
  samples: Float32Array,
  { map, source }: GroupingCalibration,
): SegmentSources {
  const silent = isSilent(samples);
  const classes = labels.length;
  const cells = side * side;
  const probabilityAt = (logit: number) => (silent ? 0 : plattProbability(map, logit));
  const mapOf = (frame: number, of: number) => {
    const at = (frame * classes + of) * cells;
    return logits.places.slice(at, at + cells).map(probabilityAt);
  };
  return {
    ...{ labels, side },
    probabilities: sourceEvidence(logits).map((value) => (silent ? 0 : plattProbability(source, value))),
    maps: Array.from({ length: logits.seen.length / classes }, (_, frame) =>
      Array.from({ length: classes }, (_, of) => mapOf(frame, of)),
    ),
  };
}

/** Logarithm of the logistic function. */
function logProbability(logit: number): number {
  return logit >= 0 ? -Math.log1p(Math.exp(-logit)) : logit - Math.log1p(Math.exp(logit));
}
