/**
 * A square map in a frame's size, bilinear with half-pixel centres.
 *
 * @param map `[side * side]`
 * @returns `[height * width]`
 */
export function resizeMap(map: Float32Array, side: number, width: number, height: number): Float32Array {
  const columns = neighboursOf(width, side);
  const rows = neighboursOf(height, side);
  // Across first: the map has fewer rows than the frame.
  const wide = new Float32Array(side * width);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < width; x++) {
      const left = map[y * side + (columns.first[x] as number)] as number;
      const right = map[y * side + (columns.second[x] as number)] as number;
      wide[y * width + x] = left + (right - left) * (columns.part[x] as number);
    }
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const above = (rows.first[y] as number) * width;
    const below = (rows.second[y] as number) * width;
    const part = rows.part[y] as number;
    for (let x = 0; x < width; x++) {
      const value = wide[above + x] as number;
      out[y * width + x] = value + ((wide[below + x] as number) - value) * part;
    }
  }
  return out;
}

/** Between which two cells each pixel of a line lies, and how far towards the second; at the ends in one alone. */
function neighboursOf(
  pixels: number,
  side: number,
): { first: Uint16Array; second: Uint16Array; part: Float32Array } {
  const at = (pixel: number) => Math.min(side - 1, Math.max(0, ((pixel + 0.5) * side) / pixels - 0.5));
  const first = Uint16Array.from({ length: pixels }, (_, pixel) => Math.floor(at(pixel)));
  const second = first.map((cell) => Math.min(side - 1, cell + 1));
  const part = Float32Array.from({ length: pixels }, (_, pixel) => at(pixel) - (first[pixel] as number));
  return { first, second, part };
}
