/**
 * Which of several places moves as the sound goes: what looks alike, two faces or two guitars, is told apart by nothing
 * else. Each place is asked by itself how well its movement fits the sound as it is, against the same sound shifted.
 *
 * @see Chung & Zisserman 2016, "Out of time: automated lip sync in the wild", section 5.2, "Active speaker detection"
 */
import type { FrontEnds } from '../checkpoint/manifest.ts';
import { lumaFrame } from '../front-ends/motion.ts';
import type { PixelBlock } from '../front-ends/video-batch.ts';
import { CELL_COUNT, cellMotion, LUMA_SIZE } from '../synchronization/cell-motion.ts';
import {
  PHASES,
  SOUND_BANDS,
  SOUND_RATE_HZ,
  soundSteps,
  VIDEO_RATE_HZ,
} from '../synchronization/head-input.ts';
import { logSumExp, type PlaceEvidence, shiftLimit } from '../synchronization/synchronization-head.ts';
import { candidateRegions } from './candidate-regions.ts';
import type { SegmentSources } from './source-localizer.ts';

/** Cells along each side of the synchronisation head's grid. */
const GRID_SIDE = Math.sqrt(CELL_COUNT);
/** Where several are known to sound, a place is lowered only from this part of the best one's chance on down. */
const LIKELY_PART = 0.5;

/**
 * What a segment is to a synchronisation head, whose `placeEvidence` says of each place how it fits the sound.
 *
 * @param waveform of the segment
 * @param block    all frames of the segment
 * @returns null where the head can't tell: the input has other rates or sizes, or is too short
 */
export function synchronyInput(
  { audio, video }: FrontEnds,
  waveform: Float32Array,
  block: PixelBlock,
): { sound: Float32Array; motion: Float32Array } | null {
  const { width, height, rateHz } = video;
  const fits = rateHz === VIDEO_RATE_HZ && width === height && width % LUMA_SIZE === 0;
  if (!fits || audio.sampleRateHz !== SOUND_RATE_HZ) return null;
  const sound = soundSteps(waveform);
  const steps = Math.min(block.count, Math.floor(sound.length / (PHASES * SOUND_BANDS)));
  if (shiftLimit(steps) < 1) return null;
  const pixels = LUMA_SIZE * LUMA_SIZE;
  const luma = new Float32Array(steps * pixels);
  for (let step = 0; step < steps; step++)
    lumaFrame(block.data, step * width * width * 3, width, width, LUMA_SIZE, luma, step * pixels);
  return { sound: sound.subarray(0, steps * PHASES * SOUND_BANDS), motion: cellMotion(luma, steps) };
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
 * Lowers each candidate place of a sound's map as far as its movement speaks against it. That some place sounds is
 * given: the place that fits best keeps its part of the map; every other one has its odds of sounding, even before,
 * multiplied by its own ratio, so that several may sound at once.
 *
 * @param map    `[side * side]`
 * @param likely part of the best place's chance from which on a place keeps all of its map
 * @returns a new map; the same where there is one place only
 */
export function keepInStep(
  map: Float32Array,
  side: number,
  evidence: PlaceEvidence,
  likely = 1,
): Float32Array {
  const { regionOf, count } = candidateRegions(map, side);
  if (count < 2) return map;
  const chances = cellsOfRegions(map, side, regionOf, count).map((cells) => {
    const ratio = soundingRatio(evidence, cells);
    return ratio / (1 + ratio);
  });
  const best = Math.max(...chances);
  const gain = chances.map((chance) => Math.min(1, chance / (likely * best)));
  return map.map((value, cell) => value * (gain[regionOf[cell] as number] as number));
}

/**
 * The same of the maps of each class that is there, in place: of two of one class that are seen, the one that does not
 * sound is lowered; both may. The maps of the other classes nobody looks at.
 *
 * @param threshold from which probability on a class is there
 */
export function keepClassesInStep(
  { probabilities, maps, side }: SegmentSources,
  evidence: PlaceEvidence,
  threshold: number,
): void {
  probabilities.forEach((probability, of) => {
    if (probability < threshold) return;
    for (const classes of maps)
      classes[of] = keepInStep(classes[of] as Float32Array, side, evidence, LIKELY_PART);
  });
}

/** The cells of the head's grid in which each region has the most of the map; its peak's own where it has none. */
function cellsOfRegions(map: Float32Array, side: number, regionOf: Int16Array, count: number): number[][] {
  const weights = new Float64Array(CELL_COUNT * count);
  const peaks = new Int32Array(count).fill(-1);
  map.forEach((value, cell) => {
    const region = regionOf[cell] as number;
    const at = gridCell(cell, side) * count + region;
    weights[at] = (weights[at] as number) + value;
    const peak = peaks[region] as number;
    if (peak < 0 || value > (map[peak] as number)) peaks[region] = cell;
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
