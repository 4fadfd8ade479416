/** From the grouping network's logits to probabilities and thresholds, fitted on mixtures of validation clips. */
import { fitPlatt, plattProbability } from '#model/calibration/platt';
import type { GroupingCalibration } from '#model/checkpoint/manifest';
import { boxShaped } from '#model/localization/box-shape';
import { type GroupingLogits, segmentSources, sourceEvidence } from '#model/localization/source-localizer';
import { consensusIou } from '#model/metrics/localization';
import type { ClassPair, GroupingTruth } from '#model/objectives/grouping';

/** Of a map's cells, every so many go into the fit: neighbours say the same. */
const EVERY_CELL = 7;
/** Truth from which a cell belongs to the object's box: what the box alone covers counts half. */
const IN_BOX = 0.4;
/** Scenes are made of spectrograms: there is something to be heard, and no samples of it. */
export const HEARD = Float32Array.of(1);

/** What one scene adds to the fit. */
export interface LookedScene {
  logits: GroupingLogits;
  /** By frame, where the localization head says that anything sounds; null for a model without one. */
  sounding: Float32Array[] | null;
  /** For each class what speaks for it, and whether it sounds in the picture. */
  sources: { evidence: number; sounding: boolean }[];
  /** Of each frame and class that sounds, its box. */
  places: (ClassPair & { truth: Float32Array })[];
}

/** @param truth of the scene's frames, in which each class sounds throughout or never */
export function lookAtScene(
  logits: GroupingLogits,
  { pairs, places }: GroupingTruth,
  sounding: Float32Array[] | null,
): LookedScene {
  const classes = logits.heard.length;
  const cells = logits.places.length / logits.seen.length;
  const all = new Set(pairs.map(({ classIndex }) => classIndex));
  return {
    ...{ logits, sounding },
    sources: [...sourceEvidence(logits)].map((evidence, of) => ({ evidence, sounding: all.has(of) })),
    places: pairs.map(({ frame, classIndex }) => ({
      ...{ frame, classIndex },
      truth: Float32Array.from({ length: cells }, (_, cell) =>
        (places[(frame * cells + cell) * classes + classIndex] as number) >= IN_BOX ? 1 : 0,
      ),
    })),
  };
}

/**
 * @param labels of the classes
 * @throws EarshotError `not_enough_data` without sounding and silent classes
 */
export function fitGroupingCalibration(
  looked: readonly LookedScene[],
  labels: readonly string[],
): GroupingCalibration {
  const logits: number[] = [];
  const marks: boolean[] = [];
  for (const scene of looked) {
    for (const { frame, classIndex, truth } of scene.places) {
      const first = (frame * labels.length + classIndex) * truth.length;
      for (let cell = 0; cell < truth.length; cell += EVERY_CELL) {
        logits.push(scene.logits.places[first + cell] as number);
        marks.push(truth[cell] === 1);
      }
    }
  }
  const map = fitPlatt(logits, marks);
  const sources = looked.flatMap((scene) => scene.sources);
  const source = fitPlatt(
    sources.map(({ evidence }) => evidence),
    sources.map(({ sounding }) => sounding),
  );
  const judged = sources.map(({ evidence, sounding }) => ({
    probability: plattProbability(source, evidence),
    sounding,
  }));
  const calibration = { map, source, mapThreshold: 1, threshold: bestOf((value) => f1(judged, value)) };
  return { ...calibration, mapThreshold: bestMapThreshold(looked, labels, calibration) };
}

/** The one under which maps, divided and shaped as users get them, agree best with the boxes. */
function bestMapThreshold(
  looked: readonly LookedScene[],
  labels: readonly string[],
  calibration: GroupingCalibration,
): number {
  const divided = looked.flatMap(({ logits, sounding, places }) => {
    const side = Math.sqrt(places[0]?.truth.length ?? 0);
    const asked = places.map(({ classIndex }) => labels[classIndex] as string);
    const { maps } = segmentSources(logits, { labels, side, samples: HEARD, sounding, asked }, calibration);
    return places.map(({ frame, classIndex, truth }) => ({
      ...{ side, truth },
      map: maps[frame]?.[classIndex] as Float32Array,
    }));
  });
  return bestOf((value) =>
    divided.reduce(
      (sum, { map, truth, side }) =>
        sum + consensusIou(boxShaped(map, side, value), truth, { kind: 'absolute', value }),
      0,
    ),
  );
}

function f1(judged: readonly { probability: number; sounding: boolean }[], threshold: number): number {
  const found = judged.filter(({ probability }) => probability >= threshold);
  const right = found.filter(({ sounding }) => sounding).length;
  return (2 * right) / (found.length + judged.filter(({ sounding }) => sounding).length);
}

function bestOf(score: (threshold: number) => number): number {
  const candidates = Array.from({ length: 37 }, (_, i) => 0.05 + 0.025 * i);
  const scores = candidates.map(score);
  return Number((candidates[scores.indexOf(Math.max(...scores))] as number).toFixed(3));
}
