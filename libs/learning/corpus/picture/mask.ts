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

/**
 * Coverage of each cell of a `side x side` grid by the object, 0..255, row by row.
 *
 * @param box of the object, null where it is out of the frame: only its pixels are looked at
 */
export function coarseMask(
  rgba: Uint8Array,
  width: number,
  height: number,
  side: number,
  box: Box | null,
): Uint8Array {
  const covered = new Uint16Array(side * side);
  if (!box) return new Uint8Array(covered.length);
  const left = Math.round(box.x * width);
  const right = Math.round((box.x + box.width) * width);
  const bottom = Math.round((box.y + box.height) * height);
  const cellOf = Uint16Array.from({ length: width }, (_, x) => Math.floor((x * side) / width));
  for (let y = Math.round(box.y * height); y < bottom; y++) {
    const row = Math.floor((y * side) / height) * side;
    const start = y * width * 4 + 3;
    for (let x = left; x < right; x++) {
      if (rgba[start + x * 4]! >= ALPHA_MIN) covered[row + cellOf[x]!]!++;
    }
  }
  const cellPixels = (cell: number, size: number) =>
    Math.ceil(((cell + 1) * size) / side) - Math.ceil((cell * size) / side);
  const widths = Uint16Array.from({ length: side }, (_, column) => cellPixels(column, width));
  const mask = new Uint8Array(covered.length);
  for (let cell = 0; cell < mask.length; cell++) {
    if (covered[cell] === 0) continue;
    const pixels = widths[cell % side]! * cellPixels(Math.floor(cell / side), height);
    mask[cell] = Math.round((255 * covered[cell]!) / Math.max(1, pixels));
  }
  return mask;
}
