import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, loadEngine } from '#model/engine/engine';
import { TwoTowerNetwork } from '#model/towers/two-tower';
import { learnCorrespondence } from '#model/training/learn-correspondence';
import type { LearnOptions, StepReport } from '#model/training/learn-options';
import type { Teaching } from '#model/training/teaching';
import type { TrainingSource } from '#model/training/training-source';
import type { EvaluationReport } from '#model/training/validation';
import { TOY_FULL_TOWERS, TOY_TOWERS, toyPairs } from './toy-pairs.ts';

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
  epochs: 7,
  batchSize: 16,
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

/** The same batches, each some time after it was asked for. */
function slowly(source: TrainingSource): TrainingSource {
  return {
    ...source,
    async batch(request) {
      const batch = await source.batch(request);
      await new Promise((resolve) => setTimeout(resolve, request.sounds.length % 3));
      return batch;
    },
  };
}

/** A teacher who knows the class of each sound and of each picture. @param shift how far it is out with pictures */
function toyTeaching(count: number, seed: number, shift = 0): Teaching {
  const source = toyPairs(count, seed);
  const items = Array.from({ length: count }, (_, i) => i);
  const classes = new Set(source.labels).size;
  const targets = (by: number) =>
    Float32Array.from({ length: count * classes }, (_, i) => {
      const label = Number(source.labels?.[Math.floor(i / classes)]);
      return i % classes === (label + by) % classes ? 1 : 0;
    });
  const [soundTargets, pictureTargets] = [targets(0), targets(shift)];
  return {
    source,
    sounds: items,
    pictures: items,
    soundTargets,
    pictureTargets,
    classes,
    rows: 8,
    digest: '',
  };
}

describe('learning correspondence', { timeout: 180_000 }, () => {
  it('finds the class of unseen pairs, and cannot when trained on shuffled pairs', async () => {
    const learned = (await learn({})).at(-1) as EvaluationReport;
    const shuffled = (await learn({ pairing: 'shuffled' })).at(-1) as EvaluationReport;
    // Chance: 5 relevant of 40 by random order, about 0.19.
    expect(learned.classMap).toBeGreaterThan(0.6);
    expect(shuffled.classMap).toBeLessThan(0.35);
  });

  it('lets sound and picture meet in a teacher whose items never came together', async () => {
    const shuffled = { pairing: 'shuffled', weights: { ...OPTIONS.weights, teacher: 20 } } as const;
    const taught = (await learn({ ...shuffled, teaching: toyTeaching(160, 3) })).at(-1) as EvaluationReport;
    const liar = { ...toyTeaching(160, 3), pictureTargets: toyTeaching(160, 3, 1).pictureTargets };
    const misled = (await learn({ ...shuffled, teaching: liar })).at(-1) as EvaluationReport;
    expect(taught.classMap).toBeGreaterThan(0.5);
    // Every picture is taught as the next class: what is found then is the wrong one.
    expect(misled.classMap).toBeLessThan(0.25);
  });

  it('refuses to share taught batches between threads', async () => {
    const teaching = toyTeaching(16, 3);
    await expect(learn({ teaching, threads: 2 })).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('learns every term at once: they are reported, and fall', async () => {
    const network = new TwoTowerNetwork(engine, TOY_FULL_TOWERS, 1);
    const reports: StepReport[] = [];
    await learnCorrespondence(network, toyPairs(128, 1), {
      ...OPTIONS,
      epochs: 8,
      weights: { class: 1, localization: 0.5, alignment: 1 },
      onStep: (report) => reports.push(report),
    });
    network.dispose();
    const mean = (part: StepReport[], term: keyof StepReport['terms']) =>
      part.reduce((sum, { terms }) => sum + (terms[term] as number), 0) / part.length;
    for (const [term, chance] of [
      ['pairs', Math.log(16)],
      ['class', Math.log(8)],
      ['localization', Math.log(16)],
      // Of eight steps the shifts by 0, 2, 3 and 5 leave an overlap.
      ['alignment', Math.log(7)],
    ] as const) {
      const [first, last] = [mean(reports.slice(0, 3), term), mean(reports.slice(-8), term)];
      expect(last, term).toBeLessThan(0.8 * first);
      expect(last, term).toBeLessThan(0.85 * chance);
    }
    const { loss, terms } = reports[7] as StepReport;
    const { pairs = 0, class: classes = 0, localization = 0, alignment = 0 } = terms;
    expect(loss).toBeCloseTo(pairs + classes + 0.5 * localization + alignment, 4);
  });

  it.each(['stopped', 'killed'] as const)('resumes to the bit after it was %s', async (how) => {
    const options: LearnOptions = {
      ...OPTIONS,
      epochs: 3,
      weights: { class: 1, localization: 0.5, alignment: 0.5 },
      hardNegatives: { fromPart: 0.5, classRun: 4 },
      averageDecay: 0.9,
      evaluateEverySteps: 4,
      validation: toyPairs(24, 2),
    };
    const straight = new TwoTowerNetwork(engine, TOY_FULL_TOWERS, 1);
    const whole = await learnCorrespondence(straight, toyPairs(64, 1), options);

    const checkpoint = { folder: path.join(folder, how), everySteps: 3, resume: true };
    const stop = new AbortController();
    const interrupted = new TwoTowerNetwork(engine, TOY_FULL_TOWERS, 1);
    const failure = learnCorrespondence(interrupted, slowly(toyPairs(64, 1)), {
      ...options,
      checkpoint,
      signal: stop.signal,
      onStep: ({ step }) => {
        if (step !== 5) return;
        if (how === 'killed') throw new Error('killed');
        stop.abort();
      },
    });
    await expect(failure).rejects.toMatchObject(
      how === 'killed' ? { message: 'killed' } : { code: 'cancelled' },
    );

    const resumed = new TwoTowerNetwork(engine, TOY_FULL_TOWERS, 99);
    const steps: number[] = [];
    const rest = await learnCorrespondence(resumed, slowly(toyPairs(64, 1)), {
      ...options,
      checkpoint,
      onStep: ({ step }) => steps.push(step),
    });
    // A stopped run saves before it ends; a killed one falls back to its last checkpoint.
    expect(steps[0]).toBe(how === 'killed' ? 4 : 6);
    expect(resumed.store.snapshot()).toEqual(straight.store.snapshot());
    expect(rest).toEqual(whole);
    for (const network of [straight, interrupted, resumed]) network.dispose();
  });

  it('keeps the averaged weights, not those of the last step', async () => {
    const snapshots = [];
    for (const averageDecay of [0, 0.99]) {
      const network = new TwoTowerNetwork(engine, TOY_TOWERS, 1);
      await learnCorrespondence(network, toyPairs(32, 1), { ...OPTIONS, epochs: 4, averageDecay });
      snapshots.push(network.store.snapshot());
      network.dispose();
    }
    const [last, averaged] = snapshots;
    expect(averaged?.map(({ name }) => name)).toEqual(last?.map(({ name }) => name));
    expect(averaged).not.toEqual(last);
  });

  it('passes on the error of a source that fails in the middle', async () => {
    const source = toyPairs(64, 1);
    let asked = 0;
    const failing: TrainingSource = {
      ...source,
      batch: (request) =>
        ++asked === 3 ? Promise.reject(new Error('the disk is gone')) : source.batch(request),
    };
    const network = new TwoTowerNetwork(engine, TOY_TOWERS, 1);
    const steps: number[] = [];
    const failure = learnCorrespondence(network, failing, {
      ...OPTIONS,
      onStep: ({ step }) => steps.push(step),
    });
    await expect(failure).rejects.toThrow('the disk is gone');
    expect(steps).toEqual([1, 2]);
    network.dispose();
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
