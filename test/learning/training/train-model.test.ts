import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateCorpus } from '#learning/corpus/generate-corpus';
import { corpusClips, evaluateRetrieval, readPairsFile } from '#learning/evaluation/evaluate-model';
import { shapeOfModel } from '#learning/training/model-shape';
import { type TrainOptions, trainModel } from '#learning/training/train-model';
import { corpusTrainingClips } from '#learning/training/training-clips';
import { loadEmbeddingModel, readModelInfo } from '#model/load-model';

let folder: string;
let corpus: string;
let options: TrainOptions;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-train-'));
  corpus = path.join(folder, 'corpus');
  await generateCorpus({
    folder: corpus,
    seed: 1,
    classes: ['dog', 'bird'],
    clips: { train: 4, validation: 2, test: 2 },
    durationSec: 2,
    frameRateHz: 8,
    frameSize: 64,
    crf: 30,
    threads: 1,
  });
  options = {
    clips: await corpusTrainingClips(corpus),
    runFolder: path.join(folder, 'run'),
    output: path.join(folder, 'model'),
    cacheFolder: path.join(folder, 'cache'),
    name: 'tiny',
    epochs: 1,
    batchSize: 2,
    threads: 1,
    peakLearningRate: 1e-3,
    seed: 1,
    pairing: 'true',
    weights: { class: 1, localization: 0.5, alignment: 0.5 },
    hardNegatives: { fromPart: 0.5, classRun: 2 },
    backgroundPart: 0.5,
    averageDecay: 0.9,
    patience: 5,
    resume: false,
    decodeConcurrency: 1,
  };
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a training run', () => {
  it('learns from a teacher, whose opinions are asked for once', async () => {
    const clips = path.join(import.meta.dirname, '../../fixtures/clips');
    const files = (await readdir(clips)).filter((name) => name.endsWith('.mp4')).slice(0, 8);
    const still = path.join(folder, 'still.png');
    await promisify(execFile)('ffmpeg', [
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      'testsrc=s=64x64:d=1',
      '-frames:v',
      '1',
      still,
    ]);
    const teacher = { folder: path.join(import.meta.dirname, '../../../models/mini'), name: 'mini' };
    const distillation = { teacher, files: [...files.map((name) => path.join(clips, name)), still], rows: 2 };
    const taught: number[] = [];
    const run = (runFolder: string) =>
      trainModel({
        ...options,
        distillation,
        weights: { ...options.weights, teacher: 1 },
        runFolder: path.join(folder, runFolder),
        output: path.join(folder, `${runFolder}-model`),
        onCache: (split) => split === 'taught' && taught.push(taught.length),
      });
    const first = await run('taught');
    expect(first.manifest.training).toMatchObject({ distillation: { teacher: 'mini', files: 9, rows: 2 } });
    const log = await readFile(path.join(folder, 'taught', 'log.jsonl'), 'utf8');
    expect(JSON.parse(log.split('\n')[0] ?? '').terms.teacher).toBeGreaterThan(0);
    expect(taught.length).toBe(18);
    const again = await run('taught-again');
    expect(taught.length).toBe(18);
    expect(again.manifest.version).toBe(first.manifest.version);
  });

  it('says when there is too little to be taught on', async () => {
    const distillation = { teacher: { folder: '', name: '' }, files: [], rows: 2 };
    await expect(trainModel({ ...options, distillation })).rejects.toMatchObject({
      code: 'not_enough_data',
      message: expect.stringContaining('0 and 0'),
    });
  });

  it('goes from a corpus to a model folder that loads, embeds and is measured', async () => {
    const { manifest, result, plot } = await trainModel(options);
    expect(plot).toBe(path.join(options.runFolder, 'plot.svg'));
    expect(await readFile(plot, 'utf8')).toMatch(/^<svg.*<polyline.*<\/svg>\n$/s);
    expect(result.step).toBe(2);
    const info = await readModelInfo(options.output);
    expect(info.identity).toEqual({ id: 'tiny', version: manifest.version, dimension: 256 });
    expect(manifest.serving?.video.file).toBe('video.onnx');
    expect(info.training).toMatchObject({ seed: 1, steps: 2, clips: { train: 4, validation: 2 } });
    const log = (await readFile(path.join(options.runFolder, 'log.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(log.map((line) => line.kind)).toEqual(['step', 'step', 'evaluation']);

    const clips = await corpusClips(corpus, 'test');
    const scored = await evaluateRetrieval('retrieval', {
      model: await loadEmbeddingModel(options.output),
      clips,
    });
    expect(scored.n).toBe(2);
    expect(scored.results['videoToAudio.map']?.value).toBeGreaterThan(0);
  });

  it('makes the same weights from the same seed, and resuming a finished run changes nothing', async () => {
    const first = await trainModel({
      ...options,
      output: path.join(folder, 'm1'),
      runFolder: path.join(folder, 'r1'),
    });
    const second = await trainModel({
      ...options,
      output: path.join(folder, 'm2'),
      runFolder: path.join(folder, 'r2'),
    });
    expect(second.manifest.weights.sha256).toBe(first.manifest.weights.sha256);
    const resumed = await trainModel({
      ...options,
      resume: true,
      output: path.join(folder, 'm3'),
      runFolder: path.join(folder, 'r2'),
    });
    expect(resumed.manifest.weights.sha256).toBe(first.manifest.weights.sha256);
  });

  it('goes on from the weights and the front ends of a model', async () => {
    await trainModel({ ...options, output: path.join(folder, 'base'), runFolder: path.join(folder, 'r3') });
    const base = await shapeOfModel(path.join(folder, 'base'));
    const { manifest } = await trainModel({
      ...options,
      shape: base,
      name: 'further',
      // So small that the weights stay what they were.
      peakLearningRate: 1e-12,
      averageDecay: 0,
      output: path.join(folder, 'further'),
      runFolder: path.join(folder, 'r4'),
    });
    expect(manifest.training).toMatchObject({ base: { id: 'tiny', version: base.base?.version } });
    expect(manifest.frontEnds).toEqual(base.frontEnds({ mean: 0, deviation: 1 }));
    const further = await shapeOfModel(path.join(folder, 'further'));
    const weights = new Map(further.base?.weights.map(({ name, data }) => [name, data]));
    for (const { name, data } of base.base?.weights ?? []) {
      if (!/kernel$/.test(name)) continue;
      const after = weights.get(name) as Float32Array;
      const worst = data.reduce((max, value, i) => Math.max(max, Math.abs(value - (after[i] as number))), 0);
      expect(worst, name).toBeLessThan(1e-4);
    }
  });

  it('refuses a base whose frames show no motion', async () => {
    const old = path.join(folder, 'old-kind');
    await cp(path.join(folder, 'base'), old, { recursive: true });
    const file = path.join(old, 'model.json');
    const manifest = JSON.parse(await readFile(file, 'utf8'));
    manifest.frontEnds.video.rateHz = 4;
    await writeFile(file, JSON.stringify(manifest));
    await expect(shapeOfModel(old)).rejects.toMatchObject({ code: 'invalid_argument', subject: 'base' });
  });

  it('refuses a name that can be no model before any work is done', async () => {
    await expect(trainModel({ ...options, name: 'My Model' })).rejects.toMatchObject({
      code: 'invalid_argument',
      subject: 'name',
    });
  });

  it('says what to do where there is no corpus', async () => {
    await expect(corpusTrainingClips(path.join(folder, 'nowhere'))).rejects.toMatchObject({
      code: 'file_not_found',
      message: expect.stringContaining('earshot corpus'),
    });
  });
});

describe("a user's list of clips", () => {
  it('names the line that is wrong', async () => {
    const list = path.join(folder, 'pairs.jsonl');
    await writeFile(list, '{"file":"a.mp4","labels":["dog"]}\n{"file":7}\n');
    await expect(readPairsFile(list)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('Line 2'),
    });
  });
});
