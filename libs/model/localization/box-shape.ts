/**
 * Gives each region of a map the shape of a box. Heads mark what they are sure of, an object's middle and what moves of
 * it; what is asked for is a box around the object.
 */
import { connectedRegions } from './sounding-box.ts';

/** A region counts from this part of the heaviest one on; smaller ones are specks. */
export const OWN_REGION_PART = 0.25;
/** Of a region's weight, what may stick out of the box at each of its four sides. */
const OUTSIDE_PART = 0.05;

/**
 * @param map       `[side * side]`, 0..1
 * @param threshold from which value on a place counts as sounding
 * @returns a new map: in each region's box at least midway between the threshold and the region's mean, so that what is
 *   surer still stands out; specks are gone
 */
export function boxShaped(map: Float32Array, side: number, threshold: number): Float32Array {
  const regions = connectedRegions(map, side, threshold);
  const heaviest = Math.max(...regions.map(({ weight }) => weight));
  const out = map.slice();
  const own = regions.filter(({ weight }) => weight >= OWN_REGION_PART * heaviest);
  for (const region of regions) if (!own.includes(region)) for (const cell of region.cells) out[cell] = 0;
  for (const { cells, weight } of own) {
    const level = (threshold + weight / cells.length) / 2;
    const columns = extent(map, cells, weight, side, (cell) => cell % side);
    const rows = extent(map, cells, weight, side, (cell) => Math.floor(cell / side));
    for (let row = rows.first; row <= rows.last; row++)
      for (let column = columns.first; column <= columns.last; column++) {
        const cell = row * side + column;
        out[cell] = Math.max(out[cell] as number, level);
      }
  }
  return out;
}

/** Between which lines a region's weight lies, but for the part outside at either end. */
function extent(
  map: Float32Array,
  cells: readonly number[],
  weight: number,
  side: number,
  lineOf: (cell: number) => number,
): { first: number; last: number } {
  const lines = new Float64Array(side);
  for (const cell of cells) lines[lineOf(cell)] = (lines[lineOf(cell)] as number) + (map[cell] as number);
  const outside = OUTSIDE_PART * weight;
  const until = (order: readonly number[]) => {
    let sum = 0;
    for (const line of order) {
      sum += lines[line] as number;
      if (sum > outside) return line;
    }
    return order.at(-1) as number;
  };
  const order = Array.from({ length: side }, (_, i) => i);
  return { first: until(order), last: until(order.toReversed()) };
}
