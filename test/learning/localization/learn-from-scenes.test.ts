/** The loop alone, over a pool of made-up scenes; what it learns is a convolution with its statistics. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type * as tfTypes from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SeededRandom } from '#core/random';
import {
  learnFromScenes,
  type ScenePool,
  type SceneSchedule,
} from '#learning/localization/learn-from-scenes';
import { type Engine, loadEngine } from '#model/engine/engine';
import { ConvolutionUnit } from '#model/layers/convolution';
import { type NamedArray, ParameterStore } from '#model/layers/parameters';
import { removeFolder, temporaryFolder } from '../../catalog/support/test-catalog.ts';

const SIDE = 4;
const CAPACITY_FRAMES = 21;
const SCHEDULE: SceneSchedule = {
  steps: 130,
  batchSize: 4,
  firstScenes: 5,
  freshScenes: 2,
  framesPerScene: 2,
  peakLearningRate: 0.02,
  warmUpSteps: 5,
  averageDecay: 0.9,
};

let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = await loadEngine();
  folder = await temporaryFolder();
});
afterAll(() => removeFolder(folder));

/** Frames of noise, of which the newest are kept; an odd number, so that half a scene is among them. */
class NoiseScenes implements ScenePool<Float32Array> {
  readonly #frames: Float32Array[] = [];
  made = 0;

  capacity(framesPerScene: number): number {
    return Math.ceil(CAPACITY_FRAMES / framesPerScene);
  }

  async add(scenes: number, framesPerScene: number, seed: string): Promise<void> {
    const random = new SeededRandom(seed);
    for (let i = 0; i < scenes * framesPerScene; i++)
      this.#frames.push(Float32Array.from({ length: SIDE ** 2 }, () => random.uniform(-1, 1)));
    this.#frames.splice(0, Math.max(0, this.#frames.length - CAPACITY_FRAMES));
    this.made += scenes;
  }

  draw(count: number, seed: string): Float32Array {
    const chosen = new SeededRandom(seed).shuffle([...this.#frames]).slice(0, count);
    return Float32Array.from(chosen.flatMap((frame) => [...frame]));
  }
}

interface Asked {
  run: string;
  resume?: boolean;
  /** Ends the run after so many steps. */
  stopAfter?: number;
  settings?: Record<string, unknown>;
}

/** Learns to double what it sees. */
async function learn({ run, resume = false, stopAfter, settings = { corpus: 'noise' } }: Asked) {
  const { tf } = engine;
  const store = new ParameterStore(engine, 1);
  onTestFinished(() => store.dispose());
  const unit = new ConvolutionUnit(store, 'unit', {
    ...({ kernelSize: 3, inputChannels: 1, outputChannels: 1, activation: 'none' } as const),
  });
  const scenes = new NoiseScenes();
  const loss = (batch: Float32Array) => {
    const x = tf.tensor4d(batch, [SCHEDULE.batchSize, SIDE, SIDE, 1]);
    return tf.mean(tf.squaredDifference(unit.apply(x, true), tf.mul(x, 2))) as tfTypes.Scalar;
  };
  const controller = new AbortController();
  const stages: string[] = [];
  const learned = learnFromScenes({ engine, store, units: [unit], scenes, loss }, SCHEDULE, {
    ...{ folder: join(folder, run), resume, seed: 'test/1', settings, signal: controller.signal },
    onStage: (stage, done) => {
      stages.push(`${stage} ${done}`);
      if (stage === 'train' && done === stopAfter) controller.abort();
    },
  });
  return { arrays: await learned, scenes, stages };
}

async function lossesOf(run: string): Promise<Map<number, number>> {
  const lines = (await readFile(join(folder, run, 'log.jsonl'), 'utf8')).trim().split('\n');
  return new Map(
    lines.map((line) => {
      const { step, loss } = JSON.parse(line) as { step: number; loss: number };
      return [step, loss];
    }),
  );
}

const bytesOf = (arrays: readonly NamedArray[]) => arrays.map(({ name, data }) => [name, ...data]);

describe('learning from scenes', () => {
  it('learns, and logs every step', async () => {
    const { arrays } = await learn({ run: 'whole' });
    expect(arrays.map(({ name }) => name)).toContain('unit/mean');
    const losses = await lossesOf('whole');
    expect([...losses.keys()]).toEqual(Array.from({ length: SCHEDULE.steps }, (_, i) => i + 1));
    const mean = (from: number) =>
      Array.from({ length: 10 }, (_, i) => losses.get(from + i) as number).reduce((a, b) => a + b) / 10;
    expect(mean(SCHEDULE.steps - 9)).toBeLessThan(mean(1) / 2);
  });

  // Before any scene has made room for another, and long after; before a checkpoint of its own accord, and after one.
  it.each([3, 104])('stopped after %i steps and resumed, makes the same weights', async (stopAfter) => {
    const whole = await learn({ run: `whole-${stopAfter}` });
    const run = `stopped-${stopAfter}`;
    await expect(learn({ run, stopAfter })).rejects.toMatchObject({
      ...{ code: 'cancelled', message: expect.stringContaining('--resume') },
    });
    const resumed = await learn({ run, resume: true });
    expect(bytesOf(resumed.arrays)).toEqual(bytesOf(whole.arrays));
    expect(await lossesOf(run)).toEqual(await lossesOf(`whole-${stopAfter}`));
    // No more is made again than was kept.
    const fresh = SCHEDULE.freshScenes * (SCHEDULE.steps - stopAfter);
    expect(resumed.scenes.made - fresh).toBeLessThanOrEqual(12);
    expect(resumed.stages[0]).toBe('make scenes again 1');
  });

  it('is done when resumed at its end, and begins anew unless resumed', async () => {
    const first = await learn({ run: 'done' });
    const again = await learn({ run: 'done', resume: true });
    expect(again.scenes.made).toBe(0);
    expect(bytesOf(again.arrays)).toEqual(bytesOf(first.arrays));
    const anew = await learn({ run: 'done' });
    expect(anew.stages[0]).toBe('train 1');
    expect(bytesOf(anew.arrays)).toEqual(bytesOf(first.arrays));
  });

  it('does not go on with a run that began with other settings', async () => {
    await expect(learn({ run: 'other', stopAfter: 2 })).rejects.toMatchObject({ code: 'cancelled' });
    const other = learn({ run: 'other', resume: true, settings: { corpus: 'another' } });
    await expect(other).rejects.toMatchObject({
      ...{
        code: 'checkpoint_invalid',
        message: expect.stringMatching(/settings: corpus "noise", not "another"\.$/),
      },
    });
  });
});
