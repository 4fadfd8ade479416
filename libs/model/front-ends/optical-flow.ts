/**
 * Dense optical flow between neighbouring frames: least squares over a Gaussian window around every pixel, coarse to
 * fine with warping, so that motion of several pixels is found; and trajectories along it.
 *
 * @see Lucas & Kanade 1981, "An iterative image registration technique"; Bouguet 2001, "Pyramidal implementation of
 *   the Lucas-Kanade feature tracker"; Zhao et al. 2019, "The Sound of Motions", section 3.2, for trajectories
 */
import { EarshotError } from '#core/errors';
import { bilinear } from './bilinear.ts';
import { blurred, type Plane } from './blur.ts';

export interface FlowField {
  width: number;
  height: number;
  /** Motion to the right of every pixel, in pixels a frame, `[height, width]`. */
  u: Float32Array;
  /** Motion downward. */
  v: Float32Array;
}

export interface OpticalFlowOptions {
  /** Standard deviation of the window, in pixels: wider is steadier, narrower keeps small things apart. */
  windowDeviation?: number;
  /** Warps on every level. */
  iterations?: number;
}

/** The coarsest level's shorter side has at least this many pixels. */
const COARSEST_SIDE = 12;
/** Squared gradient, in luma from 0 to 1, under which a window holds on to what the coarser level said of it. */
const RIDGE = 1e-5;
const SMOOTHING = [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16];

/**
 * Motion from one frame to the next: `before(p) = after(p + flow(p))`.
 *
 * @param before luma `[height, width]`, 0..1
 * @param after  luma `[height, width]`, 0..1
 * @throws EarshotError `shape_mismatch`
 */
export function opticalFlow(
  before: Float32Array,
  after: Float32Array,
  width: number,
  height: number,
  { windowDeviation = 2, iterations = 4 }: OpticalFlowOptions = {},
): FlowField {
  const size = width * height;
  if (size === 0 || before.length !== size || after.length !== size) {
    throw new EarshotError('shape_mismatch', `Two frames of [${height}, ${width}] luma are needed.`);
  }
  const window = gaussian(windowDeviation);
  const first = pyramid({ width, height, data: before });
  const second = pyramid({ width, height, data: after });
  let flow: FlowField | null = null;
  for (let level = first.length - 1; level >= 0; level--) {
    const from = first[level] as Plane;
    flow = flow ? enlarged(flow, from.width, from.height) : still(from.width, from.height);
    const gradient = gradients(from);
    for (let i = 0; i < iterations; i++) refine(flow, from, second[level] as Plane, gradient, window);
  }
  return flow as FlowField;
}

function gaussian(deviation: number): number[] {
  const radius = Math.ceil(2 * deviation);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * deviation ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** The frame and its halves, quarters and so on, finest first. */
function pyramid(frame: Plane): Plane[] {
  const levels = [frame];
  for (let top = frame; Math.min(top.width, top.height) >= 2 * COARSEST_SIDE; levels.push(top))
    top = halved(top);
  return levels;
}

function halved(plane: Plane): Plane {
  const smooth = blurred(plane, SMOOTHING, 'repeat');
  const width = plane.width >> 1;
  const height = plane.height >> 1;
  // A pixel of the half stands in the middle of four.
  const data = Float32Array.from({ length: width * height }, (_, i) => {
    const at = 2 * Math.floor(i / width) * plane.width + 2 * (i % width);
    const upper = (smooth[at] as number) + (smooth[at + 1] as number);
    return (upper + (smooth[at + plane.width] as number) + (smooth[at + plane.width + 1] as number)) / 4;
  });
  return { width, height, data };
}

interface Gradient {
  x: Float32Array;
  y: Float32Array;
}

/** Central differences; one-sided at the edges. */
function gradients({ width, height, data }: Plane): Gradient {
  const x = new Float32Array(data.length);
  const y = new Float32Array(data.length);
  for (let row = 0; row < height; row++) {
    const up = row > 0 ? -width : 0;
    const down = row < height - 1 ? width : 0;
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      const left = column > 0 ? -1 : 0;
      const right = column < width - 1 ? 1 : 0;
      x[at] = ((data[at + right] as number) - (data[at + left] as number)) / Math.max(1, right - left);
      y[at] = ((data[at + down] as number) - (data[at + up] as number)) / Math.max(1, (down - up) / width);
    }
  }
  return { x, y };
}

/**
 * One warp. With the flow `f` so far and `r(q) = before(q) - after(q + f(q))`, the flow of a window is the least-squares
 * answer to `g(q) . flow = r(q) + g(q) . f(q)`; windows without gradient stay with what they have.
 */
function refine(
  flow: FlowField,
  before: Plane,
  after: Plane,
  gradient: Gradient,
  window: readonly number[],
): void {
  const { width, height } = flow;
  const sums = Array.from({ length: 5 }, () => new Float32Array(width * height)) as FiveSums;
  gatherProducts(flow, before, after, gradient, sums);
  const [xx, xy, yy, xt, yt] = sums.map((data) =>
    blurred({ width, height, data }, window, 'zero'),
  ) as FiveSums;
  for (let i = 0; i < flow.u.length; i++) {
    const a = (xx[i] as number) + RIDGE;
    const b = xy[i] as number;
    const d = (yy[i] as number) + RIDGE;
    const right = (xt[i] as number) + RIDGE * (flow.u[i] as number);
    const down = (yt[i] as number) + RIDGE * (flow.v[i] as number);
    const determinant = a * d - b * b;
    flow.u[i] = (right * d - down * b) / determinant;
    flow.v[i] = (down * a - right * b) / determinant;
  }
}

type FiveSums = [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];

/** Products of the gradients with each other and with the right side; zero where the flow leaves the frame. */
function gatherProducts(
  { width, height, u, v }: FlowField,
  before: Plane,
  after: Plane,
  gradient: Gradient,
  [xx, xy, yy, xt, yt]: FiveSums,
): void {
  for (let i = 0; i < u.length; i++) {
    const x = (i % width) + (u[i] as number);
    const y = Math.floor(i / width) + (v[i] as number);
    if (!(x >= 0 && x <= width - 1 && y >= 0 && y <= height - 1)) continue;
    const gx = gradient.x[i] as number;
    const gy = gradient.y[i] as number;
    const rest = (before.data[i] as number) - bilinear(after.data, width, height, x, y);
    const right = rest + gx * (u[i] as number) + gy * (v[i] as number);
    xx[i] = gx * gx;
    xy[i] = gx * gy;
    yy[i] = gy * gy;
    xt[i] = gx * right;
    yt[i] = gy * right;
  }
}

function still(width: number, height: number): FlowField {
  return { width, height, u: new Float32Array(width * height), v: new Float32Array(width * height) };
}

/** A coarse level's flow on the next finer one. */
function enlarged(flow: FlowField, width: number, height: number): FlowField {
  const across = (plane: Float32Array) =>
    Float32Array.from(
      { length: width * height },
      (_, i) =>
        2 *
        bilinear(
          plane,
          flow.width,
          flow.height,
          ((i % width) + 0.5) / 2 - 0.5,
          (Math.floor(i / width) + 0.5) / 2 - 0.5,
        ),
    );
  return { width, height, u: across(flow.u), v: across(flow.v) };
}

/**
 * Paths of points along the flow, `p(t + 1) = p(t) + flow[t](p(t))`; the flow between pixels is interpolated and goes
 * on beyond the edge.
 *
 * @param flows  from each frame to the next, all of one size
 * @param points `[points, 2]`: x and y in the first frame
 * @returns `[flows + 1, points, 2]`
 */
export function trajectories(flows: readonly FlowField[], points: Float32Array): Float32Array {
  const out = new Float32Array((flows.length + 1) * points.length);
  out.set(points);
  flows.forEach(({ width, height, u, v }, t) => {
    const at = t * points.length;
    for (let i = 0; i < points.length; i += 2) {
      const x = out[at + i] as number;
      const y = out[at + i + 1] as number;
      out[at + points.length + i] = x + bilinear(u, width, height, x, y);
      out[at + points.length + i + 1] = y + bilinear(v, width, height, x, y);
    }
  });
  return out;
}
