/** Ground truth of an object's place: its box and a coarse mask, both from the alpha of its own layer. */

/** Fractions of the frame, origin at the top left. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Alpha from which a pixel counts as the object's. */
const ALPHA_MIN = 64;

/** The smallest box around the object's pixels, or null where none is in the frame. */
export function boxOf(rgba: Uint8Array, width: number, height: number): Box | null {
  let left = width;
  let right = -1;
  let top = -1;
  let bottom = -1;
  for (let y = 0; y < height; y++) {
    const row = y * width * 4 + 3;
    let first = 0;
    while (first < width && rgba[row + first * 4]! < ALPHA_MIN) first++;
    if (first === width) continue;
    let last = width - 1;
    while (rgba[row + last * 4]! < ALPHA_MIN) last--;
    if (top < 0) top = y;
    bottom = y;
    if (first < left) left = first;
    if (last > right) right = last;
  }
  if (right < 0) return null;
  return {
    x: left / width,
    y: top / height,
    width: (right + 1 - left) / width,
    height: (bottom + 1 - top) / height,
  };
}

/** Coverage of each cell of a `side x side` grid by the object, 0..255, row by row. */
export function coarseMask(rgba: Uint8Array, width: number, height: number, side: number): Uint8Array {
  const sums = new Float64Array(side * side);
  const counts = new Uint32Array(side * side);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * side) / height) * side;
    for (let x = 0; x < width; x++) {
      const cell = row + Math.floor((x * side) / width);
      counts[cell]!++;
      if (rgba[(y * width + x) * 4 + 3]! >= ALPHA_MIN) sums[cell]! += 255;
    }
  }
  return Uint8Array.from(sums, (sum, cell) => Math.round(sum / Math.max(1, counts[cell]!)));
}
