/** Training clips of the localization head: decoded once, with where their object is at every colour frame. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { GroundTruth, ManifestEntry } from '../corpus/manifest.ts';
import { parseMasks } from '../corpus/mask-file.ts';
import type { ClipCache } from '../training/clip-cache.ts';

/** Cells along each side of a truth. */
export const TRUTH_SIDE = 64;
/** What a cell of the object's box counts that the object does not cover; a covered one counts 255. */
const BOX_ONLY = 128;

export interface SceneClips {
  cache: ClipCache;
  /** `[clips][colourFrames][TRUTH_SIDE * TRUTH_SIDE]`: 255 on the object, half of it elsewhere in its box. */
  truths: Uint8Array[][];
}

export interface ObjectTruth {
  /** `[TRUTH_SIDE * TRUTH_SIDE]`, 0 or 1 */
  mask: Uint8Array;
  /** In 0..1 of the frame; null where the object is out of it. */
  box: { x: number; y: number; width: number; height: number } | null;
}

/**
 * Where an object is at some times.
 *
 * @returns by time
 */
export async function objectTruths(
  corpus: string,
  entry: ManifestEntry,
  truth: GroundTruth,
  objects: readonly number[],
  timesSec: readonly number[],
): Promise<ObjectTruth[][]> {
  const file = path.join(corpus, path.dirname(entry.groundTruth), truth.masks);
  const { masks } = parseMasks(await readFile(file));
  return objects.map((object) =>
    timesSec.map((timeSec) => {
      const frames = masks[object] as Uint8Array[];
      const frame = Math.min(frames.length - 1, Math.round(timeSec * truth.frameRateHz));
      const at = frame / truth.frameRateHz;
      const boxes = truth.objects[object]?.boxes ?? [];
      const box = boxes.find((each) => Math.abs(each.timeSec - at) < 0.5 / truth.frameRateHz) ?? null;
      return { mask: frames[frame] as Uint8Array, box };
    }),
  );
}

/** The truth of one frame for training: the object, and more faintly the rest of its box. */
export function softTruth({ mask, box }: ObjectTruth): Uint8Array {
  return mask.map((covered, i) => {
    if (covered) return 255;
    return box && insideBox(box, i, TRUTH_SIDE) ? BOX_ONLY : 0;
  });
}

/** 1 in the cells of a square grid whose centre lies in the object's box, 0 elsewhere; `[side * side]`. */
export function boxTruth({ box }: Pick<ObjectTruth, 'box'>, side: number): Float32Array {
  return Float32Array.from({ length: side * side }, (_, i) => (box && insideBox(box, i, side) ? 1 : 0));
}

/** Whether the centre of cell `i` of a square grid lies in a box. */
function insideBox(box: NonNullable<ObjectTruth['box']>, i: number, side: number): boolean {
  const x = ((i % side) + 0.5) / side;
  const y = (Math.floor(i / side) + 0.5) / side;
  return x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
}
