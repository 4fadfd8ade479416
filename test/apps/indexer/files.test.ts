import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readManifest } from '#apps/indexer/manifest';
import { mediaFilesAt } from '#apps/indexer/media-files';
import { removeFolder, temporaryFolder } from '../../catalog/support/test-catalog.ts';

let folder: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder, 'media', 'b'), { recursive: true });
  await mkdir(join(folder, 'empty'));
  for (const name of ['c.MP4', 'a.wav', 'notes.txt', '.hidden.mp4', 'b/x.mkv']) {
    await writeFile(join(folder, 'media', name), '');
  }
  // A link back up: following it would never end.
  await symlink(join(folder, 'media'), join(folder, 'media', 'loop'));
});
afterAll(() => removeFolder(folder));

describe('mediaFilesAt', () => {
  it('finds the media files of a folder and its folders, in order', async () => {
    const files = await mediaFilesAt(join(folder, 'media'));
    expect(files).toEqual(['a.wav', 'b/x.mkv', 'c.MP4'].map((name) => join(folder, 'media', name)));
  });

  it('takes a file that is named at its word, whatever its extension', async () => {
    const file = join(folder, 'media', 'notes.txt');
    expect(await mediaFilesAt(file)).toEqual([file]);
  });

  it.each(['missing', 'empty', 'media/a.wav/inner'])('says that there is nothing at %s', async (name) => {
    await expect(mediaFilesAt(join(folder, name))).rejects.toMatchObject({ code: 'file_not_found' });
  });
});

describe('readManifest', () => {
  const write = async (text: string) => {
    const path = join(folder, 'manifest.jsonl');
    await writeFile(path, text);
    return path;
  };

  it('reads files relative to the manifest, blank lines left out', async () => {
    const path = await write(
      '{"file": "media/a.wav", "tags": ["x"]}\r\n\n{"file": "/abs.mp4", "title": "T"}\n',
    );
    expect(await readManifest(path)).toEqual([
      { file: join(folder, 'media', 'a.wav'), tags: ['x'] },
      { file: '/abs.mp4', title: 'T' },
    ]);
  });

  it.each(['{"file": ', '{"title": "no file"}', '{"file": "a", "tag": ["misspelt"]}', '[]'])(
    'names the line at fault in %s',
    async (line) => {
      const path = await write(`{"file": "a"}\n${line}\n`);
      await expect(readManifest(path)).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining('line 2'),
      });
    },
  );
});
