/** Where in a map the places lie that a sound may come from: each peak that stands out, with all that slopes up to it. */

/** A peak usually stands for itself where the map falls under this part of it on every way to a higher one. */
const SADDLE_PART = 0.75;
/** And where it has at least this part of the highest. */
const PEAK_PART = 0.25;
const NOWHERE = -1;

/**
 * Watershed by persistence: cells are flooded from the highest down, and peaks that are hardly parted become one.
 *
 * @param map        `[side * side]`, nowhere negative
 * @param saddlePart the nearer to 1, the less parts two peaks
 * @returns for each cell the region that it belongs to, counted from 0 by the height of their peaks; a map that is 0
 *   everywhere is one region
 */
export function candidateRegions(
  map: Float32Array,
  side: number,
  saddlePart: number = SADDLE_PART,
): { regionOf: Int16Array; count: number } {
  const order = Array.from(map.keys()).sort((a, b) => (map[b] as number) - (map[a] as number) || a - b);
  const basin = new Int32Array(map.length).fill(NOWHERE);
  /** Each peak's cell leads to that of the region it has become part of. */
  const joined = new Map<number, number>();
  const root = (peak: number): number => {
    const next = joined.get(peak) as number;
    return next === peak ? peak : root(next);
  };
  const height = (cell: number) => map[cell] as number;
  for (const cell of order) {
    const around = neighbours(cell, side, map.length)
      .map((next) => basin[next] as number)
      .filter((peak) => peak !== NOWHERE);
    const peaks = [...new Set(around.map(root))].sort((a, b) => height(b) - height(a) || a - b);
    const [highest = cell, ...others] = peaks;
    if (peaks.length === 0) joined.set(cell, cell);
    basin[cell] = highest;
    for (const peak of others) {
      const faint = height(peak) < PEAK_PART * height(order[0] as number);
      if (faint || height(cell) >= saddlePart * height(peak)) joined.set(peak, highest);
    }
  }
  const kept = [...joined.keys()].filter((peak) => root(peak) === peak);
  const regionOf = Int16Array.from(basin, (peak) => kept.indexOf(root(peak)));
  return { regionOf, count: kept.length };
}

function neighbours(cell: number, side: number, cells: number): number[] {
  const column = cell % side;
  return [
    ...(column > 0 ? [cell - 1] : []),
    ...(column < side - 1 ? [cell + 1] : []),
    ...(cell >= side ? [cell - side] : []),
    ...(cell + side < cells ? [cell + side] : []),
  ];
}
