import { describe, expect, it } from 'vitest';
import { fitGroupingCalibration, lookAtScene } from '#learning/localization/calibrate-grouping';

const SIDE = 8;
const CELLS = SIDE * SIDE;
const LABELS = ['bird', 'dog', 'harp'];

/** Two of three classes, one in each half; both claim both halves, each its own a little more.
 * @param elsewhere what the localization head says of the rest of the picture */
function scene(first: number, second: number, elsewhere: number) {
  const isLeft = (cell: number) => cell % SIDE < 3;
  const isRight = (cell: number) => cell % SIDE >= 5;
  const logits = new Float32Array(3 * CELLS).fill(-4);
  const places = new Float32Array(3 * CELLS);
  const sounding = new Float32Array(CELLS).fill(elsewhere);
  for (let cell = 0; cell < CELLS; cell++) {
    for (const of of [first, second]) {
      const own = of === first ? isLeft(cell) : isRight(cell);
      if (isLeft(cell) || isRight(cell)) logits[of * CELLS + cell] = own ? 3 : 2;
      if (own) places[cell * 3 + of] = 1;
    }
    if (isLeft(cell) || isRight(cell)) sounding[cell] = 0.8;
  }
  const presence = () => Float32Array.from(LABELS, (_, of) => (of === first || of === second ? 4 : -4));
  const truth = {
    ...{ heard: presence(), seen: presence(), places, shown: places },
    pairs: [first, second].map((classIndex) => ({ frame: 0, classIndex })),
  };
  return lookAtScene({ places: logits, heard: presence(), seen: presence() }, truth, [sounding]);
}

describe('the calibration of the grouping head', () => {
  const scenes = (elsewhere: number) => [
    scene(0, 1, elsewhere),
    scene(1, 2, elsewhere),
    scene(2, 0, elsewhere),
  ];
  const looked = scenes(0.4);
  const calibration = fitGroupingCalibration(looked, LABELS);

  it('knows which classes are there', () => {
    const { slope, intercept } = calibration.source;
    const probability = (evidence: number) => 1 / (1 + Math.exp(-(slope * evidence + intercept)));
    for (const { evidence, sounding } of looked.flatMap(({ sources }) => sources))
      expect(probability(evidence) >= calibration.threshold).toBe(sounding);
  });

  it('cuts maps as users get them: divided among the classes, above what sounds a little everywhere', () => {
    // Half of 0.4, for the network says nothing of the rest; of a class's own half, half of 0.8 and what it is sure of.
    expect(calibration.mapThreshold).toBeGreaterThan(0.2);
    expect(calibration.mapThreshold).toBeLessThan(0.8);
    expect(fitGroupingCalibration(scenes(0.01), LABELS).mapThreshold).toBeLessThan(0.2);
  });

  it('takes the truth of a class from its box', () => {
    expect(looked[0]?.places.map(({ truth }) => [truth[0], truth[SIDE - 1]])).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });
});
