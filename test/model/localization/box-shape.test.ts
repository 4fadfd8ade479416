import { describe, expect, it } from 'vitest';
import { boxShaped } from '#model/localization/box-shape';

const SIDE = 6;

/** Rows of digits, in tenths. */
function drawn(...rows: string[]): Float32Array {
  return Float32Array.from([...rows.join('')].map((digit) => Number(digit) / 10));
}

describe('a region of a map', () => {
  it('gets the shape of a box, midway between the threshold and its mean, and stays surer where it was', () => {
    const map = drawn('000000', '069000', '006900', '000690', '000000', '000000');
    const shaped = boxShaped(map, SIDE, 0.4);
    const level = (0.4 + (3 * 0.6 + 3 * 0.9) / 6) / 2;
    const marked = Array.from({ length: SIDE }, (_, row) =>
      [...shaped.subarray(row * SIDE, (row + 1) * SIDE)].map((value) => (value >= 0.4 ? 1 : 0)).join(''),
    );
    expect(marked).toEqual(['000000', '011110', '011110', '011110', '000000', '000000']);
    expect(shaped[SIDE + 2]).toBeCloseTo(0.9, 6);
    expect(shaped[SIDE + 4]).toBeCloseTo(level, 6);
    expect(map[SIDE + 4]).toBe(0);
  });

  it('leaves out of its box what hardly belongs to it, at each side', () => {
    // A row of three cells sticks out: 0.4 of 13.3.
    const thin = drawn('990000', '994000', '990000', '990000', '990000', '990000');
    const shaped = boxShaped(thin, SIDE, 0.4);
    expect(shaped[2]).toBe(0);
    expect(shaped[SIDE + 2]).toBeCloseTo(0.4, 6);
    // As thick as that it belongs to it.
    const thick = drawn('990000', '999000', '999000', '990000', '990000', '990000');
    expect(boxShaped(thick, SIDE, 0.4)[2]).toBeGreaterThan(0.4);
  });

  it('is a box of its own beside another, and gone where it is a speck beside it', () => {
    const two = drawn('990000', '990000', '000000', '000000', '000055', '000055');
    expect(boxShaped(two, SIDE, 0.4)).toEqual(two);
    const speck = drawn('990000', '990000', '990000', '000000', '000000', '000005');
    const shaped = boxShaped(speck, SIDE, 0.4);
    expect(shaped.at(-1)).toBe(0);
    expect(shaped[0]).toBeCloseTo(0.9, 6);
  });

  it('stays as it is where nothing reaches the threshold', () => {
    const faint = drawn('330000', '330000', '000000', '000000', '000000', '000000');
    expect(boxShaped(faint, SIDE, 0.4)).toEqual(faint);
  });
});
