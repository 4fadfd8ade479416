import { describe, expect, it } from 'vitest';
import { dividePlaces } from '#model/localization/divide-places';

const SIDE = 12;
const column = (cell: number) => cell % SIDE;
const map = (value: (cell: number) => number) =>
  Float32Array.from({ length: SIDE * SIDE }, (_, i) => value(i));
const sum = (values: Float32Array, where: (cell: number) => boolean) =>
  values.reduce((total, value, cell) => total + (where(cell) ? value : 0), 0);
const isLeft = (cell: number) => column(cell) < 4;
const isRight = (cell: number) => column(cell) >= 8;

/** Two objects, left and right. */
const sounding = map((cell) => (isLeft(cell) || isRight(cell) ? 0.9 : 0.02));

describe('what sounds, divided among the classes that are heard', () => {
  it('is all of it where only one class is', () => {
    expect(dividePlaces(sounding, [map(() => -5)], SIDE)).toEqual([sounding]);
  });

  it('goes to the class whose claim is the stronger by comparison, though another claims all of it', () => {
    // The first is sure of itself everywhere, the second nowhere: it claims the right side a little more.
    const [loud, faint] = dividePlaces(
      sounding,
      [map((cell) => (isLeft(cell) ? 4 : 3.5)), map((cell) => (isRight(cell) ? -3 : -3.5))],
      SIDE,
    ) as [Float32Array, Float32Array];
    expect(sum(loud, isLeft)).toBeGreaterThan(0.95 * sum(sounding, isLeft));
    expect(sum(loud, isRight)).toBeLessThan(0.1 * sum(sounding, isRight));
    expect(sum(faint, isRight)).toBeGreaterThan(0.95 * sum(sounding, isRight));
    expect(sum(faint, isLeft)).toBeLessThan(0.1 * sum(sounding, isLeft));
  });

  it('follows what is claimed where it sounds; what is claimed where nothing does has no say', () => {
    const misled = (cell: number) => (isLeft(cell) || isRight(cell) ? 0 : 6);
    const [first, second] = dividePlaces(
      sounding,
      [
        map((cell) => (isLeft(cell) ? 1 : 0)),
        // Strong in the empty middle, nearest to which the right side lies as the left one does.
        map((cell) => (isRight(cell) ? 1 : misled(cell))),
      ],
      SIDE,
    ) as [Float32Array, Float32Array];
    expect(sum(first, isLeft)).toBeGreaterThan(sum(first, isRight));
    expect(sum(second, isRight)).toBeGreaterThan(sum(second, isLeft));
  });

  it('is shared by classes that say the same, and nowhere more than there was', () => {
    const same = map((cell) => (isLeft(cell) ? 1 : -1));
    const [first, second] = dividePlaces(sounding, [same, same.slice()], SIDE) as [
      Float32Array,
      Float32Array,
    ];
    expect([...first].every((value, cell) => Math.abs(value - (sounding[cell] as number)) < 1e-6)).toBe(true);
    expect(second).toEqual(first);
  });

  it('is nothing where nothing sounds', () => {
    const [first, second] = dividePlaces(
      map(() => 0),
      [map(() => 3), map((cell) => (isLeft(cell) ? 1 : 0))],
      SIDE,
    );
    expect([first, second].every((part) => part?.every((value) => value === 0))).toBe(true);
  });
});
