import { describe, expect, it } from 'vitest';
import { lumaFrame, motionFrames, motionFromLuma } from '#model/front-ends/motion';
import { videoBatch } from '#model/front-ends/video-batch';

describe('luma', () => {
  it('weighs the colours after BT.601 and averages blocks', () => {
    // 2 x 2 blocks of a 4 x 2 picture: red, green, blue and black on the left, white on the right.
    const row = (...pixels: number[][]) => pixels.flat();
    const white = [255, 255, 255];
    const rgb = Uint8Array.from([
      ...row([255, 0, 0], [0, 255, 0], white, white),
      ...row([0, 0, 255], [0, 0, 0], white, white),
    ]);
    const out = new Float32Array(4);
    // Two columns, two rows of one pixel's height each.
    lumaFrame(rgb, 0, 4, 2, 2, out, 0);
    expect(out[0]).toBeCloseTo((0.299 + 0.587) / 2, 6);
    expect(out[1]).toBeCloseTo(1, 6);
    expect(out[2]).toBeCloseTo(0.114 / 2, 6);
    expect(out[3]).toBeCloseTo(1, 6);
  });
});

describe('motion frames', () => {
  it('lay luma and change of 2 x 2 pixels side by side', () => {
    // One block; the second frame brightens the upper right pixel by 0.1.
    const luma = Float32Array.of(0.45, 0.45, 0.45, 0.7, 0.45, 0.55, 0.45, 0.7);
    const out = new Float32Array(16);
    motionFromLuma(luma, 2, 2, out, 0);
    const expected = [0, 0, 0, 0, 0, 0, 1, 0, /**/ 0, 0, 0.4, 1.2, 0, 0, 1, 0];
    for (const [i, value] of expected.entries()) expect(out[i]).toBeCloseTo(value, 5);
  });

  it('order blocks by row, then column', () => {
    // A 4 x 4 ramp: the value names the pixel.
    const luma = Float32Array.from({ length: 16 }, (_, i) => 0.45 + 0.25 * i);
    const out = new Float32Array(32);
    motionFromLuma(luma, 1, 4, out, 0);
    const pixels = [0, 1, 2, 3].map((block) =>
      [0, 1, 2, 3].map((k) => Math.abs(Math.round(out[block * 8 + 2 * k]!))),
    );
    expect(pixels).toEqual([
      [0, 1, 4, 5],
      [2, 3, 6, 7],
      [8, 9, 12, 13],
      [10, 11, 14, 15],
    ]);
  });

  it('are the same from bytes, at half the size', () => {
    const frames = new Uint8Array(2 * 4 * 4 * 3);
    frames.fill(51, 48);
    const out = new Float32Array(16);
    motionFrames(frames, 2, 4, 4, { size: 2 }, out, 0);
    expect(out[0]).toBeCloseTo(-0.45 / 0.25, 5);
    expect(out[1]).toBe(0);
    expect(out[8]).toBeCloseTo((0.2 - 0.45) / 0.25, 5);
    expect(out[9]).toBeCloseTo(0.2 * 12, 5);
  });
});

describe('the video input of a segment', () => {
  const spec = {
    rateHz: 10,
    width: 4,
    height: 4,
    fit: 'stretch' as const,
    colourEveryFrames: 3,
    normalization: {
      mean: [0, 0, 0] as [number, number, number],
      deviation: [1, 1, 1] as [number, number, number],
    },
  };
  const block = (count: number) => ({
    count,
    data: Uint8Array.from({ length: count * 48 }, (_, i) => 10 * Math.floor(i / 48)),
  });

  it('shows every third frame in colour and every one in motion', () => {
    const input = videoBatch([block(5), block(5)], spec, { size: 2 });
    expect([...input.frameTimesSec].map((t) => t.toFixed(1))).toEqual(['0.0', '0.3', '0.0', '0.3']);
    expect(input.frames[0]).toBe(0);
    expect(input.frames[48]).toBeCloseTo(30 / 255, 6);
    expect(input.motion?.shape).toEqual([10, 1, 1, 8]);
    expect([...input.motionTimesSec.slice(3, 6)].map((t) => t.toFixed(1))).toEqual(['0.3', '0.4', '0.0']);
    // A block's first frame has no change, although another block stands before it.
    expect(input.motion?.data[5 * 8 + 1]).toBe(0);
  });

  it('has no motion for a tower that sees none, and takes a single frame', () => {
    const input = videoBatch([block(1)], spec, null);
    expect(input.motion).toBeNull();
    expect(input.motionTimesSec).toHaveLength(0);
    expect(input.frames).toHaveLength(48);
  });
});
