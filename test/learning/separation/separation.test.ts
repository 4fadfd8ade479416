/** Training on from a separation model, and measuring what came out, over a corpus of three clips and one mixture. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluateSeparation } from '#learning/evaluation/separation-suite';
import { trainSeparation } from '#learning/separation/train-separation';
import { decodeSafetensors } from '#model/checkpoint/safetensors';
import { readSeparationManifest } from '#model/separation/network/manifest';
import { ffmpeg } from '../../catalog/support/make-clips.ts';
import { removeFolder, temporaryFolder } from '../../catalog/support/test-catalog.ts';

const BASE = join(import.meta.dirname, '..', '..', '..', 'models', 'separation');
const SLOW_MS = 180_000;
const LABELS = ['low', 'high', 'hiss'];
const SOUNDS = ['sine=f=220:r=16000:d=2', 'sine=f=1760:r=16000:d=2', 'anoisesrc=a=0.1:r=16000:d=2:seed=1'];
const BOX = { x: 0, y: 0, width: 0.5, height: 1 };

let folder: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder, 'clips'));
  const entries = await Promise.all(LABELS.map((label, i) => solo(label, SOUNDS[i] as string)));
  const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  for (const split of ['train', 'validation']) await writeFile(join(folder, `${split}.jsonl`), lines);
  await duet();
}, SLOW_MS);
afterAll(() => removeFolder(folder));

/** The picture's left half says which one it is. */
async function solo(label: string, sound: string) {
  const picture = `color=black:s=48x48:r=12.5:d=2,drawbox=x=0:y=0:w=${8 + 8 * LABELS.indexOf(label)}:h=48:c=white:t=fill`;
  const [file, groundTruth] = [`clips/${label}.mkv`, `clips/${label}.json`];
  await ffmpeg([
    '-f',
    'lavfi',
    '-i',
    picture,
    '-f',
    'lavfi',
    '-i',
    sound,
    '-c:a',
    'flac',
    join(folder, file),
  ]);
  const truth = { durationSec: 2, sources: [{ soundClass: label }], objects: [{ source: 0, boxes: [BOX] }] };
  await writeFile(join(folder, groundTruth), JSON.stringify(truth));
  return { id: label, file, groundTruth, label, sources: [{ soundClass: label }] };
}

async function duet(): Promise<void> {
  const sources = LABELS.slice(0, 2).map((soundClass) => ({ soundClass, stem: `${soundClass}.wav` }));
  for (const [i, { stem }] of sources.entries())
    await ffmpeg(['-f', 'lavfi', '-i', SOUNDS[i] as string, join(folder, 'clips', stem)]);
  const right = { ...BOX, x: 0.5 };
  const objects = [BOX, right].map((box, source) => ({ source, boxes: [box] }));
  const [file, groundTruth] = ['clips/low.mkv', 'clips/duet.json'];
  await writeFile(join(folder, groundTruth), JSON.stringify({ durationSec: 2, sources, objects }));
  const entry = { id: 'duet', file, groundTruth, label: 'low', sources };
  await writeFile(join(folder, 'test-duets-unlike.jsonl'), `${JSON.stringify(entry)}\n`);
  // One to learn from, one that is held out.
  const scenes = ['one', 'two'].map((id) => `${JSON.stringify({ ...entry, id })}\n`);
  await writeFile(join(folder, 'train-duets.jsonl'), scenes.join(''));
}

function train(output: string, steps: number, maxClips?: number) {
  return trainSeparation({
    ...{ corpus: folder, base: BASE, output, steps, maxClips },
    ...{ runFolder: `${output}-run`, cacheFolder: join(folder, 'cache') },
    ...{ batchSize: 1, peakLearningRate: 1e-3, averageDecay: 0.5, mask: 'binary', seed: 3, resume: false },
  });
}

async function weightsOf(model: string): Promise<Map<string, Float32Array>> {
  const file = join(model, 'weights.safetensors');
  return new Map(decodeSafetensors(await readFile(file), file).map(({ name, data }) => [name, data]));
}

describe('training on from a separation model', () => {
  it(
    'keeps its guide and its shape, moves its weights, and leaves a model that is measured',
    async () => {
      const base = await readSeparationManifest(BASE);
      const output = join(folder, 'learned');
      const { manifest, steps } = await train(output, 1);
      expect(steps).toBe(1);
      expect(manifest.guide).toEqual(base.guide);
      expect(manifest.network).toEqual(base.network);
      expect(manifest.training).toMatchObject({
        ...{ startedFrom: base.version, clips: 3, scenes: 1, seed: 3 },
      });
      expect(manifest.weights.sha256).not.toBe(base.weights.sha256);
      // One careful step: every weight is near where it was, and not where an untrained one begins.
      const before = await weightsOf(BASE);
      const after = await weightsOf(output);
      expect(after.size).toBe(before.size);
      for (const [name, data] of before) {
        const moved = data.map((value, i) => Math.abs(value - (after.get(name)?.[i] as number)));
        if (!/mean$|variance$/.test(name)) expect(Math.max(...moved), name).toBeLessThan(0.01);
      }
      expect(await readFile(join(output, 'cells.safetensors'))).toEqual(
        await readFile(join(BASE, 'cells.safetensors')),
      );
      expect(await readFile(join(output, 'guide.onnx'))).toEqual(await readFile(join(BASE, 'guide.onnx')));

      const { n, model, results } = await evaluateSeparation({
        ...{ suite: 'separation-unlike', corpus: folder, modelFolder: output },
      });
      expect(n).toBe(2);
      expect(model.version).toBe(manifest.version);
      // Two tones apart: the oracles know how, guessing does not, and the mixture is as loud in one as in the other.
      expect(results['gainDb.idealRatioMask']?.value).toBeGreaterThan(15);
      expect(results['gainDb.randomMask']?.value).toBeLessThan(3);
      expect(results.sdrDb?.chance).toBeCloseTo(0, 0);
      expect(results.gainDb?.value).toBeLessThan(results['gainDb.idealRatioMask']?.value as number);
    },
    SLOW_MS,
  );

  it('refuses fewer than three classes', async () => {
    await expect(train(join(folder, 'none'), 1, 2)).rejects.toMatchObject({ code: 'not_enough_data' });
  });
});
