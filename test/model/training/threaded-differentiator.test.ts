import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, loadEngine } from '#model/engine/engine';
import type { NamedArray } from '#model/layers/parameters';
import { meanOf } from '#model/metrics/mean-of';
import { TwoTowerNetwork } from '#model/towers/two-tower';
import { type Differentiator, LocalDifferentiator } from '#model/training/differentiator';
import { learnCorrespondence } from '#model/training/learn-correspondence';
import type { LearnOptions } from '#model/training/learn-options';
import { Objective } from '#model/training/objective';
import { shardOf } from '#model/training/shards';
import { ThreadedDifferentiator } from '#model/training/threaded-differentiator';
import type { TrainingSource } from '#model/training/training-source';
import type { EvaluationReport } from '#model/training/validation';
import { TOY_FULL_TOWERS, TOY_TOWERS, toyPairs } from '../toy-pairs.ts';

let engine: Engine;
let folder: string;
let threads: Worker[] = [];
const remember = (worker: Worker) => threads.push(worker);

beforeAll(async () => {
  engine = await loadEngine();
  folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-threads-'));
  process.on('worker', remember);
});

afterAll(async () => {
  process.off('worker', remember);
  await rm(folder, { recursive: true, force: true });
});

// Whatever a test does, no thread of its may live on; an ended one has the id -1.
afterEach(() => {
  expect(threads.map(({ threadId }) => threadId)).toEqual(threads.map(() => -1));
  threads = [];
});

const WEIGHTS = { class: 1, localization: 0.5, alignment: 0.5 };

const OPTIONS: LearnOptions = {
  epochs: 7,
  batchSize: 16,
  threads: 2,
  peakLearningRate: 3e-3,
  warmUpSteps: 5,
  seed: 5,
  pairing: 'true',
  weights: { class: 0, localization: 0, alignment: 0 },
  hardNegatives: { fromPart: 1, classRun: 0 },
  averageDecay: 0,
  evaluateEverySteps: 40,
  patience: 99,
  validation: null,
  checkpoint: null,
};

/** Loss, terms, gradients and statistics as plain values. */
async function valuesOf(
  differentiator: Differentiator,
  network: TwoTowerNetwork,
  ...call: Parameters<Differentiator['differentiate']>
) {
  const { loss, terms, gradients } = await differentiator.differentiate(...call);
  const values = new Map(
    [...gradients].map(([name, tensor]) => [name, Float32Array.from(tensor.dataSync())]),
  );
  engine.tf.dispose([...gradients.values()]);
  return { loss, terms, gradients: values, statistics: network.takeBatchStatistics() };
}

describe('two threads that share a batch', { timeout: 180_000 }, () => {
  it('answer the mean of what each half gives here, and the statistics of the whole', async () => {
    const source = toyPairs(16, 1);
    const network = new TwoTowerNetwork(engine, TOY_FULL_TOWERS, 1);
    const local = new LocalDifferentiator(network, new Objective(network, source, WEIGHTS), source);
    const pictures = [3, 1, 9, 12, 0, 7, 5, 15];
    const request = { sounds: pictures, pictures, seed: 'a', progress: 0 };
    const batch = await source.batch(request);
    const halves = [];
    for (const half of [0, 1]) {
      const rows = pictures.slice(4 * half, 4 * half + 4);
      halves.push(await valuesOf(local, network, shardOf(batch, half, 2), rows));
    }
    const [first, second] = halves as [(typeof halves)[number], (typeof halves)[number]];
    const tensors = engine.tf.memory().numTensors;

    const threaded = new ThreadedDifferentiator(network, WEIGHTS, source, 2);
    try {
      const shared = await valuesOf(threaded, network, batch, pictures);
      expect(shared.loss).toBe((first.loss + second.loss) / 2);
      expect(Object.keys(shared.terms)).toEqual(['pairs', 'class', 'localization', 'alignment']);
      expect(shared.terms.class).toBe(((first.terms.class as number) + (second.terms.class as number)) / 2);
      expect([...shared.gradients.keys()]).toEqual([...first.gradients.keys()]);
      for (const [name, gradient] of shared.gradients) {
        const ofHalves = [first, second].map((half) => half.gradients.get(name) as Float32Array);
        expect(gradient, name).toEqual(meanOf(ofHalves));
        expect(gradient.some((value) => value !== 0) || name.endsWith('/beta'), name).toBe(true);
      }
      shared.statistics.forEach((pooled, unit) => {
        const [a, b] = [first.statistics[unit], second.statistics[unit]];
        if (!a || !b) throw new Error(`unit ${unit} has no statistics`);
        expect(pooled.mean).toEqual(meanOf([a.mean, b.mean]));
        pooled.variance.forEach((variance, c) => {
          // E[x^2] - E[x]^2 over both halves.
          const square = [a, b].map((half) => (half.variance[c] as number) + (half.mean[c] as number) ** 2);
          const expected =
            ((square[0] as number) + (square[1] as number)) / 2 - (pooled.mean[c] as number) ** 2;
          expect(Math.abs(variance - expected)).toBeLessThan(1e-5 * (1 + expected));
        });
      });

      // They follow the weights, and leave no tensor behind.
      const moved = network.store
        .snapshot()
        .map((array) => ({ ...array, data: array.data.map((w) => 0.9 * w) }));
      network.store.restore(moved);
      const after = await valuesOf(threaded, network, batch, pictures);
      expect(after.loss).not.toBe(shared.loss);
      const again = await valuesOf(threaded, network, batch, pictures);
      expect(again).toEqual(after);
      expect(engine.tf.memory().numTensors).toBe(tensors);
    } finally {
      await threaded.close();
      network.dispose();
    }
  });

  it('learn the class of unseen pairs', async () => {
    const network = new TwoTowerNetwork(engine, TOY_TOWERS, 1);
    const reports: EvaluationReport[] = [];
    await learnCorrespondence(network, toyPairs(256, 1), {
      ...OPTIONS,
      epochs: 14,
      validation: toyPairs(40, 2),
      onEvaluation: (report) => reports.push(report),
    });
    network.dispose();
    // Chance: 5 relevant of 40 by random order, about 0.19.
    expect(reports.at(-1)?.classMap).toBeGreaterThan(0.6);
  });

  it('make the same weights again, also after a kill, and not those of one thread', async () => {
    const options: LearnOptions = {
      ...OPTIONS,
      epochs: 2,
      weights: WEIGHTS,
      hardNegatives: { fromPart: 0.5, classRun: 4 },
      averageDecay: 0.9,
    };
    const run = async (further: Partial<LearnOptions>): Promise<NamedArray[]> => {
      const network = new TwoTowerNetwork(engine, TOY_FULL_TOWERS, 1);
      try {
        await learnCorrespondence(network, toyPairs(64, 1), { ...options, ...further });
        return network.store.snapshot();
      } finally {
        network.dispose();
      }
    };
    const straight = await run({});
    const checkpoint = { folder: path.join(folder, 'killed'), everySteps: 3, resume: true };
    const killed = run({
      checkpoint,
      onStep: ({ step }) => {
        if (step === 5) throw new Error('killed');
      },
    });
    await expect(killed).rejects.toThrow('killed');
    await expect(run({ checkpoint, threads: 1 })).rejects.toMatchObject({ code: 'checkpoint_invalid' });
    const steps: number[] = [];
    expect(await run({ checkpoint, onStep: ({ step }) => steps.push(step) })).toEqual(straight);
    expect(steps[0]).toBe(4);
    expect(await run({ threads: 1 })).not.toEqual(straight);
  });

  it('end with the run that is stopped, or whose thread fails, and say why', async () => {
    const network = new TwoTowerNetwork(engine, TOY_TOWERS, 1);
    const stop = new AbortController();
    const stopped = learnCorrespondence(network, toyPairs(32, 1), {
      ...OPTIONS,
      signal: stop.signal,
      onStep: () => stop.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });

    const source = toyPairs(32, 1);
    const torn: TrainingSource = {
      ...source,
      async batch(request) {
        const batch = await source.batch(request);
        return { ...batch, logMel: batch.logMel.slice(16) };
      },
    };
    await expect(learnCorrespondence(network, torn, OPTIONS)).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringContaining('A training thread failed'),
    });
    network.dispose();
  });

  it('fail calls that are still awaited when they are closed', async () => {
    const source = toyPairs(8, 1);
    const network = new TwoTowerNetwork(engine, TOY_TOWERS, 1);
    const threaded = new ThreadedDifferentiator(network, OPTIONS.weights, source, 2);
    const pictures = [0, 1, 2, 3];
    const batch = await source.batch({ sounds: pictures, pictures, seed: null, progress: 0 });
    const awaited = expect(threaded.differentiate(batch, pictures)).rejects.toMatchObject({
      code: 'cancelled',
    });
    await threaded.close();
    await awaited;
    await expect(threaded.differentiate(batch, pictures)).rejects.toMatchObject({ code: 'cancelled' });
    network.dispose();
  });

  it.each([
    [16, 3],
    [16, 16],
    [16, 0],
    [16, 0.5],
  ])('refuse a batch of %i for %d threads', async (batchSize, count) => {
    const network = new TwoTowerNetwork(engine, TOY_TOWERS, 1);
    const failure = learnCorrespondence(network, toyPairs(32, 1), { ...OPTIONS, batchSize, threads: count });
    await expect(failure).rejects.toMatchObject({ code: 'invalid_argument', subject: 'threads' });
    network.dispose();
  });
});
