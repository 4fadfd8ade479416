import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateCorpus } from '#learning/corpus/generate-corpus';
import { type GroundTruth, readManifest } from '#learning/corpus/manifest';
import { parseMasks } from '#learning/corpus/mask-file';
import type { Split } from '#learning/corpus/performance';
import { readWav } from '#media/wav';

/** Classes that are synthesised here, so that no soundfont is needed. */
const OPTIONS = {
  seed: 4,
  classes: ['hammer', 'siren', 'dog'] as const,
  clips: {
    train: 3,
    unseen: 4,
    'test-duets-like': 2,
    'test-trios': 1,
    'test-distractors': 2,
    'test-offscreen': 4,
  },
  durationSec: 2,
  frameRateHz: 10,
  frameSize: 96,
  crf: 30,
};
const MADE = Object.keys(OPTIONS.clips) as Split[];

let parent: string;
let folder: string;

beforeAll(async () => {
  parent = await mkdtemp(path.join(os.tmpdir(), 'earshot-several-'));
  folder = path.join(parent, 'serial');
  await generateCorpus({ ...OPTIONS, folder, threads: 1 });
}, 300_000);

afterAll(() => rm(parent, { recursive: true, force: true }));

async function truthsOf(split: Split): Promise<GroundTruth[]> {
  const entries = await readManifest(folder, split);
  return Promise.all(
    entries.map(async ({ groundTruth }) =>
      JSON.parse(await readFile(path.join(folder, groundTruth), 'utf8')),
    ),
  );
}

describe('clips of several sources', () => {
  it('name what sounds and what is seen, each source with a stem of its own', async () => {
    for (const split of MADE) {
      for (const { sources, objects } of await truthsOf(split)) {
        expect(new Set(sources.map(({ stem }) => stem)).size).toBe(sources.length);
        for (const [at, source] of sources.entries()) {
          const stem = await readWav(path.join(folder, split, source.stem));
          expect(stem.samples).toHaveLength(2 * 16_000);
          expect(stem.samples.some((value) => Math.abs(value) > 0.01)).toBe(true);
          if (source.object !== null)
            expect(objects[source.object]).toMatchObject({ soundClass: source.soundClass, source: at });
        }
      }
    }
    const offscreen = (await truthsOf('test-offscreen')).map(({ sources }) => sources.at(-1)?.object);
    expect(offscreen).toEqual([null, null, null, null]);
    const silent = (await truthsOf('test-distractors')).map(({ objects }) =>
      objects.filter(({ source }) => source === null),
    );
    expect(silent.map((objects) => objects.length)).toEqual([1, 1]);
  });

  it('have a box and a mask of every object in every frame, and they agree', async () => {
    for (const split of MADE) {
      for (const { objects, masks, frameRateHz, durationSec } of await truthsOf(split)) {
        const file = parseMasks(await readFile(path.join(folder, split, masks)));
        const frames = frameRateHz * durationSec;
        expect(file.masks.map((each) => each.length)).toEqual(objects.map(() => frames));
        objects.forEach(({ boxes }, object) => {
          expect(boxes.length).toBe(frames);
          for (const { timeSec, x, y, width, height } of boxes) {
            const mask = file.masks[object]?.[Math.round(timeSec * frameRateHz)] as Uint8Array;
            const cells = [...mask.keys()].filter((cell) => mask[cell] === 1);
            const columns = cells.map((cell) => (cell % file.side) / file.side);
            const rows = cells.map((cell) => Math.floor(cell / file.side) / file.side);
            // Cells covered by less than half are left out, so a mask may be smaller by thin ends.
            expect(Math.min(...columns)).toBeGreaterThanOrEqual(x - 1 / file.side - 1e-3);
            expect(Math.max(...columns)).toBeLessThanOrEqual(x + width + 1e-3);
            expect(Math.min(...rows)).toBeGreaterThanOrEqual(y - 1 / file.side - 1e-3);
            expect(Math.max(...rows)).toBeLessThanOrEqual(y + height + 1e-3);
            expect(Math.max(...columns) - Math.min(...columns)).toBeGreaterThan(width * 0.6);
            expect(Math.max(...rows) - Math.min(...rows)).toBeGreaterThan(height * 0.6);
          }
        });
      }
    }
  });

  it('keep unseen objects apart: no timbre, look or place of any other split', async () => {
    const of = async (split: Split) =>
      (await readManifest(folder, split)).filter(({ label }) => label !== 'dog');
    const others = (await Promise.all(MADE.filter((split) => split !== 'unseen').map(of))).flat();
    const keys = (entries: typeof others) =>
      new Set(
        entries.flatMap(({ sources, venue }) => [
          venue as string,
          ...sources.flatMap(({ timbreId, form }) => [timbreId.replace(/:\d+$/, ''), form]),
        ]),
      );
    const unseen = await of('unseen');
    expect(unseen).toHaveLength(4);
    const seen = keys(others);
    expect([...keys(unseen)].filter((key) => seen.has(key))).toEqual([]);
  });

  it('come out the same to the byte from two threads', async () => {
    const parallel = path.join(parent, 'parallel');
    await generateCorpus({ ...OPTIONS, folder: parallel, threads: 2 });
    for (const split of MADE) {
      const files = (await readdir(path.join(folder, split))).sort();
      expect((await readdir(path.join(parallel, split))).sort()).toEqual(files);
      for (const file of [...files.map((name) => path.join(split, name)), `${split}.jsonl`]) {
        const [one, two] = await Promise.all(
          [folder, parallel].map((each) => readFile(path.join(each, file))),
        );
        expect(one?.equals(two as Buffer), file).toBe(true);
      }
    }
  }, 300_000);
});
