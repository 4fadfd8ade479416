import { beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { adaptedDirection, type FrozenClip, learnHeads } from '#model/adaptation/learn-heads';
import { applyHead, meanKernel } from '#model/adaptation/residual-head';
import { type Engine, loadEngine } from '#model/engine/engine';
import { rankQuery, similarityMatrix } from '#model/metrics/retrieval';

const DIMENSION = 12;
const NONE = new Float32Array(DIMENSION * DIMENSION);

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

function unit(values: ArrayLike<number>): Float32Array {
  const norm = Math.hypot(...Array.from(values));
  return Float32Array.from(values, (value) => value / norm);
}

/**
 * Clips whose picture shows the same four hidden values as their sound, but along other axes: the towers agree on
 * nothing, and a turn of the space would make them agree.
 */
function turnedPairs(count: number, seed: number): FrozenClip[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const meaning = Array.from({ length: 4 }, () => random.normal());
    const segments = (axis: number) =>
      [0, 1].map(() => {
        const noise = Array.from({ length: DIMENSION }, () => 0.1 * random.normal());
        return unit(noise.map((value, at) => value + (meaning[at - axis] ?? 0)));
      });
    return { source: `clip ${i}`, audio: segments(0), video: segments(6) };
  });
}

function recallAt1(
  clips: readonly FrozenClip[],
  audioKernel: Float32Array,
  videoKernel: Float32Array,
): number {
  const matrix = similarityMatrix(
    clips.map(({ video }) => adaptedDirection(videoKernel, video)),
    clips.map(({ audio }) => adaptedDirection(audioKernel, audio)),
  );
  const hits = matrix.map((scores, query) => rankQuery(scores, (item) => item === query).r1);
  return hits.reduce((sum, hit) => sum + hit, 0) / clips.length;
}

describe('projection heads on frozen towers', () => {
  it('learn from few pairs what makes other pairs meet', () => {
    const steps: number[] = [];
    const {
      kernels,
      steps: chosen,
      validation,
    } = learnHeads(engine, turnedPairs(60, 1), {
      seed: 1,
      pairing: 'true',
      maxSteps: 80,
      onStep: (done, total) => steps.push(done / total),
    });
    const others = turnedPairs(40, 2);
    expect(recallAt1(others, NONE, NONE)).toBeLessThan(0.15);
    expect(recallAt1(others, kernels.audio, kernels.video)).toBeGreaterThan(0.6);
    expect(chosen).toBeGreaterThan(0);
    expect(validation[0]?.steps).toBe(0);
    const best = Math.max(...validation.map(({ meanReciprocalRank }) => meanReciprocalRank));
    expect(validation.find((look) => look.steps === chosen)?.meanReciprocalRank).toBe(best);
    expect([...steps].sort((a, b) => a - b)).toEqual(steps);
    expect(steps.at(-1)).toBe(1);
  });

  it('gain nothing from pairs that do not belong together', () => {
    const { kernels } = learnHeads(engine, turnedPairs(60, 1), {
      seed: 1,
      pairing: 'shuffled',
      maxSteps: 30,
    });
    expect(recallAt1(turnedPairs(40, 2), kernels.audio, kernels.video)).toBeLessThan(0.2);
  });

  it('leave towers alone that agree already', () => {
    const agreed = turnedPairs(60, 3).map((clip) => ({ ...clip, video: clip.audio }));
    const { steps, kernels } = learnHeads(engine, agreed, { seed: 1, pairing: 'true', maxSteps: 20 });
    expect(steps).toBe(0);
    expect(kernels.audio.every((value) => value === 0)).toBe(true);
  });

  it('come out the same to the bit from the same seed, and can be stopped', () => {
    const learn = (seed: number) =>
      learnHeads(engine, turnedPairs(20, 4), { seed, pairing: 'true', maxSteps: 10 });
    expect(learn(7)).toEqual(learn(7));
    const signal = AbortSignal.abort();
    expect(() => learnHeads(engine, turnedPairs(20, 4), { seed: 7, pairing: 'true', signal })).toThrow(
      expect.objectContaining({ code: 'cancelled' }),
    );
  });

  it('refuse too few sources, however many clips they have', () => {
    const clips = turnedPairs(30, 5).map((clip, i) => ({ ...clip, source: `tape ${i % 3}` }));
    expect(() => learnHeads(engine, clips, { seed: 1, pairing: 'true' })).toThrow(
      expect.objectContaining({ code: 'not_enough_data' }),
    );
  });

  it('add a correction, by hand: unit(x + x K)', () => {
    const kernel = Float32Array.of(0, 1, 0, 0);
    expect([...applyHead(kernel, Float32Array.of(1, 0))]).toEqual([
      Math.fround(Math.SQRT1_2),
      Math.fround(Math.SQRT1_2),
    ]);
    expect([...applyHead(kernel, Float32Array.of(0, 1))]).toEqual([0, 1]);
    // What the correction takes away whole stays as it was.
    expect([...applyHead(Float32Array.of(-1, 0, 0, 0), Float32Array.of(1, 0))]).toEqual([1, 0]);
    expect([...meanKernel({ audio: kernel, video: Float32Array.of(0, 0, 2, 0) })]).toEqual([0, 0.5, 1, 0]);
  });
});
