import { describe, expect, it } from 'vitest';
import { CELL_CHANNELS, CELL_COUNT, cellMotion, LUMA_SIZE } from '#model/synchronization/cell-motion';

/** Luma of each frame from its place; gentle waves have a slope everywhere. */
function film(count: number, lumaAt: (x: number, y: number, frame: number) => number): Float32Array {
  const out = new Float32Array(count * LUMA_SIZE * LUMA_SIZE);
  for (let frame = 0; frame < count; frame++)
    for (let y = 0; y < LUMA_SIZE; y++)
      for (let x = 0; x < LUMA_SIZE; x++) out[(frame * LUMA_SIZE + y) * LUMA_SIZE + x] = lumaAt(x, y, frame);
  return out;
}

const texture = (x: number, y: number) => 0.5 + 0.2 * Math.sin(x / 3) + 0.2 * Math.cos(y / 4);
const channelOf = (motion: Float32Array, frame: number, cell: number, channel: number) =>
  motion[(frame * CELL_COUNT + cell) * CELL_CHANNELS + channel] as number;

describe('motion of cells', () => {
  it('finds the velocity of what moves, rightwards and downwards', () => {
    const right = cellMotion(
      film(2, (x, y, frame) => texture(x - 0.5 * frame, y)),
      2,
    );
    const down = cellMotion(
      film(2, (x, y, frame) => texture(x, y - 0.5 * frame)),
      2,
    );
    const inside = 2 * 6 + 3;
    const velocity = (motion: Float32Array) =>
      [5, 6].map((channel) => Math.sinh(channelOf(motion, 1, inside, channel)) / 4);
    const [[rightwards, aside], [acrossDown, downwards]] = [velocity(right), velocity(down)];
    // Less than half a pixel: cells without texture are taken to stand still, and the others are drawn towards that.
    for (const speed of [rightwards, downwards]) {
      expect(speed).toBeGreaterThan(0.25);
      expect(speed).toBeLessThan(0.52);
    }
    // A cell holds little texture, so some of the motion shows across it as well; the true direction stays the larger.
    for (const [across, along] of [
      [aside, rightwards],
      [acrossDown, downwards],
    ] as [number, number][])
      expect(Math.abs(across)).toBeLessThan(0.6 * along);
  });

  it('sees no motion in the first frame, nor in a picture that stands still', () => {
    const motion = cellMotion(film(3, texture), 3);
    for (let frame = 0; frame < 3; frame++)
      for (let cell = 0; cell < CELL_COUNT; cell++)
        for (let channel = 2; channel < CELL_CHANNELS; channel++)
          expect(Math.abs(channelOf(motion, frame, cell, channel))).toBe(0);
  });

  it('tells where something flashes up, and how much', () => {
    const lit = (x: number, y: number) => x >= 8 && x < 16 && y < 8;
    const motion = cellMotion(
      film(2, (x, y, frame) => (frame === 1 && lit(x, y) ? 0.7 : 0.2)),
      2,
    );
    expect(Math.sinh(channelOf(motion, 1, 1, 2)) / 50).toBeCloseTo(0.5, 4);
    expect(Math.sinh(channelOf(motion, 1, 1, 4)) / 10).toBeCloseTo(0.5, 4);
    expect(channelOf(motion, 1, 1, 0) - channelOf(motion, 0, 1, 0)).toBeCloseTo(4 * 0.5, 4);
    for (let cell = 0; cell < CELL_COUNT; cell++)
      if (cell !== 1) expect(channelOf(motion, 1, cell, 3)).toBe(0);
  });
});
