import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { fitCoincidenceWeight, type KnownShift } from '#learning/synchronization/measure-coincidence';
import { offsetOfShift } from '#model/synchronization/synchronization-head';

const SHIFTS = 21;

/** Windows in whose curves the true shift stands out by so much from noise of deviation 1. */
function windows(headPeak: number, coincidencePeak: number): KnownShift[] {
  const random = new SeededRandom(7);
  return Array.from({ length: 400 }, () => {
    const shift = random.integer(0, SHIFTS);
    const curve = (peak: number) =>
      Float64Array.from({ length: SHIFTS }, (_, i) => random.normal() + (i === shift ? peak : 0));
    // Of such a curve the log-likelihood ratio is itself times its peak.
    const head = curve(headPeak).map((value) => headPeak * value);
    return { offsetSec: offsetOfShift(shift, SHIFTS), head, coincidence: curve(coincidencePeak) };
  });
}

describe('the weight of the onsets', () => {
  it.each([0.7, 1.5])('is what makes a likelihood ratio of their curve (peaks of %d)', (peak) => {
    expect(Math.abs(fitCoincidenceWeight(windows(1.5, peak)) - peak)).toBeLessThan(0.25);
  });

  it('is nearly nothing for a curve that knows nothing, and never below', () => {
    expect(fitCoincidenceWeight(windows(1.5, 0))).toBeLessThan(0.2);
    expect(fitCoincidenceWeight(windows(1.5, -1.5))).toBe(0);
  });
});
