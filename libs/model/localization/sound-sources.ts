/** From the maps of all known classes to the sources that are there: how many they are is not given beforehand. */
import { mean } from '../metrics/bootstrap.ts';
import { type Box, connectedRegions, soundingBox } from './sounding-box.ts';
import type { SegmentSources } from './source-localizer.ts';

export interface SoundSource {
  label: string;
  /** That this class sounds in the picture, 0..1: of the surest segment. */
  probability: number;
  /** Around the place that sounds most of the time. */
  box: Box;
  /** One a frame, `[side * side]`, 0..1. */
  maps: Float32Array[];
}

export interface SourceThresholds {
  /** From which probability on a class counts as there. */
  threshold: number;
  /** From which value on a place of a map counts as sounding. */
  mapThreshold: number;
}

/** A region counts as a source of its own from this part of the heaviest one of its class. */
const OWN_SOURCE_PART = 0.25;

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
 * Two of a kind, where they stand apart: the maps are cut between the regions that sound most of the time, each place
 * going to the nearest one.
 *
 * @param maps of one class, one a frame
 * @returns none where nothing sounds long enough to have a place
 */
export function separateSources(
  maps: readonly Float32Array[],
  side: number,
  mapThreshold: number,
): { box: Box; maps: Float32Array[] }[] {
  const usual = Float32Array.from({ length: side * side }, (_, cell) =>
    mean(maps.map((map) => map[cell] as number)),
  );
  const regions = connectedRegions(usual, side, mapThreshold);
  const heaviest = Math.max(...regions.map(({ weight }) => weight));
  const own = regions.filter(({ weight }) => weight >= OWN_SOURCE_PART * heaviest);
  const nearest = nearestRegion(own, side);
  return own.flatMap((_, region) => {
    const cut = (map: Float32Array) => map.map((value, cell) => (nearest[cell] === region ? value : 0));
    const box = soundingBox(cut(usual), side, mapThreshold);
    return box ? [{ box, maps: own.length === 1 ? [...maps] : maps.map(cut) }] : [];
  });
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
