import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CorpusSummary, generateCorpus } from '#learning/corpus/generate-corpus';
import { type GroundTruth, type ManifestEntry, manifestHash, readManifest } from '#learning/corpus/manifest';
import { probe } from '#media/probe';
import { readWav } from '#media/wav';

/** Classes that are synthesised here, so that no soundfont is needed. */
const OPTIONS = {
  seed: 3,
  classes: ['dog', 'clock'] as const,
  clips: { train: 2, validation: 2, test: 3 },
  durationSec: 2,
  frameRateHz: 10,
  frameSize: 64,
  crf: 30,
  threads: 1,
};

let parent: string;
let folder: string;
let summary: CorpusSummary;

beforeAll(async () => {
  parent = await mkdtemp(path.join(os.tmpdir(), 'earshot-corpus-'));
  folder = path.join(parent, 'a');
  summary = await generateCorpus({ ...OPTIONS, folder });
});

afterAll(async () => {
  await rm(parent, { recursive: true, force: true });
});

describe('a generated corpus', () => {
  it('has playable clips with ground truth and the stem of each source', async () => {
    const entries = await readManifest(folder, 'test');
    expect(entries.map((entry) => entry.label)).toEqual(['dog', 'clock', 'dog']);
    for (const entry of entries) {
      const info = await probe(path.join(folder, entry.file));
      expect(info.video).toMatchObject({ width: 64, height: 64 });
      expect(info.audio).not.toBeNull();
      expect(info.durationSec).toBeCloseTo(2, 0);
      const truth = JSON.parse(await readFile(path.join(folder, entry.groundTruth), 'utf8')) as GroundTruth;
      const [source] = truth.sources;
      expect(source?.soundClass).toBe(entry.label);
      expect(source?.events.length).toBeGreaterThan(0);
      const [object] = truth.objects;
      expect(object).toMatchObject({ soundClass: entry.label, source: 0 });
      expect(object?.boxes.length).toBeGreaterThan(0);
      for (const box of object?.boxes ?? []) {
        expect(box.x).toBeGreaterThanOrEqual(0);
        expect(box.y).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width).toBeLessThanOrEqual(1.0001);
        expect(box.y + box.height).toBeLessThanOrEqual(1.0001);
      }
      const stem = await readWav(path.join(folder, 'test', source?.stem as string));
      expect(stem.sampleRateHz).toBe(16_000);
    }
  });

  it('shares no phrase and no scene between splits', async () => {
    const all = (
      await Promise.all(
        (['train', 'validation', 'test'] as const).map((split) => readManifest(folder, split)),
      )
    ).flat();
    expect(new Set(all.map((entry) => entry.phraseId)).size).toBe(all.length);
    expect(new Set(all.map((entry) => entry.contentSha256)).size).toBe(all.length);
  });

  it('is fixed by its seed: another folder gets the same manifest, another seed a different one', async () => {
    const again = await generateCorpus({
      ...OPTIONS,
      folder: path.join(parent, 'b'),
      clips: { train: 0, validation: 0, test: 3 },
    });
    expect(again.splits.test).toEqual(summary.splits.test);
    const other = await generateCorpus({
      ...OPTIONS,
      seed: 4,
      folder: path.join(parent, 'c'),
      clips: { train: 0, validation: 0, test: 1 },
    });
    expect(other.splits.test?.manifestSha256).not.toBe(
      manifestHash((await readManifest(folder, 'test')).slice(0, 1)),
    );
  });

  it('keeps the clips that are there when it is run again, and makes the missing ones', async () => {
    const [kept, removed] = (await readManifest(folder, 'train')) as [ManifestEntry, ManifestEntry];
    const before = (await stat(path.join(folder, kept.file))).mtimeMs;
    const bytes = await readFile(path.join(folder, removed.file));
    await rm(path.join(folder, removed.file));
    await rm(path.join(folder, removed.groundTruth));
    await generateCorpus({ ...OPTIONS, folder });
    expect((await stat(path.join(folder, kept.file))).mtimeMs).toBe(before);
    expect((await readFile(path.join(folder, removed.file))).equals(bytes)).toBe(true);
  });

  it('refuses to mix two sets of settings in one folder', async () => {
    await expect(generateCorpus({ ...OPTIONS, folder, seed: 9 })).rejects.toMatchObject({
      code: 'conflict',
      subject: folder,
    });
  });
});
