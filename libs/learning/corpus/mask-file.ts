/**
 * Masks of the objects of a clip in one file: for each object and frame, the cells of a coarse grid that it covers,
 * run-length coded as JSON, zipped.
 */
import { gunzipSync, gzipSync } from 'node:zlib';

/** Cells along each side of the grid. */
export const MASK_SIDE = 64;

/** Share of a cell, 0..255, from which it counts as covered. */
const COVERED = 128;

interface MaskFile {
  side: number;
  /** By object and frame: lengths of runs in row order, the first of uncovered cells (0 where the first is covered). */
  runs: number[][][];
}

/** @param masks by object and frame, each `[MASK_SIDE * MASK_SIDE]` with the coverage of each cell, 0..255 */
export function formatMasks(masks: readonly (readonly Uint8Array[])[]): Buffer {
  const file: MaskFile = { side: MASK_SIDE, runs: masks.map((frames) => frames.map(runsOf)) };
  return gzipSync(JSON.stringify(file));
}

/** Answers masks of 0 and 1, by object and frame, each `[side * side]`. */
export function parseMasks(bytes: Buffer): { side: number; masks: Uint8Array[][] } {
  const { side, runs } = JSON.parse(gunzipSync(bytes).toString('utf8')) as MaskFile;
  return { side, masks: runs.map((frames) => frames.map((lengths) => maskOf(lengths, side))) };
}

function runsOf(mask: Uint8Array): number[] {
  const runs: number[] = [];
  let covered = false;
  let length = 0;
  for (const value of mask) {
    if (value >= COVERED !== covered) {
      runs.push(length);
      covered = !covered;
      length = 0;
    }
    length++;
  }
  runs.push(length);
  return runs;
}

function maskOf(runs: readonly number[], side: number): Uint8Array {
  const mask = new Uint8Array(side * side);
  let at = 0;
  runs.forEach((length, i) => {
    if (i % 2 === 1) mask.fill(1, at, at + length);
    at += length;
  });
  return mask;
}
