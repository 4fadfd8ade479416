import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { writeModelFolder } from '#model/checkpoint/checkpoint';
import type { EmbeddingModel, FrameBlock } from '#model/embedding-model';
import { loadEngine } from '#model/engine/engine';
import { YAMNET_LOG_MEL } from '#model/front-ends/log-mel';
import { loadEmbeddingModel, readModelInfo } from '#model/load-model';
import { TwoTowerNetwork } from '#model/towers/two-tower';
import { TOY_TOWERS } from './toy-pairs.ts';

const MINI = fileURLToPath(new URL('../../models/mini', import.meta.url));

let model: EmbeddingModel;
let folder: string;

beforeAll(async () => {
  model = await loadEmbeddingModel(MINI);
  folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-model-'));
});

afterAll(async () => {
  model.dispose();
  await rm(folder, { recursive: true, force: true });
});

function sound(seed: number, samples = 80_000): Float32Array {
  const random = new SeededRandom(seed);
  const hertz = random.uniform(200, 2000);
  return Float32Array.from(
    { length: samples },
    (_, n) => 0.4 * Math.sin((2 * Math.PI * hertz * n) / 16_000) + 0.05 * random.normal(),
  );
}

function picture(seed: number, count: number): FrameBlock {
  const random = new SeededRandom(seed);
  const { width, height } = model.videoInput;
  return {
    count,
    data: Uint8Array.from({ length: count * width * height * 3 }, () => random.integer(0, 256)),
  };
}

function distance(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...a.map((value, i) => value - (b[i] as number)));
}

describe('the shipped model', () => {
  it('describes itself without its weights', async () => {
    const info = await readModelInfo(MINI);
    expect(info.identity).toEqual(model.identity);
    expect(info.identity.id).toBe('mini');
    expect(info.videoInput).toEqual(model.videoInput);
    expect(info.parameterCount).toBeLessThan(3_000_000);
  });

  it('answers unit vectors of its dimension for sound and picture', async () => {
    const vectors = [...(await model.embedAudio([sound(1)])), ...(await model.embedVideo([picture(1, 20)]))];
    for (const vector of vectors) {
      expect(vector).toHaveLength(model.identity.dimension);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 4);
    }
  });

  it('gives a segment the same vector alone and in any batch', async () => {
    const sounds = Array.from({ length: 11 }, (_, i) => sound(i));
    const together = await model.embedAudio(sounds);
    const alone = await model.embedAudio([sounds[9] as Float32Array]);
    expect(distance(together[9] as Float32Array, alone[0] as Float32Array)).toBeLessThan(1e-5);

    // Blocks of different length can't share a forward pass, but must keep their order.
    const blocks = [picture(1, 3), picture(2, 20), picture(3, 20), picture(4, 1)];
    const videos = await model.embedVideo(blocks);
    for (const [i, block] of blocks.entries()) {
      const [vector] = await model.embedVideo([block]);
      expect(distance(videos[i] as Float32Array, vector as Float32Array)).toBeLessThan(1e-5);
    }
  });

  it('is no constant: different sounds and pictures get different vectors', async () => {
    const [a, b] = await model.embedAudio([sound(1), new Float32Array(80_000)]);
    expect(distance(a as Float32Array, b as Float32Array)).toBeGreaterThan(0.05);
  });

  it('takes short sounds and refuses frames of another size', async () => {
    expect(await model.embedAudio([sound(1, 4000)])).toHaveLength(1);
    await expect(model.embedVideo([{ count: 1, data: new Uint8Array(12) }])).rejects.toMatchObject({
      code: 'shape_mismatch',
    });
    expect(await model.embedAudio([])).toEqual([]);
  });
});

describe('a model folder of the first kind', () => {
  it('loads as it was: no motion, no pyramid, every frame in colour', async () => {
    const engine = await loadEngine();
    const network = new TwoTowerNetwork(engine, TOY_TOWERS, 7);
    const old = path.join(folder, 'old');
    const normalization = { mean: 0, deviation: 1 };
    await writeModelFolder(
      old,
      {
        id: 'old',
        baseVersion: '0.1.0',
        description: 'As the first release wrote it.',
        dimension: 32,
        segments: { lengthSec: 1, hopSec: 0.5 },
        frontEnds: {
          audio: { ...YAMNET_LOG_MEL, bands: 16, frames: 96, normalization },
          video: {
            rateHz: 4,
            width: 32,
            height: 32,
            fit: 'stretch',
            colourEveryFrames: 1,
            normalization: { mean: [0, 0, 0], deviation: [1, 1, 1] },
          },
        },
        towers: { kind: 'two-tower', ...TOY_TOWERS },
        training: {},
        parameterCount: 1,
      },
      network.store.snapshot(),
    );
    const file = path.join(old, 'model.json');
    const manifest = JSON.parse(await readFile(file, 'utf8'));
    delete manifest.frontEnds.video.colourEveryFrames;
    for (const tower of [manifest.towers.audio, manifest.towers.video])
      for (const part of ['temporalParts', 'alignmentDimension', 'motion', 'positions']) delete tower[part];
    await writeFile(file, JSON.stringify(manifest));

    const loaded = await loadEmbeddingModel(old);
    const frames = Uint8Array.from({ length: 3 * 32 * 32 * 3 }, (_, i) => (i * 37) % 256);
    const [vector] = await loaded.embedVideo([{ count: 3, data: frames }]);
    const { tf } = engine;
    const expected = tf.tidy(() =>
      network.video
        .apply(
          {
            frames: tf.tensor4d(
              Float32Array.from(frames, (byte) => byte / 255),
              [3, 32, 32, 3],
            ),
            frameTimesSec: Float32Array.of(0, 0.25, 0.5),
            motion: null,
            motionTimesSec: new Float32Array(0),
            batch: 1,
          },
          false,
        )
        .embedding.dataSync(),
    ) as Float32Array;
    expect(distance(vector as Float32Array, expected)).toBeLessThan(1e-4);
    loaded.dispose();
    network.dispose();
  });
});

describe('a model folder that is not right', () => {
  async function damaged(name: string, damage: (folder: string) => Promise<void>): Promise<string> {
    const copy = path.join(folder, name);
    await cp(MINI, copy, { recursive: true });
    await damage(copy);
    return copy;
  }

  it('is named when it has no model.json', async () => {
    await expect(loadEmbeddingModel(folder)).rejects.toMatchObject({
      code: 'model_not_found',
      subject: folder,
    });
  });

  it('has every wrong field of model.json listed', async () => {
    const copy = await damaged('fields', async (at) => {
      const manifest = JSON.parse(await readFile(path.join(at, 'model.json'), 'utf8'));
      manifest.dimension = -1;
      delete manifest.frontEnds.video.width;
      await writeFile(path.join(at, 'model.json'), JSON.stringify(manifest));
    });
    const failure = loadEmbeddingModel(copy);
    await expect(failure).rejects.toMatchObject({ code: 'model_invalid' });
    await expect(failure).rejects.toThrow(/dimension.*frontEnds\.video\.width/s);
  });

  it('is refused where its frames are no whole number of motion frames, or its view is larger than they are', async () => {
    const refused = async (
      name: string,
      change: (video: Record<string, unknown>) => void,
      message: RegExp,
    ) => {
      const copy = await damaged(name, async (at) => {
        const manifest = JSON.parse(await readFile(path.join(at, 'model.json'), 'utf8'));
        change(manifest.frontEnds.video);
        await writeFile(path.join(at, 'model.json'), JSON.stringify(manifest));
      });
      const failure = loadEmbeddingModel(copy);
      await expect(failure).rejects.toMatchObject({ code: 'model_invalid' });
      await expect(failure).rejects.toThrow(message);
    };
    await refused('odd', (video) => Object.assign(video, { width: 100 }), /frontEnds\.video.*motion\.size/s);
    const views = { centrePart: 1.5, mirrored: true, colourEveryFrames: 9 };
    await refused('views', (video) => Object.assign(video, { views }), /frontEnds\.video\.views\.centrePart/);
  });

  it('is refused when the weights are damaged or cut off', async () => {
    const flipped = await damaged('flipped', async (at) => {
      const file = path.join(at, 'weights.safetensors');
      const bytes = await readFile(file);
      bytes[bytes.length - 5] = (bytes[bytes.length - 5] as number) ^ 1;
      await writeFile(file, bytes);
    });
    const cut = await damaged('cut', async (at) => {
      const file = path.join(at, 'weights.safetensors');
      await writeFile(file, (await readFile(file)).subarray(0, 1000));
    });
    for (const copy of [flipped, cut]) {
      // Served from its graphs, the folder's weights are not read.
      const failure = loadEmbeddingModel(copy, { engine: 'tensorflow' });
      await expect(failure).rejects.toMatchObject({ code: 'checkpoint_invalid' });
    }
    const graph = await damaged('graph', async (at) => {
      const file = path.join(at, 'video.onnx');
      await writeFile(file, (await readFile(file)).subarray(0, 1000));
    });
    await expect(loadEmbeddingModel(graph)).rejects.toMatchObject({ code: 'checkpoint_invalid' });
  });
});
