/** The separation network: one definition, two back ends; blocks and losses; training that can be resumed to the bit. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { type Engine, loadEngine } from '#model/engine/engine';
import { OnnxSession } from '#model/onnx/session';
import { fromBlocks, toBlocks } from '#model/separation/network/blocks';
import {
  curriculumKind,
  type LearnSeparationOptions,
  learnSeparation,
  type MixtureBatch,
  type MixtureKind,
  type MixtureSource,
} from '#model/separation/network/learn-separation';
import { binaryMaskLoss, maskWeight, ratioMaskLoss } from '#model/separation/network/mask-loss';
import { networkInput } from '#model/separation/network/network-input';
import {
  SeparationNetwork,
  type SeparationNetworkOptions,
} from '#model/separation/network/separation-network';
import { appearanceWidth, motionWidth } from '#model/separation/network/visual-query';
import { answerGraph, hearGraph } from '#model/separation/network/write-separation-model';
import { noise, unsettle } from '../onnx/parity.ts';

const SMALL: SeparationNetworkOptions = {
  levelChannels: [8, 8, 12, 16],
  featureMaps: 4,
  positionWidth: 6,
  embeddingWidth: 5,
  stepWidth: 3,
  cellWidth: 5,
  hiddenWidth: 8,
  mask: 'binary',
};

let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = await loadEngine();
  folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-separation-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('blocks', () => {
  it('come back as the spectrogram that they were', () => {
    const rows = noise([6, 256], 1).data;
    const blocks = new Float32Array(rows.length);
    toBlocks(rows, 6, blocks, 0);
    expect(fromBlocks(blocks, 6)).toEqual(rows);
    // Frame 3, row 5 is the later and upper point of block (1, 2).
    expect(blocks[(128 + 2) * 4 + 3]).toBe(rows[3 * 256 + 5]);
  });
});

describe('what the network hears', () => {
  it('does not depend on the level of the recording', () => {
    const quiet = noise([4, 256], 2).data.map(Math.abs);
    const loud = quiet.map((value) => value * 100);
    const [a, b] = [networkInput(quiet), networkInput(loud)];
    a.forEach((value, i) => {
      expect(b[i]).toBeCloseTo(value, 4);
    });
  });

  it('is finite in silence', () => {
    expect(networkInput(new Float32Array(512)).every(Number.isFinite)).toBe(true);
  });
});

describe('ONNX Runtime answers what TensorFlow.js does, to 1e-4', () => {
  // 13 steps: levels of odd sizes, which pad and resize unevenly.
  it.each([8, 13])('with %i steps', async (steps) => {
    const network = new SeparationNetwork(engine, SMALL, 3);
    unsettle(network.store, 4);
    // Modulation begins at nothing, and would otherwise not be seen.
    for (const [name, variable] of network.store.trainable) {
      if (/film.*kernel/.test(name))
        network.store.assign(
          variable,
          noise(variable.shape, 9).data.map((x) => x / 8),
        );
    }
    const mixture = noise([1, steps, 128, 4], 5);
    const appearance = noise([2, 1, appearanceWidth(SMALL)], 6);
    const motion = noise([2, steps, motionWidth(SMALL)], 7);
    const cells = noise([2, 36, steps, SMALL.cellWidth], 8);
    const { tf } = engine;
    const reference = tf.tidy(() => {
      const tensor = ({ data, shape }: typeof mixture) => tf.tensor(data, shape as number[]);
      const asked = { appearance: tensor(appearance), motion: tensor(motion), cells: tensor(cells) };
      return network.logits(tensor(mixture) as never, asked, false).dataSync();
    });
    const hear = await OnnxSession.open(hearGraph(network));
    const answer = await OnnxSession.open(answerGraph(network));
    const levels = await hear.run({ mixture });
    const { logits } = await answer.run({ ...levels, appearance, motion, cells });
    expect(logits?.shape).toEqual([2, steps, 512]);
    let largest = 0;
    reference.forEach((expected, i) => {
      const z = logits?.data[i] as number;
      largest = Math.max(largest, Math.abs(z - expected) / Math.max(1, Math.abs(expected)));
    });
    await Promise.all([hear.dispose(), answer.dispose()]);
    expect(largest).toBeLessThan(1e-4);
    network.dispose();
  });
});

describe('losses', () => {
  it('weigh as published: clamp(log(1 + magnitude), 0.001, 10)', () => {
    expect(maskWeight(0)).toBe(1e-3);
    expect(maskWeight(Math.E - 1)).toBeCloseTo(1, 6);
    expect(maskWeight(1e9)).toBe(10);
  });

  it('are the weighted means worked out by hand, and their gradient', () => {
    const { tf } = engine;
    const logits = [0, 2, -1, 0.5];
    const targets = [1, 1, 0, 0];
    const weights = [1, 3];
    const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
    const terms = logits.map((z, i) => -Math.log(targets[i] === 1 ? sigmoid(z) : 1 - sigmoid(z)));
    const [t0, t1, t2, t3] = terms as [number, number, number, number];
    const expected = (1 * (t0 + t1) + 3 * (t2 + t3)) / 8;
    // Two questions about two points.
    const byQuestion = (values: number[]) => tf.transpose(tf.tensor(values, [2, 2]));
    const tensors = () => [byQuestion(targets), tf.tensor(weights, [1, 2])] as const;
    const z = byQuestion(logits);
    expect(binaryMaskLoss(tf, z, ...tensors()).dataSync()[0]).toBeCloseTo(expected, 5);
    const gradient = tf
      .grad((x) => binaryMaskLoss(tf, x, ...tensors()))(z)
      .dataSync();
    expect(gradient[3]).toBeCloseTo((3 * sigmoid(0.5)) / 8, 5);
    expect(gradient[0]).toBeCloseTo((sigmoid(0) - 1) / 8, 5);
    // |0 - 1|, |2 - 1|, then |0 - 0| for the clamped -1, and |0.5 - 0|.
    expect(ratioMaskLoss(tf, z, ...tensors()).dataSync()[0]).toBeCloseTo((1 + 1 + 3 * 0.5) / 8, 5);
  });
});

const MIXED: ReadonlySet<MixtureKind> = new Set(['solos', 'unlike', 'like', 'trios']);

describe('the curriculum', () => {
  const kinds = (from: number, to: number) =>
    new Set(Array.from({ length: to - from }, (_, i) => curriculumKind(from + i, 1000, MIXED)));

  it('begins with solos, goes on to unlike and then like pairs, and ends with trios as well', () => {
    expect(kinds(0, 40)).toEqual(new Set(['solos']));
    expect(kinds(40, 250)).toEqual(new Set(['solos', 'unlike']));
    expect(kinds(250, 400)).toEqual(new Set(['solos', 'unlike', 'like']));
    expect(kinds(400, 1000)).toEqual(new Set(['solos', 'unlike', 'like', 'trios']));
  });

  it('mixes from lists and takes scenes where there are any', () => {
    const kinds = new Set<MixtureKind>([...MIXED, 'listed', 'scenes']);
    const all = Array.from({ length: 1000 }, (_, i) => curriculumKind(i, 1000, kinds));
    const count = (kind: MixtureKind) => all.filter((one) => one === kind).length;
    expect(all.slice(0, 80)).not.toContain('scenes');
    expect(all.slice(0, 150)).not.toContain('listed');
    expect(count('scenes')).toBeGreaterThan(200);
    expect(count('listed')).toBeGreaterThan(150);
  });
});

/** Mixtures of two halves of the spectrum, one loud and one faint; the appearance says which half is asked for. */
class Halves implements MixtureSource {
  readonly settings = { halves: true };
  readonly kinds = MIXED;

  batch(_kind: string, mixtures: number, seed: string): MixtureBatch {
    const [steps, queries] = [4, 2];
    const random = new SeededRandom(seed);
    const input = Float32Array.from(
      { length: mixtures * steps * 512 },
      (_, i) => (i % 512 < 256 ? 1 : -1) + 0.3 * random.normal(),
    );
    const appearance = new Float32Array(mixtures * queries * appearanceWidth(SMALL));
    for (let i = 0; i < mixtures * queries; i++)
      appearance[i * appearanceWidth(SMALL) + (i < mixtures ? 0 : 1)] = 3;
    return {
      ...{ mixtures, steps, queries, input, appearance },
      targets: Float32Array.from({ length: input.length * queries }, (_, i) =>
        i % 512 < 256 === i < input.length ? 1 : 0,
      ),
      weights: new Float32Array(input.length).fill(1),
      motion: new Float32Array(mixtures * steps * queries * motionWidth(SMALL)),
      cells: new Float32Array(mixtures * queries * 36 * steps * SMALL.cellWidth),
    };
  }
}

describe('learning', () => {
  const options = (name: string, more: Partial<LearnSeparationOptions> = {}): LearnSeparationOptions => ({
    totalSteps: 6,
    batchSize: 2,
    peakLearningRate: 0.01,
    seed: 1,
    averageDecay: 0.9,
    validation: null,
    evaluateEverySteps: 100,
    checkpoint: { folder: path.join(folder, name), everySteps: 3, resume: false },
    ...more,
  });
  const run = async (more: LearnSeparationOptions) => {
    const network = new SeparationNetwork(engine, SMALL, 1);
    await learnSeparation(network, new Halves(), more);
    const arrays = network.store.snapshot();
    network.dispose();
    return arrays;
  };

  it('goes on from a checkpoint to the bit', async () => {
    const whole = await run(options('whole'));
    const controller = new AbortController();
    await run(
      options('parts', {
        signal: controller.signal,
        onStep: ({ step }) => {
          if (step === 3) controller.abort();
        },
      }),
    );
    const checkpoint = { folder: path.join(folder, 'parts'), everySteps: 3, resume: true };
    expect(await run(options('parts', { checkpoint }))).toEqual(whole);
  });

  it('refuses to go on with other settings', async () => {
    const checkpoint = { folder: path.join(folder, 'whole'), everySteps: 3, resume: true };
    await expect(run(options('whole', { checkpoint, seed: 2 }))).rejects.toMatchObject({
      code: 'checkpoint_invalid',
    });
  });

  it('lowers the loss', async () => {
    const losses: number[] = [];
    await run(options('longer', { totalSteps: 60, onStep: ({ loss }) => losses.push(loss) }));
    expect(losses.at(-1)).toBeLessThan(0.6 * (losses[0] as number));
  });
});
