import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ffmpeg } from '../support/make-clips.ts';
import { OPEN_MS, openTestCatalog, removeFolder, temporaryFolder } from '../support/test-catalog.ts';

let folder: string;
let tiny: string | null = null;

beforeAll(async () => {
  folder = await temporaryFolder();
  mkdirSync(`${folder}/tiny`);
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', `${folder}/tiny`], {
      stdio: 'ignore',
    });
    tiny = `${folder}/tiny`;
  } catch {
    // Only root may mount; the test says that it was skipped.
  }
});

afterAll(async () => {
  if (tiny !== null) execFileSync('/bin/umount', [tiny]);
  await removeFolder(folder);
});

describe('a disk that fills up while a clip is stored', () => {
  it(
    'is named, and nothing of the clip stays behind',
    async (context) => {
      if (tiny === null) context.skip('needs the right to mount a small disk');
      const catalog = await openTestCatalog(`${folder}/data`, { EARSHOT_STORAGE_URL: `file://${tiny}` });
      try {
        const file = `${folder}/large.wav`;
        await ffmpeg(['-f', 'lavfi', '-t', '30', '-i', 'anoisesrc=r=16000', file]);
        await expect(catalog.addClip({ source: { path: file } })).rejects.toMatchObject({
          code: 'disk_full',
        });
        expect((await catalog.listClips({})).items).toEqual([]);
        expect((await catalog.listJobs({})).items).toEqual([]);
        const left = await readdir(tiny as string, { recursive: true, withFileTypes: true });
        expect(left.filter((entry) => entry.isFile())).toEqual([]);
      } finally {
        await catalog.close();
      }
    },
    OPEN_MS,
  );
});
