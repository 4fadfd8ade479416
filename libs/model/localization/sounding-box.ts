/** In 0..1 of the frame. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * The box around the place that sounds: the connected cells from the threshold on that hold the most of the map.
 *
 * @param map `[side * side]`, 0..1
 * @returns null where no cell reaches the threshold
 */
export function soundingBox(map: Float32Array, side: number, threshold: number): Box | null {
  const regions = connectedRegions(map, side, threshold);
  const [first] = regions;
  if (!first) return null;
  const { cells } = regions.reduce((best, region) => (region.weight > best.weight ? region : best), first);
  const columns = cells.map((cell) => cell % side);
  const rows = cells.map((cell) => Math.floor(cell / side));
  const [left, right] = [Math.min(...columns), Math.max(...columns) + 1];
  const [top, bottom] = [Math.min(...rows), Math.max(...rows) + 1];
  return {
    x: left / side,
    y: top / side,
    width: (right - left) / side,
    height: (bottom - top) / side,
  };
}

/** Cells that hang together. */
interface Region {
  cells: number[];
  /** Sum of the map over them. */
  weight: number;
}

/** All regions from the threshold on, in the order of their first cells. */
export function connectedRegions(map: Float32Array, side: number, threshold: number): Region[] {
  const seen = new Uint8Array(map.length);
  const regions: Region[] = [];
  for (let start = 0; start < map.length; start++) {
    if (seen[start] || (map[start] as number) < threshold) continue;
    const cells = connected(map, side, threshold, start, seen);
    regions.push({ cells, weight: cells.reduce((sum, cell) => sum + (map[cell] as number), 0) });
  }
  return regions;
}

/** Marks and answers all cells that hang together with the first. */
function connected(
  map: Float32Array,
  side: number,
  threshold: number,
  first: number,
  seen: Uint8Array,
): number[] {
  const cells = [first];
  seen[first] = 1;
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i] as number;
    const column = cell % side;
    const neighbours = [
      ...(column > 0 ? [cell - 1] : []),
      ...(column < side - 1 ? [cell + 1] : []),
      cell - side,
      cell + side,
    ];
    for (const next of neighbours) {
      if (next < 0 || next >= map.length || seen[next] || (map[next] as number) < threshold) continue;
      seen[next] = 1;
      cells.push(next);
    }
  }
  return cells;
}
