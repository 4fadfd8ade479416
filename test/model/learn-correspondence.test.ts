import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, loadEngine } from '#model/engine/engine';
import { TwoTowerNetwork } from '#model/towers/two-tower';
import {
  type EvaluationReport,
  type LearnOptions,
  learnCorrespondence,
} from '#model/training/learn-correspondence';
import { TOY_TOWERS, toyPairs } from './toy-pairs.ts';

let engine: Engine;
let folder: string;

beforeAll(async () => {
  engine = await loadEngine();
  folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-learn-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const OPTIONS: LearnOptions = {
  epochs: 10,
  batchSize: 16,
  peakLearningRate: 3e-3,
  warmUpSteps: 5,
  seed: 5,
  pairing: 'true',
  classWeight: 0,
  evaluateEverySteps: 40,
  patience: 99,
  validation: null,
  checkpoint: null,
};

async function learn(options: Partial<LearnOptions>): Promise<EvaluationReport[]> {
  const network = new TwoTowerNetwork(engine, TOY_TOWERS, 1);
  const reports: EvaluationReport[] = [];
  await learnCorrespondence(network, toyPairs(256, 1), {
    ...OPTIONS,
    validation: toyPairs(40, 2),
    onEvaluation: (report) => reports.push(report),
    ...options,
  });
  network.dispose();
  return reports;
}

describe('learning correspondence', () => {
  it('finds the class of unseen pairs, and cannot when trained on shuffled pairs', async () => {
    const learned = (await learn({})).at(-1) as EvaluationReport;
    const shuffled = (await learn({ pairing: 'shuffled' })).at(-1) as EvaluationReport;
    // Chance: 5 relevant of 40 by random order, about 0.19.
    expect(learned.classMap).toBeGreaterThan(0.6);
    expect(shuffled.classMap).toBeLessThan(0.35);
  });

  it('resumes to the bit after a stop', async () => {
    const source = toyPairs(64, 1);
    const straight = new TwoTowerNetwork(engine, TOY_TOWERS, 1);
    await learnCorrespondence(straight, source, { ...OPTIONS, epochs: 2 });

    const checkpoint = { folder: path.join(folder, 'resume'), everySteps: 3, resume: true };
    const stop = new AbortController();
    const stopped = new TwoTowerNetwork(engine, TOY_TOWERS, 1);
    const interrupted = learnCorrespondence(stopped, source, {
      ...OPTIONS,
      epochs: 2,
      checkpoint,
      signal: stop.signal,
      onStep: ({ step }) => step === 5 && stop.abort(),
    });
    await expect(interrupted).rejects.toMatchObject({ code: 'cancelled' });

    const resumed = new TwoTowerNetwork(engine, TOY_TOWERS, 99);
    const steps: number[] = [];
    await learnCorrespondence(resumed, source, {
      ...OPTIONS,
      epochs: 2,
      checkpoint,
      onStep: ({ step }) => steps.push(step),
    });
    expect(steps[0]).toBe(6);
    expect(resumed.store.snapshot()).toEqual(straight.store.snapshot());
    for (const network of [straight, stopped, resumed]) network.dispose();
  });

  it('refuses to resume with other settings, or from a damaged checkpoint', async () => {
    const checkpoint = { folder: path.join(folder, 'refuse'), everySteps: 2, resume: true };
    const run = async (options: Partial<LearnOptions>) => {
      const network = new TwoTowerNetwork(engine, TOY_TOWERS, 1);
      try {
        await learnCorrespondence(network, toyPairs(32, 1), {
          ...OPTIONS,
          epochs: 1,
          checkpoint,
          ...options,
        });
      } finally {
        network.dispose();
      }
    };
    await run({});
    await expect(run({ seed: 6 })).rejects.toMatchObject({ code: 'checkpoint_invalid' });
    const weights = path.join(checkpoint.folder, 'weights-2.safetensors');
    const bytes = await readFile(weights);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
    await writeFile(weights, bytes);
    await expect(run({})).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      subject: 'weights-2.safetensors',
    });
  });

  it('keeps memory flat and stops early when validation no longer improves', async () => {
    const network = new TwoTowerNetwork(engine, TOY_TOWERS, 1);
    const tensors: number[] = [];
    const result = await learnCorrespondence(network, toyPairs(32, 1), {
      ...OPTIONS,
      // Nothing can be learned at this rate, so the second evaluation can't beat the first.
      peakLearningRate: 1e-12,
      epochs: 50,
      evaluateEverySteps: 2,
      patience: 2,
      validation: toyPairs(24, 2),
      onStep: () => tensors.push(engine.tf.memory().numTensors),
    });
    network.dispose();
    expect(result.stoppedBy).toBe('patience');
    expect(result.step).toBeLessThan(100);
    expect(new Set(tensors.slice(3)).size).toBe(1);
  });

  it('says so when there are fewer clips than a batch', async () => {
    const network = new TwoTowerNetwork(engine, TOY_TOWERS, 1);
    await expect(learnCorrespondence(network, toyPairs(8, 1), OPTIONS)).rejects.toMatchObject({
      code: 'not_enough_data',
    });
    network.dispose();
  });
});
