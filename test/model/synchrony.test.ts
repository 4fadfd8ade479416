import { describe, expect, it } from 'vitest';
import { candidateRegions } from '#model/localization/candidate-regions';
import { keepClassesInStep, keepInStep, soundingRatio } from '#model/localization/synchrony';
import type { PlaceEvidence } from '#model/synchronization/synchronization-head';

const SHIFTS = 5;
const CELLS = 36;

/** Of the head's 6 x 6 cells, those of one half agree with the sound by `gain` at one shift, and at no other. */
function evidence(halves: { left: [number, number]; right: [number, number] }, nothing = 0): PlaceEvidence {
  const agreement = Array.from({ length: SHIFTS }, (_, i) =>
    Float64Array.from({ length: CELLS }, (_, cell) => {
      const [shift, gain] = cell % 6 < 3 ? halves.left : halves.right;
      return shift === i - 2 ? gain : 0;
    }),
  );
  return { agreement, nothing };
}

const LEFT = Array.from({ length: CELLS }, (_, cell) => cell).filter((cell) => cell % 6 < 3);

describe('the places of a map', () => {
  it('are its peaks, where the map falls far enough between them', () => {
    const { regionOf, count } = candidateRegions(
      Float32Array.of(8, 4, 0, 2, 8, 4, 0, 6, 8, 4, 0, 2, 8, 4, 0, 2),
      4,
    );
    expect(count).toBe(2);
    expect([0, 1, 4, 12].map((cell) => regionOf[cell])).toEqual([0, 0, 0, 0]);
    expect([3, 7, 11, 15].map((cell) => regionOf[cell])).toEqual([1, 1, 1, 1]);
  });

  it('are one where two peaks are hardly parted, or one is faint', () => {
    expect(candidateRegions(Float32Array.of(8, 7, 8, 0, 0, 0, 0, 0, 0), 3).count).toBe(1);
    expect(candidateRegions(Float32Array.of(8, 0, 1, 0, 0, 0, 0, 0, 0), 3).count).toBe(1);
    expect(candidateRegions(Float32Array.of(8, 0, 4, 0, 0, 0, 0, 0, 0), 3).count).toBe(2);
    expect(candidateRegions(new Float32Array(9), 3).count).toBe(1);
  });
});

describe('how much likelier a place sounds for its movement', () => {
  it('is the share of its agreement that falls on no shift, over the even share', () => {
    // At the middle one of 5 shifts e^g, at the others 1; 5 times its share.
    const gain = Math.log(6);
    const inStep = evidence({ left: [0, gain], right: [1, gain] });
    expect(soundingRatio(inStep, LEFT)).toBeCloseTo((5 * 6) / 10, 9);
    const right = LEFT.map((cell) => cell + 3);
    expect(soundingRatio(inStep, right)).toBeCloseTo((5 * 1) / 10, 9);
  });

  it('is 1 where nothing can be synchronised', () => {
    expect(soundingRatio(evidence({ left: [0, 3], right: [1, 3] }, 1), LEFT)).toBe(1);
    expect(soundingRatio(evidence({ left: [0, Math.log(6)], right: [1, 0] }, 0.5), LEFT)).toBeCloseTo(2, 9);
  });
});

describe('maps of what looks alike', () => {
  const side = 12;
  const column = (cell: number) => cell % side;
  /** Two places, left and right, with nothing between. */
  const two = Float32Array.from({ length: side * side }, (_, cell) =>
    column(cell) < 4 ? 0.8 : column(cell) >= 8 ? 0.9 : 0.1,
  );

  it('keep the place that moves as the sound goes, and lower the other by its odds', () => {
    const gain = Math.log(6);
    const kept = keepInStep(two, side, evidence({ left: [0, gain], right: [1, gain] }));
    expect(kept[0]).toBeCloseTo(0.8, 6);
    // Ratios 3 and 1/2: chances 3/4 and 1/3.
    expect(kept[side - 1]).toBeCloseTo(0.9 * (1 / 3 / (3 / 4)), 6);
  });

  it('keep both where both are in step, and where nothing can be told', () => {
    const both = evidence({ left: [0, 3], right: [0, 3] });
    expect(keepInStep(two, side, both)[side - 1]).toBeCloseTo(0.9, 6);
    const unknown = evidence({ left: [0, 3], right: [1, 3] }, 1);
    expect(keepInStep(two, side, unknown)[side - 1]).toBeCloseTo(0.9, 6);
  });

  it('of one class are lowered only where another place has twice the chance', () => {
    const lowered = (gain: number) => {
      const maps = [[two, two]];
      const found = { labels: ['bird', 'dog'], side, probabilities: Float32Array.of(0.9, 0.1), maps };
      keepClassesInStep(found, evidence({ left: [0, Math.log(6)], right: [1, Math.log(gain)] }), 0.5);
      // A class that is not there stays as it is.
      expect(maps[0]?.[1]).toBe(two);
      return (maps[0]?.[0]?.[side - 1] as number) / 0.9;
    };
    // Chances 3/4 and 1/3, less than half as much: as far as it falls short of half.
    expect(lowered(6)).toBeCloseTo(1 / 3 / (0.5 * 0.75), 6);
    expect(lowered(16)).toBeLessThan(lowered(6));
    expect(lowered(1.2)).toBeCloseTo(1, 6);
  });

  it('stay as they are where there is one place only', () => {
    const one = two.map((value, cell) => (column(cell) >= 8 ? 0 : value));
    expect(keepInStep(one, side, evidence({ left: [2, 3], right: [0, 3] }))).toEqual(one);
  });
});
