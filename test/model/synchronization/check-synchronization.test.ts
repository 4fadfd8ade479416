import { describe, expect, it } from 'vitest';
import { answerOf } from '#model/synchronization/check-synchronization';
import { offsetOfShift, type ShiftEvidence } from '#model/synchronization/synchronization-head';

const SHIFTS = 101;

/** A window that takes the sound to be so much ahead. */
function says(offsetSec: number, nothing = 0.02, widthSec = 0.03): ShiftEvidence {
  const weights = Float64Array.from({ length: SHIFTS }, (_, i) =>
    Math.exp(-0.5 * ((offsetOfShift(i, SHIFTS) - offsetSec) / widthSec) ** 2),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return { shifts: weights.map((weight) => weight / total), nothing };
}

describe('the answer of several windows', () => {
  it('is the offset that they agree on, between the steps as well', () => {
    for (const offsetSec of [-1.234, -0.05, 0, 0.008, 0.713]) {
      const answer = answerOf([says(offsetSec), says(offsetSec), says(offsetSec)], 0.5);
      expect(answer.offsetSec).toBeCloseTo(offsetSec, 3);
      expect(answer.confidence).toBeGreaterThan(0.95);
    }
  });

  it('is not moved by a window that errs, however sure it is', () => {
    const answer = answerOf([says(0.4), says(0.4), says(-1.2, 0, 0.01), says(0.4)], 0.5);
    expect(answer.offsetSec).toBeCloseTo(0.4, 2);
  });

  it('is surer of what more windows say', () => {
    const vague = () => says(0.2, 0.1, 0.15);
    const [one, four] = [1, 4].map((count) => answerOf(Array.from({ length: count }, vague), 0));
    expect(four?.confidence).toBeGreaterThan((one?.confidence ?? 1) + 0.1);
  });

  it('takes a clip for one that can be synchronised where a good part of it can', () => {
    const silent = () => says(0, 0.99, 0.5);
    const half = answerOf([silent(), says(0.6), says(0.6), silent()], 0.5);
    expect(half).toMatchObject({ verdict: 'out_of_sync' });
    expect(half.offsetSec).toBeCloseTo(0.6, 2);
    const none = answerOf([silent(), silent(), silent()], 0.5);
    expect(none).toMatchObject({ offsetSec: null, confidence: 0, verdict: 'not_synchronizable' });
    expect(none.synchronizability).toBeLessThan(0.0101);
  });

  it('answers nothing from a curve without a peak, however much there is to see and to hear', () => {
    const [flat, peaked] = [answerOf([says(0.6, 0, 1.5)], 0.5), answerOf([says(0.6, 0)], 0.5)];
    expect(flat).toMatchObject({ offsetSec: null, verdict: 'not_synchronizable' });
    expect(peaked.verdict).toBe('out_of_sync');
  });

  it.each([
    [0.02, 'in_sync'],
    [0.07, 'detectable'],
    [0.12, 'out_of_sync'],
    [-0.1, 'in_sync'],
    [-0.15, 'detectable'],
    [-0.25, 'out_of_sync'],
  ] as const)('calls %d s %s', (offsetSec, verdict) => {
    expect(answerOf([says(offsetSec)], 0.5).verdict).toBe(verdict);
  });
});
