import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConceptManifest } from '#learning/evaluation/concept-manifest';
import { evaluateClassification } from '#learning/evaluation/evaluate-classification';
import { loadEmbeddingModel } from '#model/load-model';

const ROOT = path.join(import.meta.dirname, '..', '..', '..');
const MINI = path.join(ROOT, 'models', 'mini');
const CLIPS = path.join(ROOT, 'test', 'fixtures', 'clips');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-classification-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function listOf(name: string, lines: readonly unknown[]): Promise<string> {
  const list = path.join(folder, name);
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
  await writeFile(list, `${text}\n\n`);
  return list;
}

describe('classification of real clips', () => {
  it('is measured on a list and on a folder of sounds, as they are and degraded, each recording apart', async () => {
    const file = (name: string) => path.relative(folder, path.join(CLIPS, name));
    const list = await listOf('clips.jsonl', [
      { file: file('00-piano.mp4'), concepts: ['piano'] },
      { file: file('18-piano.mp4'), concepts: ['piano'] },
      { file: file('14-dog.mp4'), concepts: ['dog'] },
      { file: file('32-dog.mp4'), concepts: ['dog'], source: 'kennel' },
    ]);
    const esc10 = path.join(folder, 'esc10');
    for (const [from, to] of [
      ['00-piano.mp4', '001 - Piano/1-100-A.ogg'],
      ['18-piano.mp4', '001 - Piano/1-101-A.ogg'],
      ['14-dog.mp4', '002 - Dog/1-102-A.ogg'],
      // Two takes of one recording: neither is asked about by the example of the other.
      ['32-dog.mp4', '002 - Dog/1-103-A.ogg'],
      ['32-dog.mp4', '002 - Dog/1-103-B.ogg'],
    ] as const) {
      await mkdir(path.dirname(path.join(esc10, to)), { recursive: true });
      await copyFile(path.join(CLIPS, from), path.join(esc10, to));
    }
    const seen: number[] = [];
    const { suite, n, results } = await evaluateClassification({
      ...{ model: await loadEmbeddingModel(MINI), modelFolder: MINI, esc10 },
      clips: await readConceptManifest(list),
      onProgress: (done, total) => seen.push(done / total),
    });
    expect({ suite, n }).toEqual({ suite: 'classification', n: 9 });
    expect(seen).toHaveLength(9);
    expect(seen.at(-1)).toBe(1);
    const asked = ['audio', 'video', 'fused', 'noisy.fused', 'dark.fused', 'confidence.fused', 'esc10.audio'];
    for (const name of [...asked, 'nearest.fused', 'esc10.nearest.audio'])
      expect(results[`${name}.top1.k1`], name).toMatchObject({ chance: 0.5 });
    expect(results['fused.top1.k1']?.value).toBe(1);
    expect(results['esc10.audio.top1.k1']?.value).toBeGreaterThan(0.7);
    expect(Object.keys(results).join()).not.toMatch(/k3|k10/);
  });
});

describe('a list of real clips', () => {
  it('takes concepts before labels, and leaves out what has neither', async () => {
    const list = await listOf('mixed.jsonl', [
      { file: 'a.mp4', labels: ['a small dog'], concepts: ['dog'], heard: ['barking'] },
      { file: 'b.mp4', labels: ['car'], source: 'street' },
      { file: 'off-screen.mp4', labels: [], concepts: ['speech'] },
      { file: 'nothing.mp4' },
    ]);
    expect(await readConceptManifest(list)).toEqual([
      { id: 'a.mp4', file: path.join(folder, 'a.mp4'), labels: ['dog'] },
      { id: 'b.mp4', file: path.join(folder, 'b.mp4'), labels: ['car'], source: 'street' },
    ]);
  });

  it('names the line at fault', async () => {
    const list = await listOf('bad.jsonl', [{ file: 'a.mp4', labels: ['dog'] }, '{"file": 3}']);
    await expect(readConceptManifest(list)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('Line 2'),
    });
    await expect(readConceptManifest(path.join(folder, 'none.jsonl'))).rejects.toMatchObject({
      code: 'file_not_found',
    });
  });
});
