import { describe, expect, it } from 'vitest';
import { bestAssignment, type DuetClip, matchedSources, scoreDuets } from '#learning/evaluation/score-duets';
import { pixelCounts } from '#model/metrics/localization';

const source = (label: string, ciou: number, confidence = 0.5) => ({ label, ciou, confidence });

/** One source, whose sound comes from the first of two pixels. */
const pixels = (...map: [number, number]) =>
  pixelCounts({ maps: [Float32Array.from(map)], truths: [Float32Array.of(1, 0)] });

describe('scores of duets, worked out by hand', () => {
  const clips: DuetClip[] = [
    {
      like: false,
      results: {
        model: [source('harp', 0.6, 0.9), source('dog', 0.3, 0.8)],
        random: [source('harp', 0.1), source('dog', 0.3)],
      },
      pixels: { model: pixels(0.9, 0.2), random: pixels(0.5, 0.5) },
      found: [
        { label: 'harp', cious: [0.6, 0.05] },
        { label: 'bird', cious: [0, 0.9] },
      ],
    },
    {
      like: true,
      results: {
        model: [source('harp', 0.2, 0.7), source('harp', 0.4, 0.7)],
        random: [source('harp', 0), source('harp', 0.2)],
      },
      pixels: { model: pixels(0.3, 0.6), random: pixels(0.5, 0.5) },
      found: [{ label: 'harp', cious: [0.35, 0.4] }],
    },
  ];
  const results = scoreDuets(clips);

  it('are over all, and over unlike and like ones apart', () => {
    expect(results.ciou30?.value).toBeCloseTo(3 / 4, 12);
    expect(results['ciou30.unlike']?.value).toBe(1);
    expect(results['ciou30.like']?.value).toBe(0.5);
    expect(results.ciou30?.chance).toBe(1 / 4);
    // Harp: a hit at 0.9, then a miss and a hit of one confidence: (1 + 2/3) / 2. Dog: 1.
    expect(results.cap?.value).toBeCloseTo((5 / 6 + 1) / 2, 12);
    // Areas of one clip each: 0.6, 0.3, 0.2 and 0.4 are 12.5, 6.5, 4.5 and 8.5 steps of 20.
    expect(results.auc?.value).toBeCloseTo((12.5 + 6.5 + 4.5 + 8.5) / 80, 12);
    expect(results['withoutGrouping.cap']).toBeUndefined();
    // Pixels pooled: 0.9 hit, 0.6 miss, 0.3 hit.
    expect(results.piap?.value).toBeCloseTo((1 + 2 / 3) / 2, 12);
    expect(results['piap.unlike']?.value).toBe(1);
    expect(results.piap?.chance).toBe(1 / 2);
  });

  it('beside an ablation also say by how much the model is above it, clip by clip', () => {
    const [first, second] = clips as [DuetClip, DuetClip];
    // Worse by one hit in the first clip, the same in the second.
    const compared = [
      {
        ...first,
        results: { ...first.results, withoutGrouping: [source('harp', 0.6, 0.9), source('dog', 0.1, 0.8)] },
        pixels: { ...first.pixels, withoutGrouping: pixels(0.2, 0.9) },
      },
      {
        ...second,
        results: { ...second.results, withoutGrouping: second.results.model as never },
        pixels: { ...second.pixels, withoutGrouping: second.pixels.model as never },
      },
    ];
    const gains = scoreDuets(compared);
    expect(gains['groupingGain.ciou30']?.value).toBeCloseTo(3 / 4 - 2 / 4, 12);
    expect(gains['groupingGain.ciou30']?.chance).toBe(0);
    expect(gains['groupingGain.ciou30']?.ci95).toEqual([0, 0.5]);
    expect(gains['groupingGain.ciou30.like']?.ci95).toEqual([0, 0]);
    expect(gains['groupingGain.piap.unlike']?.value).toBeCloseTo(1 - 1 / 2, 12);
    expect(results['groupingGain.ciou30']).toBeUndefined();
  });

  it('of what is found by itself: label and place have to be right, and each counts once', () => {
    expect(clips.map(matchedSources)).toEqual([
      { hits: 1, sources: 2, found: 2 },
      { hits: 1, sources: 2, found: 1 },
    ]);
    expect(results['found.recall']?.value).toBe(2 / 4);
    expect(results['found.precision']?.value).toBe(2 / 3);
  });
});

describe('which map is of which of two alike', () => {
  it('is the assignment with the best mean', () => {
    // The first map alone would take the first source: 0.5 + 0.1 against 0.4 + 0.45.
    expect(
      bestAssignment(
        [
          [0.5, 0.4],
          [0.45, 0.1],
        ],
        2,
      ),
    ).toEqual([0.45, 0.4]);
    expect(bestAssignment([[0.5, 0.6]], 2)).toEqual([0, 0.6]);
    expect(bestAssignment([], 2)).toEqual([0, 0]);
  });
});
