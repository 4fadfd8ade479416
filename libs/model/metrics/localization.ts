/**
 * How well maps of where a sound comes from agree with where it does, and two maps that know nothing.
 *
 * @see Senocak et al. 2018, "Learning to localize sound source in visual scenes", for cIoU and AUC;
 *   Hu et al. 2022, "Mix and localize", for CAP and PIAP
 */
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import { averagePrecision } from './ranking-curves.ts';

/** cIoU from which a localization counts, for one source in the picture and for several. */
export const CIOU_SUCCESS = { solo: 0.5, mixture: 0.3 } as const;

const AUC_STEPS = 20;
/** Truth from which a pixel counts as sounding where it has to be either. */
const SOUNDING_TRUTH = 0.5;

/**
 * Where thresholding cuts a map: at its own median, as the literature does (which marks half of every picture, silent
 * or not), or at the model's one absolute threshold, as users get it. A value at the threshold is inside.
 */
export type MapThreshold = { kind: 'median' } | { kind: 'absolute'; value: number };

/**
 * Consensus intersection over union: the truth under the inferred region, over all truth and what was inferred where
 * there is none.
 *
 * @param map   `[height * width]`
 * @param truth same shape, in [0, 1]: the share of annotators who marked each pixel, or a box of ones
 * @returns 0..1; 0 where nothing is true and nothing inferred
 * @throws EarshotError `shape_mismatch`
 */
export function consensusIou(map: Float32Array, truth: Float32Array, threshold: MapThreshold): number {
  checkShapes(map, truth);
  const cut = threshold.kind === 'absolute' ? threshold.value : upperMedian(map);
  let shared = 0;
  let union = 0;
  map.forEach((value, i) => {
    const share = truth[i] as number;
    union += share;
    if (value < cut) return;
    shared += share;
    if (share === 0) union++;
  });
  return union === 0 ? 0 : shared / union;
}

/** The value at the middle of the sorted map, the upper one of two, as the published evaluations take it. */
function upperMedian(map: Float32Array): number {
  return map.slice().sort()[map.length >> 1] as number;
}

/** Share of clips with at least this cIoU (CIoU@t). */
export function successRate(cious: readonly number[], threshold: number): number {
  return cious.filter((value) => value >= threshold).length / cious.length;
}

/** Area under the success rate over thresholds 0 to 1 by 0.05, by trapezoids. */
export function successAuc(cious: readonly number[]): number {
  let area = 0;
  for (let step = 0; step < AUC_STEPS; step++) {
    area += (successRate(cious, step / AUC_STEPS) + successRate(cious, (step + 1) / AUC_STEPS)) / 2;
  }
  return area / AUC_STEPS;
}

export interface LocalizedClass {
  label: string;
  /** How sure the model is that this class sounds here. */
  confidence: number;
  /** Of its map against where it is. */
  ciou: number;
}

/**
 * Class-aware average precision (CAP): how well confidence ranks the maps of a class that hit, averaged over classes.
 * A class none of whose maps hit has 0.
 */
export function classAwareAveragePrecision(
  results: readonly LocalizedClass[],
  success: number = CIOU_SUCCESS.mixture,
): number {
  const labels = [...new Set(results.map(({ label }) => label))];
  const precisions = labels.map((label) => {
    const ofClass = results.filter((result) => result.label === label);
    return averagePrecision(
      ofClass.map(({ confidence }) => confidence),
      (i) => (ofClass[i] as LocalizedClass).ciou >= success,
    );
  });
  return precisions.reduce((sum, value) => sum + value, 0) / precisions.length;
}

export interface LocalizedClip {
  /** One for each source, `[height * width]`. */
  maps: readonly Float32Array[];
  /** As many, in [0, 1]; a pixel sounds from one half on. */
  truths: readonly Float32Array[];
}

/** How many pixels of a clip have each value, in steps of 1 / 4096. */
export interface PixelCounts {
  /** Of those that sound. */
  sounding: Uint32Array;
  silent: Uint32Array;
}

const PIXEL_STEPS = 4096;

/**
 * What a clip adds to the pooled average precision: its pixels, each source's under the map that it goes with.
 *
 * @param clip maps in [0, 1]
 * @throws EarshotError `shape_mismatch`
 */
export function pixelCounts(clip: LocalizedClip): PixelCounts {
  const counts = {
    sounding: new Uint32Array(PIXEL_STEPS + 1),
    silent: new Uint32Array(PIXEL_STEPS + 1),
  };
  for (const [map, truth] of bestPairs(clip))
    map.forEach((value, i) => {
      const step = Math.round(Math.min(1, Math.max(0, value)) * PIXEL_STEPS);
      const kind = counts[(truth[i] as number) >= SOUNDING_TRUTH ? 'sounding' : 'silent'];
      kind[step] = (kind[step] as number) + 1;
    });
  return counts;
}

/**
 * Permutation-invariant average precision (PIAP) over the pixels of all clips pooled: which map is compared with which
 * source of a clip was chosen for the clip's own best mean average precision.
 *
 * @returns 0 where nothing sounds
 */
export function pooledAveragePrecision(clips: readonly PixelCounts[]): number {
  let hits = 0;
  let misses = 0;
  let sum = 0;
  for (let step = PIXEL_STEPS; step >= 0; step--) {
    let gained = 0;
    for (const { sounding, silent } of clips) {
      gained += sounding[step] as number;
      misses += silent[step] as number;
    }
    hits += gained;
    if (gained > 0) sum += (gained * hits) / (hits + misses);
  }
  return hits === 0 ? 0 : sum / hits;
}

type Pair = [map: Float32Array, truth: Float32Array];

function bestPairs({ maps, truths }: LocalizedClip): Pair[] {
  if (maps.length !== truths.length) {
    throw new EarshotError('shape_mismatch', `${maps.length} maps for ${truths.length} sources.`);
  }
  let best: Pair[] = [];
  let bestSum = Number.NEGATIVE_INFINITY;
  const search = (pairs: Pair[], left: readonly Float32Array[], sum: number) => {
    const truth = truths[pairs.length];
    if (truth === undefined) {
      if (sum > bestSum) [best, bestSum] = [pairs, sum];
      return;
    }
    left.forEach((map, i) => {
      checkShapes(map, truth);
      // A single map has nothing to be chosen from.
      const precision =
        maps.length === 1 ? 0 : averagePrecision(map, (pixel) => (truth[pixel] as number) >= SOUNDING_TRUTH);
      search([...pairs, [map, truth]], left.toSpliced(i, 1), sum + precision);
    });
  };
  search([], maps, 0);
  return best;
}

/** Baseline: things worth filming stand in the middle. Its deviation is a share of each side. */
export function centreGaussianMap(width: number, height: number, deviationShare = 0.25): Float32Array {
  const share = (position: number, size: number) => ((position + 0.5) / size - 0.5) / deviationShare;
  return Float32Array.from({ length: width * height }, (_, i) => {
    const x = share(i % width, width);
    const y = share(Math.floor(i / width), height);
    return Math.exp(-(x * x + y * y) / 2);
  });
}

/** Baseline: chance, uniform in [0, 1). */
export function randomMap(width: number, height: number, seed: number | string): Float32Array {
  const random = new SeededRandom(seed);
  return Float32Array.from({ length: width * height }, () => random.next());
}

function checkShapes(map: Float32Array, truth: Float32Array): void {
  if (map.length !== truth.length || map.length === 0) {
    throw new EarshotError('shape_mismatch', `A map of ${map.length} values for ${truth.length} of truth.`);
  }
}
