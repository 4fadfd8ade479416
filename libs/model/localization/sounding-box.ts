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
  const seen = new Uint8Array(map.length);
  let best: { weight: number; cells: number[] } | null = null;
  for (let start = 0; start < map.length; start++) {
    if (seen[start] || (map[start] as number) < threshold) continue;
    const cells = connected(map, side, threshold, start, seen);
    const weight = cells.reduce((sum, cell) => sum + (map[cell] as number), 0);
    if (best === null || weight > best.weight) best = { weight, cells };
  }
  if (best === null) return null;
  const columns = best.cells.map((cell) => cell % side);
  const rows = best.cells.map((cell) => Math.floor(cell / side));
  const [left, right] = [Math.min(...columns), Math.max(...columns) + 1];
  const [top, bottom] = [Math.min(...rows), Math.max(...rows) + 1];
  return {
    x: left / side,
    y: top / side,
    width: (right - left) / side,
    height: (bottom - top) / side,
  };
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
