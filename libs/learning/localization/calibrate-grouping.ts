/** From the grouping network's logits to probabilities and thresholds, fitted on mixtures of validation clips. */
import { fitPlatt, plattProbability } from '#model/calibration/platt';
import type { GroupingCalibration } from '#model/checkpoint/manifest';
import { type GroupingLogits, sourceEvidence } from '#model/localization/source-localizer';
import { consensusIou } from '#model/metrics/localization';
import type { GroupingTruth } from '#model/objectives/grouping';

/** Of a map's cells, every so many go into the fit: neighbours say the same. */
const EVERY_CELL = 7;
/** Truth from which a cell belongs to the object's box: what the box alone covers counts half. */
const IN_BOX = 0.4;

/** What one scene adds to the fit. */
export interface LookedScene {
  /** For each class what speaks for it, and whether it sounds in the picture. */
  sources: { evidence: number; sounding: boolean }[];
  /** Of each frame and class that sounds. */
  maps: { logits: Float32Array; truth: Float32Array }[];
}

/** @param truth of the scene's frames, in which each class sounds throughout or never */
export function lookAtScene(logits: GroupingLogits, { pairs, places }: GroupingTruth): LookedScene {
  const classes = logits.heard.length;
  const cells = logits.places.length / logits.seen.length;
  const sounding = new Set(pairs.map(({ classIndex }) => classIndex));
  return {
    sources: [...sourceEvidence(logits)].map((evidence, of) => ({ evidence, sounding: sounding.has(of) })),
    maps: pairs.map(({ frame, classIndex }) => {
      const at = (frame * classes + classIndex) * cells;
      return {
        logits: logits.places.slice(at, at + cells),
        truth: Float32Array.from({ length: cells }, (_, cell) =>
          (places[(frame * cells + cell) * classes + classIndex] as number) >= IN_BOX ? 1 : 0,
        ),
      };
    }),
  };
}

/** @throws EarshotError `not_enough_data` without sounding and silent classes */
export function fitGroupingCalibration(looked: readonly LookedScene[]): GroupingCalibration {
  const maps = looked.flatMap((scene) => scene.maps);
  const logits: number[] = [];
  const labels: boolean[] = [];
  for (const { logits: ofMap, truth } of maps) {
    for (let cell = 0; cell < ofMap.length; cell += EVERY_CELL) {
      logits.push(ofMap[cell] as number);
      labels.push(truth[cell] === 1);
    }
  }
  const map = fitPlatt(logits, labels);
  const sources = looked.flatMap((scene) => scene.sources);
  const source = fitPlatt(
    sources.map(({ evidence }) => evidence),
    sources.map(({ sounding }) => sounding),
  );
  const probable = maps.map(({ logits: ofMap, truth }) => ({
    map: ofMap.map((logit) => plattProbability(map, logit)),
    truth,
  }));
  const agreement = (value: number) =>
    probable.reduce((sum, each) => sum + consensusIou(each.map, each.truth, { kind: 'absolute', value }), 0);
  const judged = sources.map(({ evidence, sounding }) => ({
    probability: plattProbability(source, evidence),
    sounding,
  }));
  return {
    ...{ map, source },
    mapThreshold: bestOf(agreement),
    threshold: bestOf((value) => f1(judged, value)),
  };
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
