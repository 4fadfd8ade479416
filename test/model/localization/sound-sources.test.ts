import { describe, expect, it } from 'vitest';
import { separateSources, soundSources } from '#model/localization/sound-sources';
import { type SegmentSources, segmentSources, sourceEvidence } from '#model/localization/source-localizer';

const SAME = { slope: 1, intercept: 0 };
const CALIBRATION = { map: SAME, source: SAME, mapThreshold: 0.5, threshold: 0.5 };
const tone = Float32Array.from({ length: 1600 }, (_, i) => 0.1 * Math.sin(i / 3));
const log = (logit: number) => -Math.log(1 + Math.exp(-logit));

describe('what speaks for a class', () => {
  // Two frames, two classes, a map of one cell.
  const logits = {
    places: Float32Array.of(2, -1, 4, -3),
    heard: Float32Array.of(1, -2),
    seen: Float32Array.of(3, 0, 1, 0),
  };

  it('is that it is heard, and seen, and has a place, over the frames their mean', () => {
    const [first, second] = sourceEvidence(logits);
    expect(first).toBeCloseTo(log(1) + (log(3) + log(2) + log(1) + log(4)) / 2, 5);
    expect(second).toBeCloseTo(log(-2) + (log(0) + log(-1) + log(0) + log(-3)) / 2, 5);
  });

  it('becomes probabilities and maps on one scale, and nothing in silence', () => {
    const found = segmentSources(logits, ['bird', 'dog'], 1, tone, CALIBRATION);
    expect(found.maps[1]?.[0]?.[0]).toBeCloseTo(1 / (1 + Math.exp(-4)), 6);
    expect(found.probabilities[0]).toBeCloseTo(1 / (1 + Math.exp(-(sourceEvidence(logits)[0] as number))), 6);
    const silent = segmentSources(logits, ['bird', 'dog'], 1, new Float32Array(1600), CALIBRATION);
    expect([...silent.probabilities]).toEqual([0, 0]);
    expect(silent.maps.flat().every(([value]) => value === 0)).toBe(true);
  });
});

describe('sources out of the maps of all classes', () => {
  const left = Float32Array.of(0.9, 0, 0, 0.9, 0, 0, 0, 0, 0);
  const both = Float32Array.of(0.9, 0, 0.8, 0.9, 0.2, 0.8, 0, 0, 0);

  it('are as many as are there, the surest first', () => {
    const segment = (probabilities: number[], maps: Float32Array[][]): SegmentSources => ({
      ...{ labels: ['bird', 'dog', 'harp'], side: 3, maps },
      probabilities: Float32Array.from(probabilities),
    });
    const empty = new Float32Array(9);
    const found = soundSources(
      [segment([0.6, 0.1, 0.4], [[left, left, empty]]), segment([0.2, 0.3, 0.9], [[left, empty, both]])],
      { threshold: 0.5, mapThreshold: 0.4 },
    );
    // The harp is in its second segment alone, where its mean of 0.45 and 0.4 still has two places.
    expect(found.map(({ label, box }) => [label, box.x])).toEqual([
      ['harp', 0],
      ['harp', 2 / 3],
      ['bird', 0],
    ]);
    expect(found[2]).toMatchObject({ probability: expect.closeTo(0.6, 6), maps: [left, left] });
    expect(found[0]?.maps).toHaveLength(2);
  });

  it('are cut apart where two of a kind stand apart, each place going to the nearest', () => {
    const [first, second, ...more] = separateSources([both], 3, 0.5);
    expect(more).toEqual([]);
    expect(first?.box).toEqual({ x: 0, y: 0, width: 1 / 3, height: 2 / 3 });
    expect(second?.box).toEqual({ x: 2 / 3, y: 0, width: 1 / 3, height: 2 / 3 });
    // The middle column is as near to both: the first one's.
    expect([...(first?.maps[0] ?? [])].map((value) => value > 0)).toEqual(
      [1, 0, 0, 1, 1, 0, 0, 0, 0].map(Boolean),
    );
    // A speck of a tenth is no source of its own.
    const large = Float32Array.of(1, 1, 0, 1, 1, 0, 1, 0, 0.55);
    expect(separateSources([large], 3, 0.5).map(({ maps }) => maps)).toEqual([[large]]);
    expect(separateSources([new Float32Array(9)], 3, 0.5)).toEqual([]);
  });
});
