import { describe, expect, it } from 'vitest';
import { conceptEvidence, matchEvidence, placeLogits } from '#model/concepts/maps';

describe('the picture network, position by position', () => {
  it('says of all positions on average what it says of the whole view', () => {
    // Two classes, four channels, a row of two positions; the layer adds 10 to the second class.
    const vectors = { data: Float32Array.of(1, 2, 0, 0, 0, 0, 3, 4), width: 4 };
    const map = Float32Array.of(1, 0, 2, 0, 3, 2, 0, 0);
    const seen = {
      ...{ views: 1, mapWidth: 2, mapHeight: 1, map },
      embeddings: Float32Array.of(2, 1, 1, 0),
      logits: Float32Array.of(4, 13),
    };
    const [left, right] = placeLogits(seen, vectors) as [Float32Array, Float32Array];
    expect([...left]).toEqual([1, 16]);
    expect([...right]).toEqual([7, 10]);
    expect((left[1] as number) + (right[1] as number)).toBe(2 * 13);
  });
});

describe('what speaks for a concept', () => {
  const place = (...concepts: number[]) => Float64Array.from(concepts);
  const frames = [
    {
      width: 2,
      height: 1,
      vectors: [Float32Array.of(1, 0), Float32Array.of(0.6, 0.8)],
      concepts: [place(0.5, -1), place(0.2, 0.3)],
    },
    {
      width: 2,
      height: 1,
      vectors: [Float32Array.of(0, 1), Float32Array.of(0, 1)],
      concepts: [place(0, 0), place(0.02, 0.3)],
    },
  ];

  it('is the cosine at the best place of each frame, on average', () => {
    expect(matchEvidence(Float32Array.of(1, 0), frames)).toBeCloseTo(1 / 2, 6);
    expect(matchEvidence(Float32Array.of(0, 1), frames)).toBeCloseTo(0.9, 6);
  });

  it('is the geometric mean of what is heard and seen; less than usual is nothing', () => {
    const evidence = conceptEvidence(Float64Array.of(0.5, -0.5), frames);
    expect(evidence[0]).toBeCloseTo((0.5 + 0.1) / 2, 6);
    expect(evidence[1]).toBe(0);
  });
});
