import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clip, LocalCatalogService } from '#catalog/catalog-service';
import { makeClip } from '../support/make-clips.ts';
import { ended, OPEN_MS, openTestCatalog, removeFolder, temporaryFolder } from '../support/test-catalog.ts';

let folder: string;
let dataDir: string;
let catalog: LocalCatalogService;

beforeAll(async () => {
  folder = await temporaryFolder();
  dataDir = `${folder}/data`;
  catalog = await openTestCatalog(dataDir);
}, OPEN_MS);

afterAll(async () => {
  await catalog.close();
  await removeFolder(folder);
}, OPEN_MS);

async function add(name: string, sound: number): Promise<{ clip: Clip; jobId: string; object: string }> {
  const file = await makeClip(folder, name, { sound, picture: null, durationSec: 1 });
  const { clip, job } = await catalog.addClip({ source: { path: file } });
  const stored = await readdir(`${dataDir}/objects`, { recursive: true });
  const object = stored.find((entry) => entry.includes(clip.id)) as string;
  return { clip, jobId: job?.id as string, object: path.join(dataDir, 'objects', object) };
}

describe('a clip whose stored file goes bad', () => {
  it('is spoken of by its own name, in its job and to viewers', async () => {
    const [lost, damaged] = [await add('lost.wav', 0.2), await add('damaged.wav', 0.4)];
    await rm(lost.object);
    await writeFile(damaged.object, 'no sound');
    await catalog.startWorker();
    for (const [{ clip, jobId }, code] of [
      [lost, 'not_found'],
      [damaged, 'media_unrecognised'],
    ] as const) {
      const { status, error } = await ended(catalog, jobId);
      expect({ status, code: error?.code }).toEqual({ status: 'failed', code });
      expect((await catalog.getClip(clip.id)).error).toEqual(error);
      const viewed = await catalog.clipWaveform(clip.id, { buckets: 4 }).catch((thrown: Error) => thrown);
      for (const message of [error?.message, (viewed as Error).message]) {
        expect(message).toContain(clip.fileName);
        expect(message).not.toContain('objects');
        expect(message).not.toContain(clip.id);
      }
    }
  });
});
