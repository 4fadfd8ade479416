/**
 * What moves, and where: the picture in a grid of cells, and for each cell a few numbers a frame. Enough to see a stick
 * fall or a mouth open, at a thousandth of the pixels.
 *
 * @see Lucas & Kanade 1981, "An iterative image registration technique", for the velocity of a cell
 */

/** Side of the square luma frames. */
export const LUMA_SIZE = 48;
/** Pixels a cell's side. */
const CELL_SIZE = 8;
/** Of the grid, rows and columns. */
export const CELLS_PER_SIDE = LUMA_SIZE / CELL_SIZE;
export const CELL_COUNT = CELLS_PER_SIDE * CELLS_PER_SIDE;

/**
 * Mean and deviation of luma (the first two, which are told apart from motion below), mean, mean absolute and largest
 * change since the frame before, velocity to the right and downwards.
 */
export const CELL_CHANNELS = 7;
/** Of the channels, those that stand still where the picture does. */
export const APPEARANCE_CHANNELS = 2;

/** Gains bring every channel to about unit deviation on moving pictures; `asinh` keeps cuts and flashes in bounds. */
const GAIN = { mean: 4, deviation: 8, change: 50, peak: 10, velocity: 4 } as const;
/** Variance of the gradient under which a cell has no texture to see motion by. */
const FLAT_GRADIENT = 4e-4;
const PIXELS = CELL_SIZE * CELL_SIZE;

/**
 * @param luma  `[count, 48, 48]`, 0..1, in order of time; in the first frame nothing moves
 * @returns `[count, 36, 7]`
 */
export function cellMotion(luma: Float32Array, count: number): Float32Array {
  const frameSize = LUMA_SIZE * LUMA_SIZE;
  const out = new Float32Array(count * CELL_COUNT * CELL_CHANNELS);
  for (let frame = 0; frame < count; frame++) {
    const now = luma.subarray(frame * frameSize, (frame + 1) * frameSize);
    const before = frame === 0 ? now : luma.subarray((frame - 1) * frameSize, frame * frameSize);
    for (let cell = 0; cell < CELL_COUNT; cell++)
      describeCell(now, before, cell, out, (frame * CELL_COUNT + cell) * CELL_CHANNELS);
  }
  return out;
}

function describeCell(
  now: Float32Array,
  before: Float32Array,
  cell: number,
  out: Float32Array,
  at: number,
): void {
  const top = Math.floor(cell / CELLS_PER_SIDE) * CELL_SIZE;
  const left = (cell % CELLS_PER_SIDE) * CELL_SIZE;
  const change = { sum: 0, absolute: 0, peak: 0 };
  let sum = 0;
  let squares = 0;
  // The normal equations of `gradient . velocity = -change`, with a ridge for cells without texture.
  let xx = FLAT_GRADIENT * PIXELS;
  let yy = xx;
  let xy = 0;
  let xt = 0;
  let yt = 0;
  for (let y = top; y < top + CELL_SIZE; y++) {
    const above = y > 0 ? -LUMA_SIZE : 0;
    const below = y < LUMA_SIZE - 1 ? LUMA_SIZE : 0;
    for (let x = left; x < left + CELL_SIZE; x++) {
      const i = y * LUMA_SIZE + x;
      const value = now[i] as number;
      const difference = value - (before[i] as number);
      const size = Math.abs(difference);
      sum += value;
      squares += value * value;
      change.sum += difference;
      change.absolute += size;
      if (size > change.peak) change.peak = size;
      const gx = slope(now, before, x > 0 ? i - 1 : i, x < LUMA_SIZE - 1 ? i + 1 : i);
      const gy = slope(now, before, i + above, i + below);
      xx += gx * gx;
      yy += gy * gy;
      xy += gx * gy;
      xt += gx * difference;
      yt += gy * difference;
    }
  }
  const mean = sum / PIXELS;
  const determinant = xx * yy - xy * xy;
  out[at] = GAIN.mean * mean;
  out[at + 1] = GAIN.deviation * Math.sqrt(Math.max(0, squares / PIXELS - mean * mean));
  out[at + 2] = Math.asinh((GAIN.change * change.sum) / PIXELS);
  out[at + 3] = Math.asinh((GAIN.change * change.absolute) / PIXELS);
  out[at + 4] = Math.asinh(GAIN.peak * change.peak);
  out[at + 5] = Math.asinh((GAIN.velocity * (xy * yt - yy * xt)) / determinant);
  out[at + 6] = Math.asinh((GAIN.velocity * (xy * xt - xx * yt)) / determinant);
}

/** Central difference, in the mean of both frames. */
function slope(now: Float32Array, before: Float32Array, from: number, to: number): number {
  return (
    ((now[to] as number) - (now[from] as number) + (before[to] as number) - (before[from] as number)) / 4
  );
}
