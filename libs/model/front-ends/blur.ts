/** Separable blur of a plane of numbers. */

export interface Plane {
  width: number;
  height: number;
  /** `[height, width]` */
  data: Float32Array;
}

/**
 * Along rows, then along columns.
 *
 * @param weights of the window, an odd number; as they are, whatever their sum
 * @param beyond  what lies beyond the edge: the edge itself, or nothing
 * @returns `[height, width]`
 */
export function blurred(
  { width, height, data }: Plane,
  weights: readonly number[],
  beyond: 'repeat' | 'zero',
): Float32Array {
  const rows = new Float32Array(data.length);
  const out = new Float32Array(data.length);
  for (let y = 0; y < height; y++) blurLine(data, rows, y * width, 1, width, weights, beyond);
  for (let x = 0; x < width; x++) blurLine(rows, out, x, width, height, weights, beyond);
  return out;
}

function blurLine(
  from: Float32Array,
  to: Float32Array,
  start: number,
  stride: number,
  count: number,
  weights: readonly number[],
  beyond: 'repeat' | 'zero',
): void {
  const radius = weights.length >> 1;
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let k = 0; k < weights.length; k++) {
      let at = i + k - radius;
      if (at < 0 || at >= count) {
        if (beyond === 'zero') continue;
        at = at < 0 ? 0 : count - 1;
      }
      sum += (weights[k] as number) * (from[start + at * stride] as number);
    }
    to[start + i * stride] = sum;
  }
}
