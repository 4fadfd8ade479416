import { bilinear } from '../front-ends/bilinear.ts';

/**
 * A square map in a frame's size, bilinear with half-pixel centres.
 *
 * @param map `[side * side]`
 * @returns `[height * width]`
 */
export function resizeMap(map: Float32Array, side: number, width: number, height: number): Float32Array {
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = ((y + 0.5) * side) / height - 0.5;
    for (let x = 0; x < width; x++)
      out[y * width + x] = bilinear(map, side, side, ((x + 0.5) * side) / width - 0.5, row);
  }
  return out;
}
