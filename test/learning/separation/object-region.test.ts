/** Where the picture has nothing in it. */
import { expect, it } from 'vitest';
import type { GroundTruth } from '#learning/corpus/manifest';
import { emptyRegionOf } from '#learning/separation/object-region';

/** Objects that are first in one place, then in another. */
function truthOf(...objects: { x: number; y: number; width: number; height: number }[][]): GroundTruth {
  const seen = objects.map((boxes) => ({ boxes: boxes.map((box, i) => ({ timeSec: i, ...box })) }));
  return { objects: seen } as GroundTruth;
}

const LEFT = { x: 0, y: 0.2, width: 0.3, height: 0.5 };
const RIGHT = { x: 0.7, y: 0.4, width: 0.3, height: 0.6 };

it('is inside the picture, and no object comes there at any time, silent ones neither', () => {
  for (let seed = 0; seed < 50; seed++) {
    const truth = truthOf([LEFT, { ...LEFT, y: 0.4 }], [RIGHT]);
    const place = emptyRegionOf(truth, `clip-${seed}`);
    expect(place).not.toBeNull();
    const { x, y, width, height } = place as NonNullable<typeof place>;
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
    expect(Math.max(x + width, y + height)).toBeLessThanOrEqual(1);
    expect(Math.min(width, height)).toBeGreaterThan(0.1);
    const isBesidesLeft = x >= 0.3 || y >= 0.9 || y + height <= 0.2;
    const isBesidesRight = x + width <= 0.7 || y + height <= 0.4;
    expect(isBesidesLeft && isBesidesRight).toBe(true);
  }
});

it('is the same for the same seed, another for another', () => {
  const truth = truthOf([LEFT]);
  expect(emptyRegionOf(truth, 'a')).toEqual(emptyRegionOf(truth, 'a'));
  expect(emptyRegionOf(truth, 'a')).not.toEqual(emptyRegionOf(truth, 'b'));
});

it('is none where an object fills the picture', () => {
  expect(emptyRegionOf(truthOf([{ x: 0, y: 0, width: 1, height: 0.95 }]), 'a')).toBeNull();
});
