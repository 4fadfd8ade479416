/** From the maps of all known classes to the sources that are there: how many they are is not given beforehand. */
import { meanOf } from '../metrics/mean-of.ts';
import { boxShaped, OWN_REGION_PART } from './box-shape.ts';
import { candidateRegions } from './candidate-regions.ts';
import { type Box, soundingBox } from './sounding-box.ts';
import type { SegmentSources } from './source-localizer.ts';

export interface SoundSource {
  label: string;
  /** That this class sounds in the picture, 0..1: of the surest segment. */
  probability: number;
  /** Around the place that sounds most of the time. */
  box: Box;
  /** One a frame, `[side * side]`, 0..1, box-shaped. */
  maps: Float32Array[];
}

export interface SourceThresholds {
  /** From which probability on a class counts as there. */
  threshold: number;
  /** From which value on a place of a map counts as sounding. */
  mapThreshold: number;
}

/** Two of a kind, side by side, are hardly parted in their map. */
const SADDLE_PART = 0.85;

/**
 * @param segments in order of time, at least one
 * @returns the surest first; of one probability by label, then from left to right
 */
export function soundSources(
  segments: readonly SegmentSources[],
  { threshold, mapThreshold }: SourceThresholds,
): SoundSource[] {
  const [{ side, labels }] = segments as [SegmentSources, ...SegmentSources[]];
  const found = labels.flatMap((label, of) => {
    const probability = Math.max(0, ...segments.map(({ probabilities }) => probabilities[of] as number));
    if (probability < threshold) return [];
    const maps = segments.flatMap((segment) => segment.maps.map((classes) => classes[of] as Float32Array));
    return separateSources(maps, side, mapThreshold).map((own) => ({ label, probability, ...own }));
  });
  return found.sort(
    (a, b) => b.probability - a.probability || compare(a.label, b.label) || a.box.x - b.box.x,
  );
}

/**
 * Two of a kind, where they stand apart: the maps are cut between the peaks of what sounds most of the time, each place
 * going to the nearest one, and each part is shaped as boxes.
 *
 * @param maps of one class, one a frame
 * @returns none where nothing sounds long enough to have a place
 */
export function separateSources(
  maps: readonly Float32Array[],
  side: number,
  mapThreshold: number,
): { box: Box; maps: Float32Array[] }[] {
  const usual = meanOf(maps);
  const own = ownRegions(usual, side, mapThreshold);
  const nearest = nearestRegion(own, side);
  return own.flatMap((_, region) => {
    const cut = (map: Float32Array) => map.map((value, cell) => (nearest[cell] === region ? value : 0));
    const box = soundingBox(boxShaped(cut(usual), side, mapThreshold), side, mapThreshold);
    return box ? [{ box, maps: maps.map((map) => boxShaped(cut(map), side, mapThreshold)) }] : [];
  });
}

/** Of each peak that is a source of its own, the cells that sound; the highest peak first. */
function ownRegions(usual: Float32Array, side: number, mapThreshold: number): { cells: number[] }[] {
  const { regionOf, count } = candidateRegions(usual, side, SADDLE_PART);
  const regions = Array.from({ length: count }, () => ({ cells: [] as number[], weight: 0 }));
  usual.forEach((value, cell) => {
    const region = regions[regionOf[cell] as number];
    if (!region || value < mapThreshold) return;
    region.cells.push(cell);
    region.weight += value;
  });
  const heaviest = Math.max(...regions.map(({ weight }) => weight));
  return regions.filter(({ cells, weight }) => cells.length > 0 && weight >= OWN_REGION_PART * heaviest);
}

/** For each cell of the grid the region with the nearest cell. */
function nearestRegion(regions: readonly { cells: readonly number[] }[], side: number): Uint8Array {
  return Uint8Array.from({ length: side * side }, (_, cell) => {
    const distances = regions.map(({ cells }) =>
      Math.min(
        ...cells.map(
          (other) =>
            ((cell % side) - (other % side)) ** 2 + (Math.floor(cell / side) - Math.floor(other / side)) ** 2,
        ),
      ),
    );
    return distances.indexOf(Math.min(...distances));
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
