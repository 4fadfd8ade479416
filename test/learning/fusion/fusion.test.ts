import { beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { compareFusions } from '#learning/fusion/compare-fusions';
import { attentionNetwork, weightedNetwork } from '#learning/fusion/fusion-networks';
import { learnFusion, type SceneFeatures } from '#learning/fusion/learn-fusion';
import { type Engine, loadEngine } from '#model/engine/engine';
import { uncalibrated } from '#model/network/scene';

const CLASSES = 4;
const DIMENSION = 8;
const TOKEN_WIDTH = 4;
const STEPS = 3;

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

function unit(values: number[]): Float32Array {
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
}

/** Every other scene's sound is that of another class, and a mark on the last axis says so. */
function misled(count: number, seed: number): SceneFeatures[] {
  const random = new SeededRandom(seed);
  const vector = (label: number, mark: number) =>
    unit(
      Array.from(
        { length: DIMENSION },
        (_, i) => (i === label ? 1 : i === DIMENSION - 1 ? mark : 0) + 0.1 * random.normal(),
      ),
    );
  const steps = () => Float32Array.from({ length: STEPS * TOKEN_WIDTH }, () => random.normal());
  return Array.from({ length: count }, (_, i) => {
    const label = i % CLASSES;
    const isMisled = Math.floor(i / CLASSES) % 2 === 1;
    return {
      label: `class ${label}`,
      audio: vector(isMisled ? (label + 1) % CLASSES : label, isMisled ? 1 : 0),
      video: vector(label, 0),
      audioSteps: steps(),
      videoSteps: steps(),
    };
  });
}

const OPTIONS = {
  dimension: DIMENSION,
  tokenWidth: TOKEN_WIDTH,
  steps: 120,
  batchSize: 16,
  peakLearningRate: 0.02,
  seed: 1,
};

describe('a learned fusion', () => {
  it('trusts the stream that can be trusted, on scenes that it has not seen', () => {
    const unseen = misled(80, 2);
    const fusion = learnFusion(engine, weightedNetwork, misled(160, 1), OPTIONS);
    const asVectors = (vectors: Float32Array[]) =>
      unseen.map(({ label }, i) => ({ label, audio: vectors[i] as Float32Array, video: null }));
    const mean = unseen.map(({ audio, video }) =>
      unit([...audio].map((value, i) => value + (video[i] as number))),
    );
    const way = (name: string, vectors: Float32Array[]) => {
      const clips = asVectors(vectors);
      return { name, examples: clips, asked: clips };
    };
    const { scores, n, chance } = compareFusions(
      [way('mean', mean), way('learned', fusion.fuse(unseen))],
      3,
      uncalibrated(14),
      1,
    );
    expect(n).toBe(80);
    expect(chance).toBe(1 / CLASSES);
    expect(scores.learned?.value).toBeGreaterThan(0.95);
    expect(scores.learned?.ci95[0]).toBeGreaterThan(scores.mean?.value as number);
  });

  it.each([
    ['weighted', weightedNetwork],
    ['attention', attentionNetwork],
  ])('is the same for the same seed, and answers unit vectors: %s', (_name, make) => {
    const scenes = misled(24, 3);
    const few = { ...OPTIONS, steps: 3 };
    const [once, again] = [1, 2].map(() => learnFusion(engine, make, scenes, few).fuse(scenes));
    expect(once).toEqual(again);
    for (const vector of once ?? []) expect(Math.hypot(...vector)).toBeCloseTo(1, 4);
  });
});
