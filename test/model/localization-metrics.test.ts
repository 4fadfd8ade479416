import { describe, expect, it } from 'vitest';
import {
  CIOU_SUCCESS,
  centreGaussianMap,
  classAwareAveragePrecision,
  consensusIou,
  pixelCounts,
  pooledAveragePrecision,
  randomMap,
  successAuc,
  successRate,
} from '#model/metrics/localization';

const absolute = (value: number) => ({ kind: 'absolute', value }) as const;
const median = { kind: 'median' } as const;

describe('consensus intersection over union, worked out by hand', () => {
  const map = new Float32Array([0.9, 0.8, 0.1, 0.6, 0.2, 0]);
  const truth = new Float32Array([1, 0.5, 1, 0, 0, 0]);

  it('at an absolute threshold', () => {
    // Inferred: pixels 0, 1 and 3. Shared 1 + 0.5; all truth 2.5; inferred where there is none: 1.
    expect(consensusIou(map, truth, absolute(0.5))).toBeCloseTo(1.5 / 3.5, 9);
    // A value at the threshold is inside: 0.6 too, 0.2 not.
    expect(consensusIou(map, truth, absolute(map[3] as number))).toBeCloseTo(1.5 / 3.5, 9);
    expect(consensusIou(map, truth, absolute(0.85))).toBeCloseTo(1 / 2.5, 9);
  });

  it('at its own median', () => {
    // Sorted 0, 0.1, 0.2, 0.6, 0.8, 0.9: the upper of the two in the middle is 0.6; the same three pixels.
    expect(consensusIou(map, truth, median)).toBeCloseTo(1.5 / 3.5, 9);
    // A map without contrast infers everything: the truth's share, 2.5 of 2.5 + 3.
    expect(consensusIou(new Float32Array(6), truth, median)).toBeCloseTo(2.5 / 5.5, 9);
  });

  it('at the ends', () => {
    expect(consensusIou(truth, truth, absolute(0.5))).toBe(1);
    expect(consensusIou(map, truth, absolute(2))).toBe(0);
    expect(consensusIou(map, new Float32Array(6), absolute(2))).toBe(0);
    expect(() => consensusIou(map, new Float32Array(5), median)).toThrow(
      expect.objectContaining({ code: 'shape_mismatch' }),
    );
  });
});

describe('success over clips', () => {
  it('is the share at or above the threshold', () => {
    expect(successRate([0.5, 0.49, 1, 0], 0.5)).toBe(0.5);
  });

  it('and its area, worked out by hand', () => {
    // One clip of 0.5: 1 from 0 to 0.5, half a step down to 0.55: 10 steps and a half of 20.
    expect(successAuc([0.5])).toBeCloseTo(10.5 / 20, 12);
    expect(successAuc([1, 0.5])).toBeCloseTo((20 + 10.5) / 40, 12);
    // A cIoU of 0 succeeds at threshold 0 alone.
    expect(successAuc([0])).toBeCloseTo(0.5 / 20, 12);
  });
});

describe('class-aware average precision', () => {
  it('is worked out by hand', () => {
    const results = [
      // Ranked: hit, miss, hit: (1 + 2/3) / 2.
      { label: 'cello', confidence: 0.9, ciou: 0.3 },
      { label: 'cello', confidence: 0.8, ciou: 0.29 },
      { label: 'cello', confidence: 0.2, ciou: 0.7 },
      // Miss, hit: 1/2.
      { label: 'flute', confidence: 0.1, ciou: 0.9 },
      { label: 'flute', confidence: 0.4, ciou: 0.1 },
      // Nothing hits: 0.
      { label: 'drum', confidence: 1, ciou: 0.2 },
    ];
    expect(classAwareAveragePrecision(results)).toBeCloseTo((5 / 6 + 1 / 2 + 0) / 3, 12);
    // From 0.5 on only one cello, last of three, and the flute hit.
    expect(classAwareAveragePrecision(results, CIOU_SUCCESS.solo)).toBeCloseTo((1 / 3 + 1 / 2 + 0) / 3, 12);
  });
});

describe('pooled average precision over pixels', () => {
  const left = new Float32Array([1, 0, 0, 0]);
  const right = new Float32Array([0, 0, 0, 0.5]);

  it('is worked out by hand for pixels of several clips', () => {
    // Pooled, by score: 0.9 hit, 0.8 miss, 0.7 hit, then misses: (1 + 2/3) / 2.
    const clips = [
      { maps: [new Float32Array([0.9, 0.8, 0, 0.1])], truths: [left] },
      { maps: [new Float32Array([0.2, 0.3, 0.4, 0.7])], truths: [right] },
    ];
    expect(pooledAveragePrecision(clips.map(pixelCounts))).toBeCloseTo(5 / 6, 12);
  });

  it('does not care which map came first', () => {
    const maps = [new Float32Array([0.1, 0.2, 0, 0.8]), new Float32Array([0.9, 0.3, 0.1, 0])];
    expect(pooledAveragePrecision([pixelCounts({ maps, truths: [left, right] })])).toBe(1);
    const turned = { maps: maps.toReversed(), truths: [left, right] };
    expect(pooledAveragePrecision([pixelCounts(turned)])).toBe(1);
  });

  it('gives chance, the share of sounding pixels, to maps without contrast', () => {
    const maps = [new Float32Array(4), new Float32Array(4)];
    expect(pooledAveragePrecision([pixelCounts({ maps, truths: [left, right] })])).toBeCloseTo(2 / 8, 12);
    expect(() => pixelCounts({ maps, truths: [left] })).toThrow(
      expect.objectContaining({ code: 'shape_mismatch' }),
    );
  });
});

describe('maps that know nothing', () => {
  it('peak in the middle and fall by exp(-1/2) at one deviation', () => {
    const map = centreGaussianMap(9, 5, 0.25);
    expect(map[2 * 9 + 4]).toBe(1);
    expect(map[2 * 9]).toBeCloseTo(Math.exp(-((4 / 9 / 0.25) ** 2) / 2), 6);
    expect(map[4]).toBeCloseTo(Math.exp(-((0.4 / 0.25) ** 2) / 2), 6);
    expect(map[0]).toBeCloseTo(map[44] as number, 6);
  });

  it('or are random by seed', () => {
    expect(randomMap(8, 8, 1)).toEqual(randomMap(8, 8, 1));
    expect(randomMap(8, 8, 1)).not.toEqual(randomMap(8, 8, 2));
    // At its median a random map marks half: cIoU of a quarter box is 1/8 over 1/4 + 3/8.
    const truth = Float32Array.from({ length: 10_000 }, (_, i) => (i < 2500 ? 1 : 0));
    expect(consensusIou(randomMap(100, 100, 3), truth, median)).toBeCloseTo(0.2, 1.5);
  });
});
