/** Value between the pixels of a plane; beyond its edge the edge goes on. */
export function bilinear(plane: Float32Array, width: number, height: number, x: number, y: number): number {
  const cx = Math.max(0, Math.min(width - 1, x));
  const cy = Math.max(0, Math.min(height - 1, y));
  const left = Math.floor(cx);
  const top = Math.floor(cy);
  const fx = cx - left;
  const at = top * width + left;
  const right = left + 1 < width ? 1 : 0;
  const below = top + 1 < height ? width : 0;
  const upper = (plane[at] as number) * (1 - fx) + (plane[at + right] as number) * fx;
  const lower = (plane[at + below] as number) * (1 - fx) + (plane[at + below + right] as number) * fx;
  return upper + (cy - top) * (lower - upper);
}
