/** Where a source can be seen. */
import type { PictureRegion } from '#media/filters';
import type { GroundTruth } from '../corpus/manifest.ts';

const SMALLEST_SIDE = 0.05;

/** The box around all of an object's places; null where the source is not in the picture. */
export function regionOf(truth: GroundTruth, source: number): PictureRegion | null {
  const boxes = truth.objects.find((object) => object.source === source)?.boxes ?? [];
  if (boxes.length === 0) return null;
  const left = Math.max(0, Math.min(...boxes.map(({ x }) => x)));
  const top = Math.max(0, Math.min(...boxes.map(({ y }) => y)));
  const right = Math.min(1, Math.max(...boxes.map(({ x, width }) => x + width)));
  const bottom = Math.min(1, Math.max(...boxes.map(({ y, height }) => y + height)));
  const width = Math.max(SMALLEST_SIDE, right - left);
  const height = Math.max(SMALLEST_SIDE, bottom - top);
  return { x: Math.min(left, 1 - width), y: Math.min(top, 1 - height), width, height };
}
