import { describe, expect, it } from 'vitest';
import { separateSources, soundSources } from '#model/localization/sound-sources';
import { type SegmentSources, segmentSources, sourceEvidence } from '#model/localization/source-localizer';

const SAME = { slope: 1, intercept: 0 };
const CALIBRATION = { map: SAME, source: SAME, mapThreshold: 0.5, threshold: 0.5 };
const tone = Float32Array.from({ length: 1600 }, (_, i) => 0.1 * Math.sin(i / 3));
const ALONE = { labels: ['bird', 'dog'], side: 1, sounding: null };
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
    const found = segmentSources(logits, { ...ALONE, samples: tone }, CALIBRATION);
    expect(found.maps[1]?.[0]?.[0]).toBeCloseTo(1 / (1 + Math.exp(-4)), 6);
    expect(found.probabilities[0]).toBeCloseTo(1 / (1 + Math.exp(-(sourceEvidence(logits)[0] as number))), 6);
    const silent = segmentSources(logits, { ...ALONE, samples: new Float32Array(1600) }, CALIBRATION);
    expect([...silent.probabilities]).toEqual([0, 0]);
    expect(silent.maps.flat().every(([value]) => value === 0)).toBe(true);
  });
});

describe('classes that are found in one segment', () => {
  // One frame of two cells: both classes claim both, the bird the left one a little more.
  const logits = {
    places: Float32Array.of(3, 2.5, 2, 2),
    heard: Float32Array.of(9, 9),
    seen: Float32Array.of(9, 9),
  };
  const easy = { ...CALIBRATION, source: { slope: 1, intercept: 3 } };
  const context = { labels: ['bird', 'dog'], side: 2, samples: tone };
  const four = (values: number[]) => Float32Array.from([0, 0].flatMap(() => values));
  const wide = { ...logits, places: Float32Array.from([3, 2.5, 3, 2.5, 2, 2, 2, 2]) };

  it('share what the localization head says sounds', () => {
    const sounding = [four([0.9, 0.5])];
    const { maps, probabilities } = segmentSources(wide, { ...context, sounding }, easy);
    expect([...probabilities].every((value) => value > 0.5)).toBe(true);
    const [bird, dog] = maps[0] as [Float32Array, Float32Array];
    const odds = (logit: number) => 1 / (1 + Math.exp(-logit));
    // Where a class has the larger share it has all: the mean of what both heads say.
    expect(bird[0]).toBeCloseTo((0.9 + odds(3)) / 2, 6);
    expect(dog[1]).toBeCloseTo((0.5 + odds(2.5)) / 2, 6);
    expect(dog[0]).toBeLessThan(bird[0] as number);
    expect(bird[1]).toBeLessThan(dog[1] as number);
  });

  it('leave one that is asked about its share as well, and the others as they are', () => {
    const far = { ...wide, heard: Float32Array.of(9, -3.1) };
    const sounding = [four([0.9, 0.5])];
    const unasked = segmentSources(far, { ...context, sounding }, easy);
    const asked = segmentSources(far, { ...context, sounding, asked: ['dog'] }, easy);
    expect(unasked.maps[0]?.[1]?.[0]).toBeCloseTo(1 / (1 + Math.exp(-2)), 6);
    expect(asked.maps[0]?.[1]?.[0]).toBeLessThan(0.8 * (asked.maps[0]?.[1]?.[1] as number));
    // What is as good as out of the question is nowhere, unless it is asked about.
    const hardly = { ...wide, heard: Float32Array.of(9, -9) };
    expect([...(segmentSources(hardly, { ...context, sounding }, easy).maps[0]?.[1] ?? [])]).toEqual([
      0, 0, 0, 0,
    ]);
    const insisted = segmentSources(hardly, { ...context, sounding, asked: ['dog'] }, easy);
    expect(insisted.maps[0]?.[1]).toEqual(asked.maps[0]?.[1]);
    // The bird is found as before, and shares with nobody.
    expect(asked.maps[0]?.[0]).toEqual(unasked.maps[0]?.[0]);
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

  it('are two where one map of a kind has two peaks that touch', () => {
    const line = [0.9, 0.9, 0.6, 0.7, 0.9, 0.9];
    const across = Float32Array.from({ length: 36 }, (_, cell) => line[cell % 6] as number);
    expect(separateSources([across], 6, 0.4).map(({ box }) => [box.x, box.width])).toEqual([
      [0, 0.5],
      [0.5, 0.5],
    ]);
    // Hardly parted: one.
    const one = across.map((value) => Math.max(0.8, value));
    expect(separateSources([one], 6, 0.4)).toHaveLength(1);
  });

  it('are shaped as boxes in every frame', () => {
    const corner = Float32Array.of(0.9, 0.9, 0, 0.9, 0, 0, 0, 0, 0);
    const [source] = separateSources([corner, corner], 3, 0.5);
    expect(source?.box).toEqual({ x: 0, y: 0, width: 2 / 3, height: 2 / 3 });
    expect(source?.maps.map((map) => map[4])).toEqual([0.7, 0.7].map((value) => expect.closeTo(value, 6)));
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
    // A speck of a tenth is no source of its own, and in no map.
    const large = Float32Array.of(1, 1, 0, 1, 1, 0, 1, 1, 0.55);
    const speck = Float32Array.of(1, 1, 0, 1, 1, 0, 0, 0, 0.55);
    const whole = Float32Array.of(1, 1, 0, 1, 1, 0, 0, 0, 0);
    expect(separateSources([speck], 3, 0.5).map(({ maps }) => maps)).toEqual([[whole]]);
    expect(separateSources([large], 3, 0.5)).toHaveLength(1);
    expect(separateSources([new Float32Array(9)], 3, 0.5)).toEqual([]);
  });
});
