import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { formatMasks, MASK_SIDE, parseMasks } from '#learning/corpus/mask-file';

describe('mask files', () => {
  it('give back every cell that is covered by half or more', () => {
    const random = new SeededRandom(1);
    const cells = MASK_SIDE * MASK_SIDE;
    const shapes = [
      new Uint8Array(cells),
      new Uint8Array(cells).fill(255),
      Uint8Array.from({ length: cells }, (_, i) => (i < 5 || i > cells - 3 ? 255 : 0)),
      Uint8Array.from({ length: cells }, () => random.integer(0, 256)),
    ];
    const { side, masks } = parseMasks(formatMasks([shapes, [], shapes.slice(2)]));
    expect(side).toBe(MASK_SIDE);
    expect(masks.map((frames) => frames.length)).toEqual([4, 0, 2]);
    shapes.forEach((shape, i) => {
      expect(masks[0]?.[i]).toEqual(Uint8Array.from(shape, (value) => (value >= 128 ? 1 : 0)));
    });
  });
});
