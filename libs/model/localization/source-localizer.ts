/**
 * Which of the known classes sound in one segment, and where: from the grouping network's logits to probabilities and
 * maps on an absolute scale.
 */
import { plattProbability } from '../calibration/platt.ts';
import type { GroupingCalibration } from '../checkpoint/manifest.ts';
import { meanOf } from '../metrics/mean-of.ts';
import { dividePlaces } from './divide-places.ts';
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

/** What is as unlikely as this sounds nowhere; most classes are. */
const LEAST_PROBABILITY = 0.05;

/** What is known of a segment beside what the grouping network answers. */
export interface SegmentContext {
  /** Of the classes. */
  labels: readonly string[];
  /** Cells along each side of a map. */
  side: number;
  /** What is heard; silence has no sources. */
  samples: Float32Array;
  /** One a frame, `[side * side]`: that anything sounds there, 0..1; null for a model without a localization head. */
  sounding: readonly Float32Array[] | null;
  /** Classes that are looked for whether they are found or not. */
  asked?: readonly string[];
}

/**
 * The classes that are found share what sounds; one that is asked about and not found shares it with them. The map of
 * any other class is what the network says of it alone.
 */
export function segmentSources(
  logits: GroupingLogits,
  context: SegmentContext,
  calibration: GroupingCalibration,
): SegmentSources {
  const { labels, side, asked = [] } = context;
  const silent = isSilent(context.samples);
  const probabilities = sourceEvidence(logits).map((value) =>
    silent ? 0 : plattProbability(calibration.source, value),
  );
  const classes = labels.map((_, of) => of);
  const found = classes.filter((of) => (probabilities[of] as number) >= calibration.threshold);
  const missed = classes.filter((of) => asked.includes(labels[of] as string) && !found.includes(of));
  const places = placesByFrame(logits, side * side);
  const nowhere = new Float32Array(side * side);
  const isSomewhere = (of: number) =>
    !silent && ((probabilities[of] as number) >= LEAST_PROBABILITY || missed.includes(of));
  const alone = places.map((byClass) =>
    byClass.map((place, of) =>
      isSomewhere(of) ? place.map((logit) => plattProbability(calibration.map, logit)) : nowhere,
    ),
  );
  const claims = claimsOf(places, [...found, ...missed], calibration);
  const maps = alone.map((own, frame) => {
    if (silent) return own;
    const share = (among: readonly number[]) => {
      const named = largest(among.map((of) => own[of] as Float32Array));
      const sounding = context.sounding?.[frame];
      return dividePlaces(
        sounding ? meanOf([sounding, named]) : named,
        among.map((of) => claims.get(of)?.[frame] as Float32Array),
        side,
      );
    };
    const parts = new Map(missed.map((of) => [of, share([of, ...found])[0] as Float32Array]));
    const divided = found.length > 0 ? share(found) : [];
    for (const [i, of] of found.entries()) parts.set(of, divided[i] as Float32Array);
    return own.map((map, of) => parts.get(of) ?? map);
  });
  return { labels, side, probabilities, maps };
}

/** `[frames][classes]` */
function placesByFrame({ places, heard, seen }: GroupingLogits, cells: number): Float32Array[][] {
  const classes = heard.length;
  return Array.from({ length: seen.length / classes }, (_, frame) =>
    Array.from({ length: classes }, (_, of) => {
      const at = (frame * classes + of) * cells;
      return places.subarray(at, at + cells);
    }),
  );
}

/** By class and frame, log-odds of each place. What is seen in the frame counts as much as what is seen in all. */
function claimsOf(
  places: readonly Float32Array[][],
  classes: readonly number[],
  { map: { slope, intercept } }: GroupingCalibration,
): Map<number, Float32Array[]> {
  return new Map(
    classes.map((of) => {
      const frames = places.map((byClass) => byClass[of] as Float32Array);
      const usual = meanOf(frames);
      return [of, frames.map((own) => meanOf([own, usual]).map((logit) => slope * logit + intercept))];
    }),
  );
}

function largest(maps: readonly Float32Array[]): Float32Array {
  return (maps[0] as Float32Array).map((_, cell) => Math.max(...maps.map((map) => map[cell] as number)));
}

/** Logarithm of the logistic function. */
function logProbability(logit: number): number {
  return logit >= 0 ? -Math.log1p(Math.exp(-logit)) : logit - Math.log1p(Math.exp(logit));
}
