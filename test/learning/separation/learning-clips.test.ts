/** Which scenes are learned from and which are held out. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ManifestEntry } from '../../../libs/learning/corpus/manifest.ts';
import { corpusScenes } from '../../../libs/learning/separation/learning-clips.ts';

let corpus: string;
beforeAll(async () => {
  corpus = await mkdtemp(path.join(os.tmpdir(), 'earshot-scenes-'));
});
afterAll(() => rm(corpus, { recursive: true }));

const BOX = { timeSec: 0, x: 0.1, y: 0.1, width: 0.3, height: 0.3 };

/** Duets of unlike and of like classes in turn, as the corpus has them. */
async function duets(count: number): Promise<ManifestEntry[]> {
  const entries: ManifestEntry[] = [];
  for (let i = 0; i < count; i++) {
    const classes = i % 2 === 0 ? ['piano', 'bell'] : ['piano', 'piano'];
    const truth = {
      durationSec: 5,
      sources: classes.map((soundClass, s) => ({ soundClass, stem: `${i}.${s}.wav` })),
      objects: classes.map((_, source) => ({ source, boxes: [BOX] })),
    };
    const groundTruth = `${i}.json`;
    await writeFile(path.join(corpus, groundTruth), JSON.stringify(truth));
    const label = classes.join('+');
    entries.push({ id: `duet-${i}`, label, file: `${i}.mp4`, groundTruth } as ManifestEntry);
  }
  return entries;
}

it('holds out scenes of either kind, and none that is learned from', async () => {
  const { train, validation } = await corpusScenes(corpus, await duets(100));
  expect(train.length + validation.length).toBe(100);
  expect(validation.length).toBeGreaterThanOrEqual(8);
  const alike = validation.filter(({ label }) => label === 'piano+piano').length;
  expect(Math.abs(alike - (validation.length - alike))).toBeLessThanOrEqual(1);
  const learned = new Set(train.map(({ id }) => id));
  expect(validation.some(({ id }) => learned.has(id))).toBe(false);
});
