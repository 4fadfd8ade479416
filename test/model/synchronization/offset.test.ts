import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { estimateOffset, parabolicVertex, type StepEmbeddings } from '#model/synchronization/offset';

const STEP_SEC = 0.08;
const DIMENSION = 16;

/** Unit vectors that a smooth random path visits: the embedding at any instant, steps or not. */
function path(seed: number): (timeSec: number) => number[] {
  const random = new SeededRandom(seed);
  const waves = Array.from({ length: DIMENSION }, () =>
    Array.from({ length: 4 }, () => ({ hertz: random.uniform(0.1, 1.5), phase: random.uniform(0, 6) })),
  );
  return (timeSec) => {
    const raw = waves.map((parts) =>
      parts.reduce((sum, { hertz, phase }) => sum + Math.sin(2 * Math.PI * hertz * timeSec + phase), 0),
    );
    const norm = Math.hypot(...raw);
    return raw.map((value) => value / norm);
  };
}

function embed(at: (timeSec: number) => number[], steps: number, delaySec = 0): StepEmbeddings {
  const rows = Array.from({ length: steps }, (_, step) => at(step * STEP_SEC - delaySec));
  return { data: Float32Array.from(rows.flat()), steps, dimension: DIMENSION };
}

const options = { stepSec: STEP_SEC };

describe('planted shifts', () => {
  it('are recovered, every one from -2 s to 2 s', () => {
    const at = path(1);
    for (let shift = -25; shift <= 25; shift++) {
      // What is heard at t is seen at t + shift: audio ahead for positive shifts.
      const { offsetSec } = estimateOffset(embed(at, 63), embed(at, 63, shift * STEP_SEC), options);
      expect(Math.abs((offsetSec as number) - shift * STEP_SEC)).toBeLessThan(0.005);
    }
  });

  it('are recovered below a step', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1000 }),
        fc.double({ min: -1.9, max: 1.9, noNaN: true }),
        (seed, sec) => {
          const at = path(seed);
          const { offsetSec } = estimateOffset(embed(at, 63), embed(at, 63, sec), options);
          expect(Math.abs((offsetSec as number) - sec)).toBeLessThan(0.01);
        },
      ),
      { numRuns: 40, seed: 2 },
    );
  });

  it('are recovered from noisy embeddings, with less confidence', () => {
    const at = path(4);
    const random = new SeededRandom(4);
    const noisy = (stream: StepEmbeddings) => ({
      ...stream,
      data: stream.data.map((value) => value + 0.2 * random.normal()),
    });
    const clean = estimateOffset(embed(at, 63), embed(at, 63, 0.72), options);
    const rough = estimateOffset(noisy(embed(at, 63)), noisy(embed(at, 63, 0.72)), options);
    expect(Math.abs((rough.offsetSec as number) - 0.72)).toBeLessThan(0.04);
    expect(clean.confidence).toBeGreaterThan(0.5);
    expect(rough.verdict).toBe('out_of_sync');
  });

  it('have their overlap averaged, not added up: short clips and streams of different length', () => {
    const at = path(3);
    const { offsetSec, curve } = estimateOffset(embed(at, 25), embed(at, 40, 0.4), options);
    expect(Math.abs((offsetSec as number) - 0.4)).toBeLessThan(0.005);
    // 25 steps of sound against 40 of picture leave 13 steps from -12 to +27, of which 25 are tried.
    expect(curve.map((point) => Math.round(point.offsetSec / STEP_SEC))).toEqual(
      Array.from({ length: 38 }, (_, i) => i - 12),
    );
  });
});

describe('the curve', () => {
  it('is the mean squared distance over the overlap, worked out by hand', () => {
    const stream = (values: number[]): StepEmbeddings => ({
      data: Float32Array.from(values),
      steps: values.length,
      dimension: 1,
    });
    const { curve, offsetSec } = estimateOffset(stream([1, -1, 1, 1]), stream([1, 1, -1, 1]), {
      stepSec: 0.5,
      limitSec: 1,
    });
    // Shift -1: -1, 1, 1 against 1, 1, -1; shift 0: differences 0, 2, 2, 0; shift 1: 1, -1, 1 against itself.
    expect(curve).toEqual([
      { offsetSec: -1, distance: 0 },
      { offsetSec: -0.5, distance: 8 / 3 },
      { offsetSec: 0, distance: 2 },
      { offsetSec: 0.5, distance: 0 },
      { offsetSec: 1, distance: 4 },
    ]);
    // Two shifts fit; the nearer to zero wins, and the parabola of 2, 0, 4 is lowest at -1/6 of a step.
    expect(offsetSec).toBeCloseTo(0.5 * (1 - 1 / 6), 9);
  });

  it('is lowest where the parabola is', () => {
    // (x - 0.25)^2 at -1, 0, 1.
    expect(parabolicVertex(1.5625, 0.0625, 0.5625)).toBeCloseTo(0.25, 12);
    expect(parabolicVertex(1, 0, 1)).toBe(0);
    expect(parabolicVertex(undefined, 0, 1)).toBe(0);
    expect(parabolicVertex(1, 1, 1)).toBe(0);
  });
});

describe('what cannot be synchronised', () => {
  const at = path(5);
  const constant = embed(() => at(0), 63);

  it.each([
    ['silence', constant, embed(at, 63)],
    ['a still picture', embed(at, 63), constant],
    ['both', constant, constant],
  ])('says so: %s', (_, audio, video) => {
    const estimate = estimateOffset(audio, video, options);
    expect(estimate).toMatchObject({ offsetSec: null, confidence: 0, verdict: 'not_synchronizable' });
    expect(estimate.synchronizability).toBeLessThan(1e-6);
    expect(estimate.curve).toHaveLength(51);
  });

  it('is told apart from streams that have nothing to do with each other, whose confidence is low', () => {
    const unrelated = estimateOffset(embed(path(6), 63), embed(path(7), 63), options);
    const related = estimateOffset(embed(path(6), 63), embed(path(6), 63), options);
    expect(unrelated.synchronizability).toBeGreaterThan(0.2);
    expect(unrelated.confidence).toBeLessThan(related.confidence / 2);
  });

  it('is refused: under a second, other dimensions, values that are none', () => {
    const code = (name: string) => expect.objectContaining({ code: name });
    expect(() => estimateOffset(embed(at, 12), embed(at, 63), options)).toThrow(code('too_short'));
    expect(() => estimateOffset(embed(at, 0), embed(at, 0), options)).toThrow(code('too_short'));
    const half = { ...constant, dimension: 8, steps: 126 };
    expect(() => estimateOffset(constant, half, options)).toThrow(code('shape_mismatch'));
    const broken = { ...constant, data: constant.data.map((value, i) => (i === 3 ? Number.NaN : value)) };
    expect(() => estimateOffset(broken, constant, options)).toThrow(code('invalid_argument'));
    expect(() => estimateOffset(constant, constant, { stepSec: 0 })).toThrow(code('invalid_argument'));
  });
});
