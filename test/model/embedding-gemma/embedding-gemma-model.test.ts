import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pullModel } from '#catalog/pull-model';
import {
  EmbeddingGemmaModel,
  type EmbeddingGemmaRuntime,
  openRuntime,
} from '#model/embedding-gemma/embedding-gemma-model';
import { embeddingGemmaManifest } from '#model/embedding-gemma/manifest';
import { loadTransformers, type TransformersPackage } from '#model/embedding-gemma/transformers-package';
import { loadEmbeddingModel, readModelInfo } from '#model/load-model';
import { writeTinyWeights } from './tiny-weights.ts';

/** Where the optional package lies, if not among our own: the folder that holds `node_modules`. */
const elsewhere = process.env.EARSHOT_TEST_TRANSFORMERS;
const name = elsewhere
  ? pathToFileURL(path.join(elsewhere, 'node_modules/@huggingface/transformers/dist/transformers.node.mjs'))
      .href
  : '@huggingface/transformers';
const transformers = await loadTransformers(name).catch(() => null);
if (!transformers) console.warn('Skipped: @huggingface/transformers is not installed.');

const MINUTES_MS = 300_000;
const waveform = Float32Array.from({ length: 80_000 }, (_, i) => 0.2 * Math.sin(i / (4 + i / 20_000)));

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'earshot-gemma-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function beginning(vector: ArrayLike<number>, dimension: number): number[] {
  const head = Array.from({ length: dimension }, (_, i) => vector[i] as number);
  const norm = Math.hypot(...head);
  return head.map((value) => value / norm);
}

function expectClose(found: ArrayLike<number> | undefined, expected: ArrayLike<number>): void {
  expect(found?.length).toBe(expected.length);
  const far = Array.from(expected, (value, i) => Math.abs(value - (found?.[i] as number)));
  expect(Math.max(...far)).toBeLessThan(1e-6);
}

describe('embeddinggemma-2 without its package', () => {
  it('says how to add it', async () => {
    await expect(loadTransformers('@huggingface/no-such-package')).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining('npm install @huggingface/transformers@^4.3.1'),
    });
    const older = `data:text/javascript,export class AutoModel {}`;
    await expect(loadTransformers(older)).rejects.toThrow(/knows no EmbeddingGemma 2/);
  });

  it('is described without it, and tells quantisations apart', async () => {
    const files = [{ file: 'config.json', bytes: 2, sha256: 'a'.repeat(64) }];
    const versions: string[] = [];
    for (const quantization of ['q4', 'q8'] as const) {
      const manifest = embeddingGemmaManifest(256, quantization, files);
      await writeFile(path.join(root, 'model.json'), JSON.stringify(manifest));
      const info = await readModelInfo(root);
      expect(info).toMatchObject({ identity: { dimension: 256 }, hasTextTower: true });
      versions.push(info.identity.version);
    }
    expect(versions[0]).toMatch(/^1\.0\.0\+q4\./);
    expect(versions[0]).not.toBe(versions[1]);
    await expect(loadEmbeddingModel(root)).rejects.toMatchObject({ code: 'checkpoint_invalid' });
  });
});

describe.skipIf(!transformers)('embeddinggemma-2 on a tiny network of its architecture', () => {
  const installed = transformers as TransformersPackage;
  let weights: string;
  let folder: string;
  let model: EmbeddingGemmaModel;
  let runtime: EmbeddingGemmaRuntime;

  async function direct(
    ...input: Parameters<EmbeddingGemmaRuntime['processor']>
  ): Promise<ArrayLike<number>> {
    return (await runtime.model(await runtime.processor(...input))).sentence_embedding.data;
  }

  async function load(place: string) {
    const manifest = JSON.parse(await readFile(path.join(place, 'model.json'), 'utf8'));
    return EmbeddingGemmaModel.load(place, manifest, installed);
  }

  beforeAll(async () => {
    weights = path.join(root, 'repository');
    await writeTinyWeights(weights);
    const embeddingGemma = { dimension: 128 as const, transformers: installed };
    const pulled = await pullModel('embeddinggemma-2', { dataDir: root, from: weights, embeddingGemma });
    folder = pulled.folder;
    expect(pulled.bytes).toBeGreaterThan(10_000);
    model = await load(folder);
    runtime = await openRuntime(installed, weights, { dtype: 'q8' });
  }, MINUTES_MS);
  afterAll(async () => {
    model?.dispose();
    await runtime?.model.dispose();
  });

  it('embeds a sound as the network does, cut to the dimension and scaled to unit length', async () => {
    const [vector, short] = await model.embedAudio([waveform, waveform.subarray(0, 40)]);
    expectClose(vector, beginning(await direct(null, null, waveform, null), 128));
    expect(Math.hypot(...(short ?? []))).toBeCloseTo(1, 5);
  });

  it('embeds frames as a video of them, without resizing them again', async () => {
    const { width, height } = model.videoInput;
    const size = width * height * 3;
    const data = Uint8Array.from({ length: 3 * size }, (_, i) => (i * 31 + (i >> 9)) & 255);
    const [vector] = await model.embedVideo([{ data, count: 3 }]);
    const { RawImage, RawVideo } = installed;
    const frames = [0, 1, 2].map(
      (i) => new RawImage(data.subarray(i * size, (i + 1) * size), width, height, 3),
    );
    const inputs = await runtime.processor(null, null, null, new RawVideo(frames, 3));
    expect(inputs).toMatchObject({
      num_frames_per_video: [3],
      num_soft_tokens_per_video: [126],
    });
    const { sentence_embedding: whole } = await runtime.model(inputs);
    expectClose(vector, beginning(whole.data, 128));
    await expect(model.embedVideo([{ data: data.subarray(1), count: 3 }])).rejects.toMatchObject({
      code: 'shape_mismatch',
    });
  });

  it('puts the prompt for queries before words, and takes marks of media out of them', async () => {
    const [rain, marked] = await model.embedText(['rain', 'rain <|audio|>']);
    expectClose(
      rain?.vector,
      beginning(await direct('task: search result | query: rain', null, null, null), 128),
    );
    expectClose(marked?.vector, rain?.vector ?? []);
    const bare = beginning(await direct('rain', null, null, null), 128);
    expect(Math.max(...bare.map((value, i) => Math.abs(value - (rain?.vector[i] ?? 0))))).toBeGreaterThan(
      1e-3,
    );
    await expect(model.embedText([' <|video|> '])).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('is fetched from the repository, and after an interruption only what is missing', async () => {
    const asked: string[] = [];
    let isBroken = true;
    const server = http.createServer((request, response) => {
      const file = request.url?.split('/resolve/main/')[1] ?? '';
      if (!request.headers.range) asked.push(file);
      if (isBroken && file === 'onnx/audio_encoder_quantized.onnx') response.writeHead(503).end();
      else
        readFile(path.join(weights, file)).then(
          (bytes) => response.writeHead(200, { 'content-length': bytes.length }).end(bytes),
          () => response.writeHead(404).end(),
        );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { env } = installed as unknown as { env: { remoteHost: string } };
    env.remoteHost = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const dataDir = path.join(root, 'fetched');
    const pull = () =>
      pullModel('embeddinggemma-2', { dataDir, env: {}, embeddingGemma: { transformers: installed } });
    try {
      await expect(pull()).rejects.toMatchObject({ code: 'server_unreachable', retryable: true });
      isBroken = false;
      asked.length = 0;
      const { folder: fetched } = await pull();
      expect(asked).toContain('onnx/audio_encoder_quantized.onnx');
      expect(asked).not.toContain('onnx/model_quantized.onnx');
      const whole = await load(fetched);
      const [vector] = await whole.embedAudio([waveform]);
      expectClose(vector, beginning(await direct(null, null, waveform, null), 768));
      whole.dispose();
      expect(await readdir(path.dirname(fetched))).toEqual(['embeddinggemma-2']);
    } finally {
      server.close();
    }
  });

  it('refuses a folder that lacks a file, and files that were cut off; what was there stays', async () => {
    const vision = path.join(folder, 'weights/onnx/vision_encoder_quantized.onnx');
    const pull = (quantization: 'q4' | 'q8', from: string) =>
      pullModel('embeddinggemma-2', {
        ...{ dataDir: root, from, embeddingGemma: { quantization, transformers: installed } },
      });
    await expect(pull('q4', weights)).rejects.toMatchObject({
      code: 'file_not_found',
      message: expect.stringContaining('model_q4.onnx'),
    });
    (await load(folder)).dispose();
    await truncate(vision, 100);
    await expect(load(folder)).rejects.toMatchObject({ code: 'checkpoint_invalid' });
    await truncate(path.join(weights, 'onnx/audio_encoder_quantized.onnx'), 100);
    await expect(pull('q8', weights)).rejects.toMatchObject({ code: 'model_invalid' });
  });
});
