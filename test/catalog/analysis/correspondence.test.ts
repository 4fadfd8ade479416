import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnalysisSubject, Clip, LocalCatalogService } from '#catalog/catalog-service';
import { makeClip } from '../support/make-clips.ts';
import { ingest, OPEN_MS, openTestCatalog, removeFolder, temporaryFolder } from '../support/test-catalog.ts';

let folder: string;
let catalog: LocalCatalogService;
let clip: Clip;
let low: string;
let high: string;
let silent: string;
let picture: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  catalog = await openTestCatalog(join(folder, 'data'));
  await catalog.startWorker();
  const make = (name: string, recipe: Parameters<typeof makeClip>[2]) => makeClip(folder, name, recipe);
  low = await make('low.mp4', { sound: 0.1, picture: 0.1, durationSec: 4 });
  high = await make('high.mp4', { sound: 0.9, picture: 0.9, durationSec: 4 });
  silent = await make('silent.mp4', { sound: 'silent', picture: 0.5, durationSec: 2 });
  picture = await make('picture.mp4', { sound: null, picture: 0.5, durationSec: 2 });
  clip = await ingest(catalog, low);
}, OPEN_MS);
afterAll(async () => {
  await catalog.close();
  await removeFolder(folder);
});

const score = async (seen: AnalysisSubject, sound?: AnalysisSubject) =>
  (await catalog.correspond({ picture: seen, sound })).score;

describe('correspond', () => {
  it('scores a sound with its own picture above another one, by file and by clip', async () => {
    const own = await score({ clipId: clip.id });
    expect(own).toBeGreaterThan(0.9);
    expect(await score({ file: low })).toBeCloseTo(own, 6);
    expect(await score({ clipId: clip.id }, { file: high })).toBeLessThan(own - 0.3);
    expect(await score({ file: high }, { clipId: clip.id })).toBeLessThan(own - 0.3);
  });

  it('answers no probability where nothing was calibrated', async () => {
    expect(await catalog.correspond({ picture: { file: low } })).toMatchObject({ probability: null });
  });

  it('says that silence belongs to nothing', async () => {
    expect(await score({ file: silent })).toBe(0);
  });

  it('looks at the part that is asked about', async () => {
    const part = { startSec: 1, endSec: 3 };
    expect(await score({ file: low, ...part })).toBeGreaterThan(0.9);
  });

  it.each([
    ['a part that begins behind the end', { startSec: 9 }, 'invalid_argument', 'startSec'],
    ['a part that ends before it begins', { startSec: 2, endSec: 1 }, 'invalid_argument', 'endSec'],
  ])('refuses %s', async (_what, part, code, subject) => {
    await expect(score({ file: low, ...part })).rejects.toMatchObject({ code, subject });
  });

  it('names what a file lacks, and what is not there', async () => {
    await expect(score({ file: picture })).rejects.toMatchObject({
      code: 'modality_missing',
      message: expect.stringContaining('no sound'),
    });
    await expect(score({ file: join(folder, 'none.mp4') })).rejects.toMatchObject({ code: 'file_not_found' });
    const clipId = '01a20bbd-3ba9-7045-8adc-39f624475ae9';
    await expect(score({ clipId })).rejects.toMatchObject({ code: 'unknown_clip' });
  });
});
