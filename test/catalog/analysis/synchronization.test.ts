/** What a file's container says of time is part of what is measured; the offset itself is found by a fake here. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixSynchronization } from '#catalog/analysis/fix-synchronization';
import type { LocalCatalogService } from '#catalog/catalog-service';
import { ffmpeg, makeClip, makeFlash } from '../support/make-clips.ts';
import { ingest, OPEN_MS, openTestCatalog, removeFolder, temporaryFolder } from '../support/test-catalog.ts';

let folder: string;
let catalog: LocalCatalogService;
let inTime: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  catalog = await openTestCatalog(join(folder, 'data'));
  await catalog.startWorker();
  inTime = await makeFlash(folder, 'in-time.mp4', 0);
}, OPEN_MS);
afterAll(async () => {
  await catalog.close();
  await removeFolder(folder);
});

/** A frame that is on screen for 80 ms, and the encoder's own blur. */
const TOLERANCE_SEC = 0.085;

async function offsetOf(file: string): Promise<number> {
  const { offsetSec } = await catalog.synchronize({ file });
  return offsetSec as number;
}

function expectNear(offsetSec: number, expectedSec: number): void {
  expect(Math.abs(offsetSec - expectedSec)).toBeLessThan(TOLERANCE_SEC);
}

describe('synchronize', () => {
  it('measures what is in the streams, with the priming of the encoder taken off', async () => {
    expectNear(await offsetOf(inTime), 0);
    expectNear(await offsetOf(await makeFlash(folder, 'ahead.mp4', 0.72)), 0.72);
    expectNear(await offsetOf(await makeFlash(folder, 'behind.mkv', -0.72)), -0.72);
  });

  it.each([
    ['late.mp4', 0.6],
    ['late.mkv', 0.6],
    ['later.mkv', 1.72],
    ['late.mov', 0.44],
  ])('honours streams that start at different times (%s)', async (name, lateSec) => {
    const file = join(folder, name);
    const inputs = ['-i', inTime, '-itsoffset', String(lateSec), '-i', inTime];
    await ffmpeg([...inputs, '-map', '0:v', '-map', '1:a', '-c', 'copy', file]);
    expectNear(await offsetOf(file), -lateSec);
  });

  it('honours edit lists that cut the beginning of one stream off', async () => {
    const file = join(folder, 'edited.mp4');
    const inputs = ['-i', inTime, '-ss', '0.5', '-i', inTime];
    await ffmpeg([...inputs, '-map', '0:v', '-map', '1:a', '-c', 'copy', file]);
    expectNear(await offsetOf(file), 0.5);
  });

  it('is asked about a clip, and about a part', async () => {
    const clip = await ingest(catalog, inTime);
    const whole = await catalog.synchronize({ clipId: clip.id });
    expect(whole).toMatchObject({ verdict: 'in_sync', model: { id: 'fake' }, segment: { startSec: 0 } });
    const part = await catalog.synchronize({ clipId: clip.id, startSec: 3, endSec: 5 });
    expect(part.segment).toEqual({ startSec: 3, endSec: 5 });
  });

  it('says where there is nothing to go by', async () => {
    const silent = await makeClip(folder, 'silent.mp4', { sound: 'silent', picture: 0.9, durationSec: 3 });
    expect(await catalog.synchronize({ file: silent })).toMatchObject({
      offsetSec: null,
      confidence: 0,
      verdict: 'not_synchronizable',
    });
  });

  it('names what a file lacks, and refuses a part that lies beyond it', async () => {
    const picture = await makeClip(folder, 'picture.mp4', { sound: null, picture: 0.9, durationSec: 3 });
    const sound = await makeClip(folder, 'sound.wav', { sound: 0.4, picture: null, durationSec: 3 });
    await expect(catalog.synchronize({ file: picture })).rejects.toMatchObject({
      code: 'modality_missing',
      message: expect.stringContaining('no sound'),
    });
    await expect(catalog.synchronize({ file: sound })).rejects.toMatchObject({
      code: 'modality_missing',
      message: expect.stringContaining('no picture'),
    });
    await expect(catalog.synchronize({ file: inTime, startSec: 9 })).rejects.toMatchObject({
      code: 'invalid_argument',
      subject: 'startSec',
    });
  });

  it('refuses streams that never meet', async () => {
    const file = join(folder, 'apart.mp4');
    const inputs = ['-i', inTime, '-itsoffset', '20', '-i', inTime];
    await ffmpeg([...inputs, '-map', '0:v', '-map', '1:a', '-c', 'copy', file]);
    await expect(catalog.synchronize({ file })).rejects.toMatchObject({ code: 'too_short' });
  });
});

describe('fixSynchronization', () => {
  it.each([
    ['ahead', 0.48],
    ['behind', -0.48],
  ])('moves sound that is %s back into time', async (name, aheadSec) => {
    const file = await makeFlash(folder, `${name}-before.mp4`, aheadSec);
    const found = await catalog.synchronize({ file });
    const fixed = join(folder, `${name}-after.mp4`);
    await fixSynchronization(file, fixed, found);
    expectNear(await offsetOf(fixed), 0);
  });

  it('writes nothing where nothing was found', async () => {
    const none = { offsetSec: null } as Awaited<ReturnType<typeof catalog.synchronize>>;
    await expect(fixSynchronization(inTime, join(folder, 'none.mp4'), none)).rejects.toMatchObject({
      code: 'not_enough_data',
    });
  });
});
