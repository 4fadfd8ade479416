/** Where a source can be seen, and where there is nothing. */
import { SeededRandom } from '#core/random';
import type { PictureRegion } from '#media/filters';
import type { GroundTruth } from '../corpus/manifest.ts';

const SMALLEST_SIDE = 0.05;
/** Sides of the empty places that are asked for. */
const EMPTY_SIDE = { least: 0.12, most: 0.4 };
const TRIES = 60;

/** The box around all of an object's places; null where the source is not in the picture. */
export function regionOf(truth: GroundTruth, source: number): PictureRegion | null {
  return around(truth.objects.find((object) => object.source === source)?.boxes ?? []);
}

/** A place, by lot, that no object ever comes into; null where none is found. @param seed of the lot */
export function emptyRegionOf(truth: GroundTruth, seed: string): PictureRegion | null {
  const random = new SeededRandom(seed);
  const taken = truth.objects.flatMap(({ boxes }) => around(boxes) ?? []);
  for (let i = 0; i < TRIES; i++) {
    const width = random.uniform(EMPTY_SIDE.least, EMPTY_SIDE.most);
    const height = random.uniform(EMPTY_SIDE.least, EMPTY_SIDE.most);
    const place = { x: random.uniform(0, 1 - width), y: random.uniform(0, 1 - height), width, height };
    if (!taken.some((one) => overlap(one, place))) return place;
  }
  return null;
}

function overlap(a: PictureRegion, b: PictureRegion): boolean {
  const across = a.x < b.x + b.width && b.x < a.x + a.width;
  return across && a.y < b.y + b.height && b.y < a.y + a.height;
}

function around(boxes: GroundTruth['objects'][number]['boxes']): PictureRegion | null {
  if (boxes.length === 0) return null;
  const left = Math.max(0, Math.min(...boxes.map(({ x }) => x)));
  const top = Math.max(0, Math.min(...boxes.map(({ y }) => y)));
  const right = Math.min(1, Math.max(...boxes.map(({ x, width }) => x + width)));
  const bottom = Math.min(1, Math.max(...boxes.map(({ y, height }) => y + height)));
  const width = Math.max(SMALLEST_SIDE, right - left);
  const height = Math.max(SMALLEST_SIDE, bottom - top);
  return { x: Math.min(left, 1 - width), y: Math.min(top, 1 - height), width, height };
}
