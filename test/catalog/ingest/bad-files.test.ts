import { readFile, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalCatalogService, NewClip } from '#catalog/catalog-service';
import { ffmpeg, makeClip } from '../support/make-clips.ts';
import {
  ended,
  OPEN_MS,
  openTestCatalog,
  removeFolder,
  storedFiles,
  temporaryFolder,
} from '../support/test-catalog.ts';

let folder: string;
let dataDir: string;
let catalog: LocalCatalogService;

beforeAll(async () => {
  folder = await temporaryFolder();
  dataDir = `${folder}/data`;
  catalog = await openTestCatalog(dataDir);
  await catalog.startWorker();
}, OPEN_MS);

afterAll(async () => {
  await catalog.close();
  await removeFolder(folder);
}, OPEN_MS);

async function expectNothingLeft(): Promise<void> {
  expect((await catalog.listClips({})).items).toEqual([]);
  expect((await catalog.listJobs({})).items).toEqual([]);
  expect(await storedFiles(dataDir)).toEqual([]);
}

async function expectRefused(source: NewClip['source'], code: unknown): Promise<void> {
  await expect(catalog.addClip({ source })).rejects.toMatchObject({ code });
  await expectNothingLeft();
}

/** A 2x2 bitmap whose header says 60 000 x 60 000. */
function hugeBitmap(): Buffer {
  const bytes = Buffer.alloc(70);
  bytes.write('BM');
  bytes.writeUInt32LE(70, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(60_000, 18);
  bytes.writeInt32LE(60_000, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  return bytes;
}

describe('files that are refused leave nothing behind', () => {
  const paths: [string, (file: string) => Promise<unknown>, unknown][] = [
    ['missing', async () => undefined, 'file_not_found'],
    ['empty', (file) => writeFile(file, ''), 'media_empty'],
    ['text under a film name', (file) => writeFile(file, 'just text\n'.repeat(100)), 'media_unrecognised'],
    ['of huge declared dimensions', (file) => writeFile(file, hugeBitmap()), 'media_too_large'],
    [
      'without a sample of sound',
      (file) => ffmpeg(['-f', 'lavfi', '-i', 'anullsrc', '-t', '0', '-f', 'wav', file]),
      expect.stringMatching(/^media_/),
    ],
  ];
  it.each(paths)('%s', async (name, make, code) => {
    const file = `${folder}/${name.replaceAll(' ', '-')}.mp4`;
    await make(file);
    await expectRefused({ path: file }, code);
  });

  it('cut off before its index', async () => {
    const whole = await makeClip(folder, 'whole.mp4', { sound: 0.5, picture: 0.5, durationSec: 3 });
    const cut = `${folder}/cut.mp4`;
    await writeFile(cut, (await readFile(whole)).subarray(0, 8000));
    await expectRefused({ path: cut }, 'media_truncated');
  });

  it('uploaded rather than read from a path', async () => {
    await expectRefused(
      { stream: Readable.from([Buffer.from('text')]), fileName: 'x.mp4' },
      'media_unrecognised',
    );
    await expectRefused({ stream: Readable.from([]), fileName: 'x.mp4' }, 'media_empty');
  });

  it('uploads that break off', async () => {
    async function* broken() {
      yield Buffer.alloc(1000);
      throw new Error('connection lost');
    }
    await expect(
      catalog.addClip({ source: { stream: Readable.from(broken()), fileName: 'x.mp4' } }),
    ).rejects.toMatchObject({ message: expect.stringContaining('connection lost') });
    await expectNothingLeft();
  });

  it('uploads that are cancelled', async () => {
    const whole = await makeClip(folder, 'cancelled.mp4', { sound: 0.5, picture: 0.5, durationSec: 1 });
    const stop = new AbortController();
    const bytes = await readFile(whole);
    async function* slow() {
      yield bytes.subarray(0, 100);
      stop.abort();
      yield bytes.subarray(100);
    }
    await expect(
      catalog.addClip(
        { source: { stream: Readable.from(slow()), fileName: 'x.mp4' } },
        { signal: stop.signal },
      ),
    ).rejects.toMatchObject({ code: 'cancelled' });
    await expectNothingLeft();
  });

  it('with fields that can not be stored', async () => {
    const file = await makeClip(folder, 'fields.wav', { sound: 0.5, picture: null, durationSec: 1 });
    const bad: Omit<NewClip, 'source'>[] = [
      { title: 'x'.repeat(501) },
      { collection: '../up' },
      { tags: [''] },
      { title: 'nul\u0000byte' },
      { metadata: { long: 'x'.repeat(70_000) } },
    ];
    for (const fields of bad) {
      await expect(catalog.addClip({ source: { path: file }, ...fields })).rejects.toMatchObject({
        code: 'invalid_argument',
      });
    }
    await expectNothingLeft();
  });

  it('takes a picture of one pixel for what it is', async () => {
    const file = `${folder}/pixel.png`;
    await ffmpeg([
      '-f',
      'lavfi',
      '-i',
      'color=c=white:s=16x16,format=rgb24,crop=1:1',
      '-frames:v',
      '1',
      file,
    ]);
    const { clip, job } = await catalog.addClip({ source: { path: file } });
    expect(await ended(catalog, job?.id as string)).toMatchObject({ status: 'done' });
    await catalog.deleteClip(clip.id);
    await expectNothingLeft();
  });
});
