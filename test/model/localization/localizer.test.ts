import { describe, expect, it } from 'vitest';
import { framesAt, planLocalization } from '#model/localization/localization-plan';
import { segmentLocalization, soundingEvidence } from '#model/localization/localizer';
import { resizeMap } from '#model/localization/resize-map';
import { soundingBox } from '#model/localization/sounding-box';

const CALIBRATION = {
  map: { slope: 1, intercept: 0 },
  mapThreshold: 0.5,
  confidence: { slope: 2, intercept: -1 },
  threshold: 0.5,
};
const tone = Float32Array.from({ length: 1600 }, (_, i) => 0.1 * Math.sin(i / 3));

describe('what speaks for a source', () => {
  it('is the mean of the highest twenty-fifth of each map, averaged over the frames', () => {
    const first = [4, 2, ...new Array<number>(48).fill(-3)];
    const second = [1, 1, ...new Array<number>(48).fill(-9)];
    expect(soundingEvidence(Float32Array.from([...first, ...second]), 50)).toBeCloseTo((3 + 1) / 2, 6);
  });
});

describe('localization of a segment', () => {
  it('has one absolute scale: the same logit is the same value whatever else is in the clip', () => {
    const alone = segmentLocalization(Float32Array.of(0, -4, -4, -4), 2, tone, CALIBRATION);
    const beside = segmentLocalization(Float32Array.of(0, 9, -4, -4), 2, tone, CALIBRATION);
    expect(alone.maps[0]?.[0]).toBeCloseTo(0.5, 6);
    expect(beside.maps[0]?.[0]).toBeCloseTo(0.5, 6);
    expect(alone.confidence).toBeCloseTo(1 / (1 + Math.exp(1)), 6);
  });

  it('finds nothing in silence, whatever the logits', () => {
    const found = segmentLocalization(Float32Array.of(9, 9, 9, 9), 2, new Float32Array(1600), CALIBRATION);
    expect(found.confidence).toBe(0);
    expect([...(found.maps[0] as Float32Array)]).toEqual([0, 0, 0, 0]);
  });
});

describe('the box around what sounds', () => {
  it('holds the heaviest connected cells from the threshold on', () => {
    const map = Float32Array.of(
      ...[0.9, 0.0, 0.0, 0.0],
      ...[0.0, 0.0, 0.6, 0.7],
      ...[0.0, 0.0, 0.0, 0.6],
      ...[0.0, 0.0, 0.0, 0.0],
    );
    expect(soundingBox(map, 4, 0.5)).toEqual({ x: 0.5, y: 0.25, width: 0.5, height: 0.5 });
    expect(soundingBox(map, 4, 0.8)).toEqual({ x: 0, y: 0, width: 0.25, height: 0.25 });
    expect(soundingBox(map, 4, 0.95)).toBeNull();
  });

  it('does not join the end of a row with the beginning of the next', () => {
    const map = Float32Array.of(0, 0, 1, 1, 0, 0, 0, 0, 0);
    expect(soundingBox(map, 3, 0.5)?.width).toBeCloseTo(1 / 3, 6);
  });
});

describe('a map in the size of a frame', () => {
  it('keeps a constant, and halves fall where they are', () => {
    expect([...resizeMap(Float32Array.of(0.5, 0.5, 0.5, 0.5), 2, 3, 5)]).toEqual(new Array(15).fill(0.5));
    expect([...resizeMap(Float32Array.of(0, 1, 0, 1), 2, 4, 1)]).toEqual([0, 0.25, 0.75, 1]);
  });
});

describe('which frames are localized in which segment', () => {
  const plan = { lengthSec: 5, hopSec: 2.5 };

  it('puts each frame into one whole segment', () => {
    const segments = planLocalization(130, [0, 49, 50, 99, 100, 129], 10, plan);
    expect(segments).toEqual([
      { startSec: 0, firstFrame: 0, frameCount: 50, chosen: [0, 49] },
      { startSec: 5, firstFrame: 50, frameCount: 50, chosen: [0, 49] },
      { startSec: 8, firstFrame: 80, frameCount: 50, chosen: [20, 49] },
    ]);
  });

  it('takes a clip shorter than a segment as it is, down to one frame', () => {
    const [only] = planLocalization(1, [0], 12.5, plan);
    expect(only).toEqual({ startSec: 0, firstFrame: 0, frameCount: 1, chosen: [0] });
  });

  it('spreads so many frames a second over the clip', () => {
    expect(framesAt(25, 12.5, 5)).toEqual([0, 3, 5, 8, 10, 13, 15, 18, 20, 23]);
    expect(framesAt(3, 12.5, 25)).toEqual([0, 1, 2]);
  });
});
