/**
 * Which of several places moves as the sound goes: what looks alike, two faces or two guitars, is told apart by nothing
 * else. Each place is asked by itself how well its movement fits the sound as it is, against the same sound shifted.
 *
 * @see Chung & Zisserman 2016, "Out of time: automated lip sync in the wild", section 5.2, "Active speaker detection"
 */
import { lumaFrame } from '../front-ends/motion.ts';
import { CELL_CHANNELS, CELL_COUNT, cellMotion, LUMA_SIZE } from '../synchronization/cell-motion.ts';
import { PHASES, SOUND_BANDS, soundSteps } from '../synchronization/head-input.ts';
import {
  logSumExp,
  type PlaceEvidence,
  type SynchronizationHead,
  shiftLimit,
} from '../synchronization/synchronization-head.ts';
import { candidateRegions } from './candidate-regions.ts';

/** The part of `EmbeddingModel`'s request that synchrony is told from. */
export interface SynchronyInput {
  /** Mono at 16 kHz. */
  waveform: Float32Array;
  /** `[count, size, size, 3]` RGB at 12.5 Hz, `size` a multiple of 48. */
  block: { data: Uint8Array; count: number };
  size: number;
}

/** Cells along each side of the synchronisation head's grid. */
const GRID_SIDE = Math.sqrt(CELL_COUNT);

/**
 * What each cell of a segment's picture says about the offset.
 *
 * @returns null where sound and picture are too short to tell
 */
export function placeEvidence(
  head: SynchronizationHead,
  { waveform, block, size }: SynchronyInput,
): PlaceEvidence | null {
  const sound = soundSteps(waveform);
  const steps = Math.min(block.count, Math.floor(sound.length / (PHASES * SOUND_BANDS)));
  if (shiftLimit(steps) < 1) return null;
  const pixels = LUMA_SIZE * LUMA_SIZE;
  const luma = new Float32Array(steps * pixels);
  for (let step = 0; step < steps; step++)
    lumaFrame(block.data, step * size * size * 3, size, size, LUMA_SIZE, luma, step * pixels);
  const motion = cellMotion(luma, steps).subarray(0, steps * CELL_COUNT * CELL_CHANNELS);
  return head.placeEvidence(sound.subarray(0, steps * PHASES * SOUND_BANDS), motion);
}

/**
 * How many times likelier what the cells of a region show is if the region sounds than if it does not. If it does, and
 * can be synchronised at all, the offset is 0; if it does not, any offset is as likely.
 *
 * @param cells of the head's grid
 */
export function soundingRatio({ agreement, nothing }: PlaceEvidence, cells: readonly number[]): number {
  const ofShift = agreement.map((byCell) =>
    logSumExp(Float64Array.from(cells, (cell) => byCell[cell] as number)),
  );
  const inStep = ofShift[ofShift.length >> 1] as number;
  const probability = Math.exp(inStep - logSumExp(Float64Array.from(ofShift)));
  return (1 - nothing) * ofShift.length * probability + nothing;
}

/**
 * Lowers each candidate place of a sound's maps as far as its movement speaks against it. That some place sounds is
 * given: the place that fits best keeps its map; every other one has its odds of sounding, even before, multiplied by
 * its own ratio, so that several may sound at once.
 *
 * @param maps `[side * side]` each, one a frame
 * @returns new maps; the same where there is one place only
 */
export function keepInStep(
  maps: readonly Float32Array[],
  side: number,
  evidence: PlaceEvidence,
): Float32Array[] {
  const usual = new Float32Array(side * side);
  for (const map of maps)
    map.forEach((value, cell) => {
      usual[cell] = (usual[cell] as number) + value;
    });
  const { regionOf, count } = candidateRegions(usual, side);
  if (count < 2) return [...maps];
  const cells = cellsOfRegions(usual, side, regionOf, count);
  const chances = cells.map((own) => {
    const ratio = soundingRatio(evidence, own);
    return ratio / (1 + ratio);
  });
  const best = Math.max(...chances);
  const gain = chances.map((chance) => chance / best);
  return maps.map((map) => map.map((value, cell) => value * (gain[regionOf[cell] as number] as number)));
}

/** The cells of the head's grid in which each region has the most of the map; its peak's own where it has none. */
function cellsOfRegions(usual: Float32Array, side: number, regionOf: Int16Array, count: number): number[][] {
  const weights = new Float64Array(CELL_COUNT * count);
  const peaks = new Int32Array(count).fill(-1);
  usual.forEach((value, cell) => {
    const region = regionOf[cell] as number;
    const at = gridCell(cell, side) * count + region;
    weights[at] = (weights[at] as number) + value;
    const peak = peaks[region] as number;
    if (peak < 0 || value > (usual[peak] as number)) peaks[region] = cell;
  });
  const cells: number[][] = Array.from(peaks, (peak) => [gridCell(peak, side)]);
  for (let cell = 0; cell < CELL_COUNT; cell++) {
    const shares = weights.subarray(cell * count, (cell + 1) * count);
    const most = shares.indexOf(Math.max(...shares));
    if (most >= 0 && !cells[most]?.includes(cell)) cells[most]?.push(cell);
  }
  return cells;
}

function gridCell(cell: number, side: number): number {
  const scale = GRID_SIDE / side;
  return Math.floor(Math.floor(cell / side) * scale) * GRID_SIDE + Math.floor((cell % side) * scale);
}
