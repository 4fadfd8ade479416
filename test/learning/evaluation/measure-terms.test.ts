import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { nearestShift } from '#learning/evaluation/measure-terms';
import { ALIGNMENT_SHIFTS } from '#model/objectives/alignment';

const STEPS = 37;
const WIDTH = 16;

/** Unit vectors of instants, drawn by lot: `start` is the first instant of the window. */
function window(start: number, seed: string) {
  const data = new Float32Array(STEPS * WIDTH);
  for (let step = 0; step < STEPS; step++) {
    const random = new SeededRandom(`${seed}/${start + step}`);
    const vector = Array.from({ length: WIDTH }, () => random.normal());
    const length = Math.hypot(...vector);
    data.set(
      vector.map((value) => value / length),
      step * WIDTH,
    );
  }
  return { data, shape: [1, STEPS, WIDTH] };
}

describe('the lag that steps tell', () => {
  it.each([...ALIGNMENT_SHIFTS])('is found where both say the same of an instant: %i', (lag) => {
    // The sound's window begins as much later as the picture lags.
    expect(nearestShift(window(100 + lag, 'clip'), window(100, 'clip'), STEPS)).toBe(lag);
  });

  it('is none where steps say nothing', () => {
    const constant = { data: new Float32Array(STEPS * WIDTH).fill(0.25), shape: [1, STEPS, WIDTH] };
    expect(nearestShift(constant, constant, STEPS)).toBe(0);
  });

  it('is anything where they speak of different things', () => {
    const found = Array.from({ length: 60 }, (_, i) =>
      nearestShift(window(0, `a${i}`), window(0, `b${i}`), STEPS),
    );
    const zeros = found.filter((shift) => shift === 0).length;
    expect(zeros).toBeLessThan(20);
  });
});
