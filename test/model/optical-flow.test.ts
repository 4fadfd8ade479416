import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { type FlowField, opticalFlow, trajectories } from '#model/front-ends/optical-flow';

const SIDE = 64;

/** A texture that can be read anywhere: waves of 6 to 40 pixels in random directions. */
function texture(seed: number): (x: number, y: number) => number {
  const random = new SeededRandom(seed);
  const waves = Array.from({ length: 24 }, () => {
    const frequency = (2 * Math.PI) / random.uniform(6, 40);
    const direction = random.uniform(0, 2 * Math.PI);
    return {
      fx: frequency * Math.cos(direction),
      fy: frequency * Math.sin(direction),
      phase: random.uniform(0, 6),
    };
  });
  return (x, y) =>
    0.5 + waves.reduce((sum, { fx, fy, phase }) => sum + Math.sin(fx * x + fy * y + phase), 0) / 24;
}

function frame(luma: (x: number, y: number) => number, side = SIDE): Float32Array {
  return Float32Array.from({ length: side * side }, (_, i) => luma(i % side, Math.floor(i / side)));
}

/** Mean end-point error, in pixels, over pixels whose motion stays inside the frame. */
function endPointError(flow: FlowField, truth: (x: number, y: number) => [number, number]): number {
  const { width, height, u, v } = flow;
  let sum = 0;
  let count = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [tu, tv] = truth(x, y);
      const isInside = x + tu >= 0 && x + tu <= width - 1 && y + tv >= 0 && y + tv <= height - 1;
      if (!isInside) continue;
      const at = y * width + x;
      sum += Math.hypot((u[at] as number) - tu, (v[at] as number) - tv);
      count++;
    }
  }
  return sum / count;
}

describe('optical flow on synthetic motion', () => {
  it.each([
    [0, 0],
    [0.3, -0.6],
    [1, 0],
    [-2, 1.5],
    [3.5, 2],
    [-4, -4],
    [0, 6],
    [6, 0],
    [4.2, -4.2],
  ])('finds a shift of (%d, %d) to 0.3 px', (du, dv) => {
    const luma = texture(5);
    const flow = opticalFlow(
      frame(luma),
      frame((x, y) => luma(x - du, y - dv)),
      SIDE,
      SIDE,
    );
    expect(endPointError(flow, () => [du, dv])).toBeLessThan(0.3);
  });

  it('finds a turn and a zoom about the middle', () => {
    const luma = texture(6);
    const middle = (SIDE - 1) / 2;
    for (const [cos, sin] of [
      [Math.cos(0.06), Math.sin(0.06)],
      [1.06, 0],
    ] as const) {
      const scale = cos * cos + sin * sin;
      // The inverse of p -> M (p - middle) + middle.
      const moved = frame((x, y) =>
        luma(
          middle + (cos * (x - middle) + sin * (y - middle)) / scale,
          middle + (-sin * (x - middle) + cos * (y - middle)) / scale,
        ),
      );
      const flow = opticalFlow(frame(luma), moved, SIDE, SIDE);
      const error = endPointError(flow, (x, y) => [
        (cos - 1) * (x - middle) - sin * (y - middle),
        sin * (x - middle) + (cos - 1) * (y - middle),
      ]);
      expect(error).toBeLessThan(0.15);
    }
  });

  it('tells a moving thing from the still picture behind it', () => {
    const behind = texture(7);
    const thing = texture(8);
    const inside = (x: number, y: number) => x >= 20 && x < 44 && y >= 20 && y < 44;
    const scene = (shift: number) =>
      frame((x, y) => (inside(x - shift, y) ? thing(x - shift, y) : behind(x, y)));
    const { u, v } = opticalFlow(scene(0), scene(3), SIDE, SIDE);
    const at = (x: number, y: number) => y * SIDE + x;
    expect(u[at(32, 32)]).toBeCloseTo(3, 0);
    expect(Math.abs(v[at(32, 32)] as number)).toBeLessThan(0.3);
    for (const [x, y] of [
      [6, 6],
      [32, 6],
      [58, 58],
      [6, 50],
    ] as const) {
      expect(Math.hypot(u[at(x, y)] as number, v[at(x, y)] as number)).toBeLessThan(0.3);
    }
  });

  it('is zero where there is nothing to see, and finite on tiny frames', () => {
    const flat = new Float32Array(SIDE * SIDE).fill(0.4);
    const { u, v } = opticalFlow(flat, flat, SIDE, SIDE);
    expect(u.every((value) => value === 0) && v.every((value) => value === 0)).toBe(true);
    const tiny = opticalFlow(new Float32Array([0, 1, 0.5]), new Float32Array([1, 0, 0.5]), 3, 1);
    expect([...tiny.u, ...tiny.v].every(Number.isFinite)).toBe(true);
  });

  it('refuses frames of another shape', () => {
    expect(() => opticalFlow(new Float32Array(4), new Float32Array(5), 2, 2)).toThrow(
      expect.objectContaining({ code: 'shape_mismatch' }),
    );
  });
});

describe('trajectories', () => {
  /** Flow that grows to the right by 1 a pixel, and falls 2 everywhere. */
  const growing: FlowField = {
    width: 8,
    height: 4,
    u: Float32Array.from({ length: 32 }, (_, i) => i % 8),
    v: new Float32Array(32).fill(2),
  };

  it('chain the flow between pixels, as worked out by hand, and go on beyond the edge', () => {
    // x doubles with every step: 1.5, 3, 6, and then 6 + 6; y grows by 2, past the last row.
    const paths = trajectories([growing, growing, growing], new Float32Array([1.5, 0, 0, 1]));
    expect([...paths]).toEqual([1.5, 0, 0, 1, 3, 2, 0, 3, 6, 4, 0, 5, 12, 6, 0, 7]);
    expect([...trajectories([], new Float32Array([1, 2]))]).toEqual([1, 2]);
  });

  it('follow a texture over many frames', () => {
    const luma = texture(9);
    const frames = Array.from({ length: 9 }, (_, t) => frame((x, y) => luma(x - 1.2 * t, y + 0.7 * t)));
    const flows = frames
      .slice(1)
      .map((after, t) => opticalFlow(frames[t] as Float32Array, after, SIDE, SIDE));
    const end = trajectories(flows, new Float32Array([20, 40])).subarray(16);
    expect(Math.hypot((end[0] as number) - 29.6, (end[1] as number) - 34.4)).toBeLessThan(0.5);
  });
});
