/** Both towers as a whole, and the shipped model, answer the same on ONNX Runtime as on TensorFlow.js. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { readTwoTowerManifest } from '#model/checkpoint/checkpoint';
import type { FrontEnds } from '#model/checkpoint/manifest';
import type { EmbeddingModel } from '#model/embedding-model';
import { type Engine, loadEngine } from '#model/engine/engine';
import { YAMNET_LOG_MEL } from '#model/front-ends/log-mel';
import { videoBatch } from '#model/front-ends/video-batch';
import { loadEmbeddingModel } from '#model/load-model';
import { exportServingGraphs } from '#model/onnx/export-serving';
import { OnnxTowers } from '#model/onnx/onnx-towers';
import { audioTowerGraph, videoTowerGraph } from '#model/onnx/tower-graphs';
import { TensorFlowTowers } from '#model/towers/tensorflow-towers';
import type { FloatTensor, TowerBackend } from '#model/towers/tower-backend';
import { MINI_TOWERS, TwoTowerNetwork, type TwoTowerOptions } from '#model/towers/two-tower';
import { expectSame, noise, unsettle } from './parity.ts';

const MINI = fileURLToPath(new URL('../../../models/mini', import.meta.url));

let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = await loadEngine();
  folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-serving-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const FRONT_ENDS: FrontEnds = {
  audio: { ...YAMNET_LOG_MEL, frames: 496, normalization: { mean: -2, deviation: 1.6 } },
  video: {
    rateHz: 12.5,
    width: 96,
    height: 96,
    fit: 'stretch',
    colourEveryFrames: 3,
    normalization: { mean: [0.45, 0.4, 0.5], deviation: [0.25, 0.3, 0.2] },
  },
};

async function bothBackends(
  options: TwoTowerOptions,
  frontEnds: FrontEnds,
): Promise<{ reference: TowerBackend; serving: TowerBackend }> {
  const network = new TwoTowerNetwork(engine, options, 5);
  unsettle(network.store, 6);
  const graphs = {
    audio: audioTowerGraph(network.audio),
    video: videoTowerGraph(network.video, frontEnds.video),
  };
  return {
    reference: new TensorFlowTowers(network, frontEnds),
    serving: await OnnxTowers.open(graphs, frontEnds, { subject: 'a test' }),
  };
}

function bytes(length: number, seed: number): Uint8Array {
  const random = new SeededRandom(seed);
  return Uint8Array.from({ length }, () => random.integer(0, 256));
}

function expectSameOrNone(actual: FloatTensor | null, expected: FloatTensor | null): void {
  expect(actual === null).toBe(expected === null);
  if (actual && expected) expectSame(actual, expected);
}

async function expectAudioParity(reference: TowerBackend, serving: TowerBackend, bands: number) {
  for (const [batch, frames] of [
    [1, 496],
    [3, 496],
    [2, 96],
    [1, 8],
    [1, 1000],
  ] as const) {
    const { data } = noise([batch, frames, bands], frames);
    const [actual, expected] = [await serving.audio(data, batch), await reference.audio(data, batch)];
    expectSame(actual.embedding, expected.embedding);
    expectSame(actual.steps, expected.steps);
    expectSameOrNone(actual.alignment, expected.alignment);
  }
}

async function expectVideoParity(
  reference: TowerBackend,
  serving: TowerBackend,
  options: TwoTowerOptions,
  frontEnds: FrontEnds,
) {
  const { width, height } = frontEnds.video;
  for (const [batch, count, mapFrames] of [
    [1, 1, [0]],
    [2, 62, []],
    [3, 4, [0, 5, 2]],
    [1, 23, [1]],
  ] as const) {
    const blocks = Array.from({ length: batch }, (_, i) => ({
      count,
      data: bytes(count * width * height * 3, 10 * count + i),
    }));
    const input = videoBatch(blocks, frontEnds.video, options.video.motion);
    const actual = await serving.video(input, batch, mapFrames);
    const expected = await reference.video(input, batch, mapFrames);
    expectSame(actual.embedding, expected.embedding);
    expectSame(actual.steps, expected.steps);
    expectSameOrNone(actual.alignment, expected.alignment);
    expectSame(actual.map, expected.map);
    expectSameOrNone(actual.positions, expected.positions);
  }
}

describe('both towers', () => {
  const plain: TwoTowerOptions = {
    audio: { ...MINI_TOWERS.audio, temporalParts: 0, alignmentDimension: 0 },
    video: { ...MINI_TOWERS.video, motion: null, temporalParts: 0, alignmentDimension: 0, positions: false },
  };
  const cases: [string, TwoTowerOptions, FrontEnds][] = [
    ['with every part', MINI_TOWERS, FRONT_ENDS],
    ['with none of the optional parts', plain, FRONT_ENDS],
    [
      'of an odd size',
      { ...MINI_TOWERS, video: { ...MINI_TOWERS.video, motion: { size: 14, trunkChannels: [4, 8, 12] } } },
      { ...FRONT_ENDS, video: { ...FRONT_ENDS.video, width: 70, height: 42 } },
    ],
  ];
  for (const [name, options, frontEnds] of cases) {
    it(`answer the same ${name}, at any batch and any number of frames`, async () => {
      const { reference, serving } = await bothBackends(options, frontEnds);
      await expectAudioParity(reference, serving, options.audio.bands);
      await expectVideoParity(reference, serving, options, frontEnds);
      reference.dispose();
      serving.dispose();
    });
  }

  it('leave no tensors behind on TensorFlow.js', async () => {
    const { reference, serving } = await bothBackends(plain, FRONT_ENDS);
    const { data } = noise([1, 96, 64], 1);
    await reference.audio(data, 1);
    const before = engine.tf.memory().numTensors;
    await reference.audio(data, 1);
    expect(engine.tf.memory().numTensors).toBe(before);
    reference.dispose();
    serving.dispose();
  });
});

describe('the shipped model, exported', () => {
  let exported: string;
  beforeAll(async () => {
    exported = path.join(folder, 'mini');
    await cp(MINI, exported, { recursive: true });
    await exportServingGraphs(exported);
  });

  async function vectors(model: EmbeddingModel): Promise<Float32Array[]> {
    const waveforms = [80_000, 4000, 79_999].map((samples, i) => {
      const { data } = noise([samples], i);
      return data.map((value, n) => 0.1 * value + 0.4 * Math.sin(n * 0.05 * (i + 1)));
    });
    const { width, height } = model.videoInput;
    const blocks = [1, 20, 20, 7].map((count, i) => ({ count, data: bytes(count * width * height * 3, i) }));
    return [...(await model.embedAudio(waveforms)), ...(await model.embedVideo(blocks))];
  }

  it('keeps its identity and answers the same vectors on both engines', async () => {
    const [serving, reference] = await Promise.all([
      loadEmbeddingModel(exported, { engine: 'onnx' }),
      loadEmbeddingModel(exported, { engine: 'tensorflow' }),
    ]);
    expect(serving.identity).toEqual((await loadEmbeddingModel(MINI)).identity);
    const [actual, expected] = [await vectors(serving), await vectors(reference)];
    for (const [i, vector] of actual.entries()) {
      const shape = [reference.identity.dimension];
      expectSame({ data: vector, shape }, { data: expected[i] as Float32Array, shape });
    }
    serving.dispose();
    reference.dispose();
  });

  it('is refused when a graph is damaged, and served from its weights when it names none', async () => {
    const damaged = path.join(folder, 'damaged');
    await cp(exported, damaged, { recursive: true });
    const graph = path.join(damaged, 'video.onnx');
    await writeFile(graph, (await readFile(graph)).subarray(0, 5000));
    await expect(loadEmbeddingModel(damaged)).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      subject: graph,
    });

    const { serving, ...without } = await readTwoTowerManifest(exported);
    expect(serving?.audio.file).toBe('audio.onnx');
    await writeFile(path.join(damaged, 'model.json'), JSON.stringify(without));
    await expect(loadEmbeddingModel(damaged, { engine: 'onnx' })).rejects.toMatchObject({
      code: 'model_invalid',
    });
    const model = await loadEmbeddingModel(damaged);
    expect(await vectors(model)).toHaveLength(7);
    model.dispose();
  });
});
