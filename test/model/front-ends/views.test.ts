import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { videoBatch } from '#model/front-ends/video-batch';
import { meanOfViews, viewCount, viewedBatch, viewedPixelGradient } from '#model/front-ends/views';

const MOTION = { size: 8 };
const WIDTH = 16;
const HEIGHT = 24;
const COUNT = 5;

const plain = {
  rateHz: 12.5,
  width: WIDTH,
  height: HEIGHT,
  fit: 'stretch' as const,
  colourEveryFrames: 2,
  normalization: {
    mean: [0.4, 0.45, 0.5] as [number, number, number],
    deviation: [0.2, 0.25, 0.3] as [number, number, number],
  },
};
const spec = (views: { centrePart: number; mirrored: boolean; colourEveryFrames: number }) => ({
  ...plain,
  views,
});
const unnormalised = (value: number, channel: 0 | 1 | 2) =>
  value * plain.normalization.deviation[channel] + plain.normalization.mean[channel];

function bytes(seed: number): Uint8Array {
  const random = new SeededRandom(seed);
  return Uint8Array.from({ length: COUNT * HEIGHT * WIDTH * 3 }, () => random.integer(0, 256));
}

function noise(length: number, seed: number): Float32Array {
  const random = new SeededRandom(seed);
  return Float32Array.from({ length }, () => random.normal());
}

function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function expectNear(
  actual: Float32Array | undefined,
  expected: ArrayLike<number> | undefined,
  tolerance: number,
): void {
  expect(actual).toHaveLength(expected?.length ?? 0);
  const worst = [...(actual ?? [])].reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (expected?.[i] as number))),
    0,
  );
  expect(worst).toBeLessThan(tolerance);
}

const blocks = [1, 2, 3].map((seed) => ({ data: bytes(seed), count: COUNT }));

describe('views of a picture', () => {
  it('are all of it once where the front end says nothing', () => {
    expect(viewCount(plain)).toBe(1);
    expect(viewedBatch(blocks, plain, MOTION)).toEqual(videoBatch(blocks, plain, MOTION));
  });

  it('of the whole, not mirrored, are the same numbers', () => {
    const seen = viewedBatch(blocks, spec({ centrePart: 1, mirrored: false, colourEveryFrames: 2 }), MOTION);
    const all = videoBatch(blocks, plain, MOTION);
    expect(seen.frameTimesSec).toEqual(all.frameTimesSec);
    expect(seen.motion?.shape).toEqual(all.motion?.shape);
    expectNear(seen.frames, all.frames, 1e-5);
    expectNear(seen.motion?.data, all.motion?.data, 1e-4);
  });

  it('show the middle as large as the frame: a ramp becomes less steep, about the same centre', () => {
    const ramp = new Uint8Array(HEIGHT * WIDTH * 3);
    for (let y = 0; y < HEIGHT; y++)
      for (let x = 0; x < WIDTH; x++) ramp.set([10 * x, 10 * y, 100], (y * WIDTH + x) * 3);
    const half = spec({ centrePart: 0.5, mirrored: false, colourEveryFrames: 1 });
    const { frames } = viewedBatch([{ data: ramp, count: 1 }], half, null);
    const at = (x: number, y: number, channel: 0 | 1 | 2) =>
      255 * unnormalised(frames[(y * WIDTH + x) * 3 + channel] as number, channel);
    for (const x of [0, 5, 15]) expect(at(x, 3, 0)).toBeCloseTo(10 * (8 + (x + 0.5 - 8) / 2 - 0.5), 3);
    for (const y of [0, 7, 23]) expect(at(4, y, 1)).toBeCloseTo(10 * (12 + (y + 0.5 - 12) / 2 - 0.5), 3);
    expect(at(7, 9, 2)).toBeCloseTo(100, 3);
  });

  it('mirrored come after all blocks as they are, as if the pictures had been turned round', () => {
    const views = { centrePart: 0.7, mirrored: true, colourEveryFrames: 2 };
    const turned = blocks.map(({ data, count }) => {
      const other = new Uint8Array(data.length);
      for (let pixel = 0; pixel < data.length / 3; pixel++) {
        const x = pixel % WIDTH;
        other.set(data.subarray(3 * pixel, 3 * pixel + 3), 3 * (pixel - x + WIDTH - 1 - x));
      }
      return { data: other, count };
    });
    const both = viewedBatch(blocks, spec(views), MOTION);
    const alone = { ...views, mirrored: false };
    const once = viewedBatch(blocks, spec(alone), MOTION);
    const mirrored = viewedBatch(turned, spec(alone), MOTION);
    expect(viewCount(spec(views))).toBe(2);
    for (const part of ['frames', 'frameTimesSec', 'motionTimesSec', 'luma'] as const) {
      expectNear(both[part], [...once[part], ...mirrored[part]], 1e-5);
    }
    expect(both.motion?.shape).toEqual([2 * 3 * COUNT, 4, 4, 8]);
    const moving = [...(once.motion?.data ?? []), ...(mirrored.motion?.data ?? [])];
    expectNear(both.motion?.data, moving, 1e-4);
  });

  it.each([true, false])('have an exact adjoint, mirrored %s', (mirrored) => {
    const views = spec({ centrePart: 0.73, mirrored, colourEveryFrames: 3 });
    const size = COUNT * HEIGHT * WIDTH * 3;
    const seen = (pictures: Float32Array[]) =>
      viewedBatch(
        pictures.map((data) => ({ data, count: COUNT })),
        views,
        MOTION,
      );
    const pictures = [noise(size, 1), noise(size, 2)];
    const [there, zero] = [seen(pictures), seen(pictures.map(() => new Float32Array(size)))];
    const colour = noise(there.frames.length, 3);
    const motion = noise(there.motion?.data.length ?? 0, 4);
    const forward =
      inner(there.frames, colour) -
      inner(zero.frames, colour) +
      inner(there.motion?.data ?? [], motion) -
      inner(zero.motion?.data ?? [], motion);
    const backward = pictures.reduce((sum, picture, block) => {
      const place = { block, blocks: 2, count: COUNT };
      return sum + inner(picture, viewedPixelGradient({ colour, motion }, place, views, MOTION));
    }, 0);
    expect(Math.abs(backward / forward - 1)).toBeLessThan(1e-4);
  });

  it('are brought together by direction, block by block', () => {
    const rows = Float32Array.from([1, 0, 0, 1, 0, 1, 0, 1]);
    const mean = meanOfViews(rows, 2, 2);
    expectNear(mean, [Math.SQRT1_2, Math.SQRT1_2, 0, 1], 1e-6);
    expect(meanOfViews(rows, 1, 2)).toBe(rows);
  });
});
