import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import {
  type AdaptOptions,
  type AdaptResult,
  adaptModel,
  adaptToEmbedded,
  type EmbeddedClip,
  embedFrozen,
} from '#learning/training/adapt-model';
import { decodeSamples } from '#media/decode';
import { readHeads } from '#model/adaptation/adapted-folder';
import { applyHead } from '#model/adaptation/residual-head';
import { readManifest } from '#model/checkpoint/checkpoint';
import type { AdaptedManifest } from '#model/checkpoint/manifest';
import type { EmbeddingModel } from '#model/embedding-model';
import { loadEmbeddingModel, readModelInfo } from '#model/load-model';
import { OnnxGraphBuilder } from '#model/onnx/graph-builder';
import { toneHz } from '../../catalog/support/fake-model.ts';
import { makeClip } from '../../catalog/support/make-clips.ts';

const MINUTES_MS = 900_000;
const CLIPS = 60;
const DIMENSION = 16;
const RATE_HZ = 16_000;

let root: string;
let base: string;
let split: { learned: EmbeddedClip[]; heldOut: EmbeddedClip[] };
let options: AdaptOptions;
let adapted: Omit<AdaptResult, 'durationSec'>;

function normals(seed: string, count: number): Float32Array {
  const random = new SeededRandom(seed);
  return Float32Array.from({ length: count }, () => random.normal());
}

/** Its sound tower tells pitches apart, its picture tower grey levels; neither knows of the other. */
async function writeStrangers(folder: string): Promise<void> {
  await mkdir(folder);
  const audio = new OnnxGraphBuilder('audio');
  const logMel = audio.input('x', 'float32', ['batch', 96, 64]);
  const bands = audio.node('Softmax', [audio.node('ReduceMean', [logMel], { axes: [1], keepdims: 0 })], {
    axis: 1,
  });
  const mixed = audio.node('MatMul', [
    bands,
    audio.constant(normals('audio', 64 * DIMENSION), [64, DIMENSION]),
  ]);
  audio.output('y', mixed, 'float32', ['batch', DIMENSION]);
  await writeFile(path.join(folder, 'audio.onnx'), audio.toBytes());
  const video = new OnnxGraphBuilder('video');
  const frames = video.input('x', 'float32', ['batch', 3, 8, 8]);
  const grey = video.node('ReduceMean', [frames], { axes: [1, 2, 3], keepdims: 0 });
  const column = video.node('Reshape', [grey, video.int64([-1, 1])]);
  const waves = video.node('Add', [
    video.node('MatMul', [
      column,
      video.constant(
        normals('rates', DIMENSION).map((rate) => 6 * rate),
        [1, DIMENSION],
      ),
    ]),
    video.constant(normals('phases', DIMENSION), [DIMENSION]),
  ]);
  video.output('y', video.node('Sin', [waves]), 'float32', ['batch', DIMENSION]);
  await writeFile(path.join(folder, 'video.onnx'), video.toBytes());
  const logMelSpec = { windowSec: 0.025, hopSec: 0.01, bands: 64, lowHz: 60, highHz: 7500, offset: 0.001 };
  const frontEnds = {
    audio: {
      kind: 'log-mel',
      sampleRateHz: RATE_HZ,
      ...logMelSpec,
      layout: 'frames,bands',
      patch: { frames: 96, hopFrames: 48 },
    },
    video: {
      rateHz: 2,
      width: 8,
      height: 8,
      fit: 'stretch',
      layout: 'nchw',
      type: 'float32',
      frames: { kind: 'each' },
    },
  };
  const tower = (name: string) => ({ file: `${name}.onnx`, input: 'x', output: 'y' });
  await writeFile(
    path.join(folder, 'model.json'),
    JSON.stringify({
      ...{
        format: 'earshot-model/1',
        id: 'strangers',
        version: '1.0.0',
        description: 'Towers that never met.',
      },
      ...{ segments: { lengthSec: 5, hopSec: 2.5 }, dimension: DIMENSION, frontEnds },
      towers: { kind: 'onnx', audio: tower('audio'), video: tower('video') },
    }),
  );
}

/** A clip of a pitch and a grey level, as the towers embed it. */
async function embedTone(model: EmbeddingModel, i: number): Promise<EmbeddedClip> {
  const position = (i + 4) / (CLIPS + 8);
  const step = (2 * Math.PI * toneHz(position)) / RATE_HZ;
  const waveform = Float32Array.from({ length: RATE_HZ }, (_, t) => 0.1 * Math.sin(step * t));
  const frames = new Uint8Array(2 * 8 * 8 * 3).fill(255 * position);
  return {
    ...{ id: `${i}`, source: `${i}`, file: '', labels: [], durationSec: 1 },
    audio: await model.embedAudio([waveform]),
    video: await model.embedVideo([{ data: frames, count: 2 }]),
  };
}

beforeAll(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'earshot-adapt-'));
  base = path.join(root, 'strangers');
  await writeStrangers(base);
  options = {
    name: 'adapted',
    base,
    output: path.join(root, 'adapted'),
    where: 'collection tones',
    seed: 1,
    pairing: 'true',
  };
  const model = await loadEmbeddingModel(base);
  const clips: EmbeddedClip[] = [];
  for (let i = 0; i < CLIPS; i++) clips.push(await embedTone(model, i));
  model.dispose();
  split = {
    learned: clips.filter((_, i) => i % 5 !== 2),
    heldOut: clips.filter((_, i) => i % 5 === 2),
  };
  adapted = await adaptToEmbedded(split, options);
}, MINUTES_MS);
afterAll(() => rm(root, { recursive: true, force: true }));

describe('adapting a pretrained model to own clips', () => {
  it('finds more on held-out clips than the base does', () => {
    const { comparison, clips, steps } = adapted;
    expect([clips, comparison.n]).toEqual([48, 12]);
    expect(steps).toBeGreaterThan(0);
    expect(comparison.before.id).toBe('strangers');
    for (const metric of ['videoToAudio.r5', 'audioToVideo.r5']) {
      const scores = comparison.results[metric];
      expect(scores?.chance).toBeCloseTo(5 / 12);
      expect(scores?.after, metric).toBeGreaterThan((scores?.before ?? 1) + 0.2);
    }
  });

  it('embeds a file as its base does, segment by segment', async () => {
    const file = await makeClip(root, 'tone.mp4', { sound: 0.3, picture: 0.6, durationSec: 11 });
    const clip = { id: 'tone', file, labels: ['tone'], source: 'tone', durationSec: 11 };
    const [embedded] = await embedFrozen([clip], options);
    expect(embedded).toMatchObject(clip);
    expect([embedded?.audio.length, embedded?.video.length]).toEqual([2, 2]);
    const model = await loadEmbeddingModel(base);
    const window = { startSec: 5, endSec: 10 };
    const { data } = await decodeSamples(file, { ...window, sampleRateHz: RATE_HZ });
    expect(embedded?.audio[1]).toEqual((await model.embedAudio([data]))[0]);
    model.dispose();
  });

  it('leaves a model that works where the base is gone, and whose vectors are those that were measured', async () => {
    const info = await readModelInfo(options.output);
    expect(info.identity).toEqual({ ...adapted.model, dimension: DIMENSION });
    expect(info.training).toMatchObject({ base: { id: 'strangers' }, clips: { train: 48, heldOut: 12 } });
    const waveform = Float32Array.from({ length: RATE_HZ }, (_, i) => Math.sin(i / 3));
    const frozen = await loadEmbeddingModel(path.join(options.output, 'base'));
    const model = await loadEmbeddingModel(options.output);
    const [[before], [after]] = [await frozen.embedAudio([waveform]), await model.embedAudio([waveform])];
    expect(Math.hypot(...(after ?? []))).toBeCloseTo(1, 5);
    expect(after).not.toEqual(before);
    const heads = await readHeads(options.output, (await readManifest(options.output)) as AdaptedManifest);
    expect(after).toEqual(applyHead(heads.audio, before as Float32Array));
    frozen.dispose();
    model.dispose();
  });

  it('refuses towers and heads that do not belong together', async () => {
    const manifest = path.join(options.output, 'base', 'model.json');
    const heads = path.join(options.output, 'heads.safetensors');
    const [towers, bytes] = [await readFile(manifest, 'utf8'), await readFile(heads)];
    await writeFile(manifest, towers.replace('"1.0.0"', '"1.0.1"'));
    await expect(readModelInfo(options.output)).rejects.toMatchObject({ code: 'model_invalid' });
    await expect(loadEmbeddingModel(options.output)).rejects.toMatchObject({ code: 'model_invalid' });
    await writeFile(manifest, towers);
    await writeFile(heads, bytes.subarray(0, -4));
    await expect(loadEmbeddingModel(options.output)).rejects.toMatchObject({ code: 'checkpoint_invalid' });
    await writeFile(heads, bytes);
  });

  it('refuses few clips, a name that can be none, an adapted base, and a folder of other files', async () => {
    const output = path.join(root, 'other');
    const candidates = [{ id: 'tone', file: path.join(root, 'tone.mp4'), labels: [], source: 'tone' }];
    const refused = (changed: Partial<AdaptOptions>) =>
      expect(adaptModel(candidates, { ...options, output, ...changed })).rejects;
    await refused({}).toMatchObject({ code: 'not_enough_data' });
    await refused({ name: 'No Name' }).toMatchObject({ code: 'invalid_argument', subject: 'name' });
    await refused({ base: options.output }).toMatchObject({ code: 'invalid_argument', subject: 'base' });
    await mkdir(output);
    await writeFile(path.join(output, 'letters.txt'), 'dear');
    await refused({}).toMatchObject({ code: 'conflict' });
    expect(await readdir(output)).toEqual(['letters.txt']);
  });
});
