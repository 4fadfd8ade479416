import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openObjectStore } from '#store/objects/object-store';

async function open() {
  const folder = await mkdtemp(path.join(tmpdir(), 'earshot-objects-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return { store: openObjectStore({ dataDir: folder }), root: path.join(folder, 'objects'), folder };
}

const bytes = (content: string) => Readable.from([Buffer.from(content)]);

describe('objects as files', () => {
  it('answers what was put, whole, in parts, and as a local file', async () => {
    const { store } = await open();
    const info = await store.put('ab/clip.mp4', bytes('0123456789'));
    expect(info).toMatchObject({ key: 'ab/clip.mp4', sizeBytes: 10 });
    expect(await store.stat('ab/clip.mp4')).toEqual(info);
    expect(await text(await store.createReadStream('ab/clip.mp4'))).toBe('0123456789');
    expect(await text(await store.createReadStream('ab/clip.mp4', { start: 2, end: 4 }))).toBe('234');
    expect(await readFile(await store.localPath('ab/clip.mp4'), 'utf8')).toBe('0123456789');
  });

  it('copies a local file and leaves it where it is', async () => {
    const { store, folder } = await open();
    const source = path.join(folder, 'in.wav');
    await writeFile(source, 'sound');
    await store.put('in.wav', { path: source });
    expect(await text(await store.createReadStream('in.wav'))).toBe('sound');
    expect(existsSync(source)).toBe(true);
    await expect(store.put('x', { path: path.join(folder, 'none') })).rejects.toMatchObject({
      code: 'file_not_found',
    });
  });

  it('replaces what was there only when the new bytes are whole', async () => {
    const { store, root } = await open();
    await store.put('a', bytes('old'));
    async function* broken() {
      yield Buffer.from('new but');
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    }
    await expect(store.put('a', Readable.from(broken()))).rejects.toMatchObject({ code: 'disk_full' });
    expect(await text(await store.createReadStream('a'))).toBe('old');
    expect(await readdir(path.join(root, '.drafts'))).toEqual([]);
    await store.put('a', bytes('new'));
    expect(await text(await store.createReadStream('a'))).toBe('new');
  });

  it('leaves nothing of an aborted upload', async () => {
    const { store, root } = await open();
    const upload = new AbortController();
    async function* endless() {
      for (;;) {
        yield Buffer.alloc(1000);
        upload.abort();
      }
    }
    const put = store.put('a', Readable.from(endless()), { signal: upload.signal });
    await expect(put).rejects.toMatchObject({ code: 'cancelled' });
    expect(await store.stat('a')).toBeNull();
    expect(await readdir(path.join(root, '.drafts'))).toEqual([]);
  });

  it('says at once that an object isn’t there', async () => {
    const { store } = await open();
    await expect(store.createReadStream('none')).rejects.toMatchObject({ code: 'not_found' });
    await expect(store.localPath('none')).rejects.toMatchObject({ code: 'not_found' });
    expect(await store.stat('none')).toBeNull();
    await store.delete('none');
  });

  it('lists all objects by key, and no drafts', async () => {
    const { store, root } = await open();
    for (const key of ['b', 'a/y', 'a.x', 'a/x/1']) await store.put(key, bytes(key));
    await mkdir(path.join(root, '.drafts'), { recursive: true });
    await writeFile(path.join(root, '.drafts', 'left'), '');
    await store.delete('b');
    const keys: string[] = [];
    for await (const info of store.list()) keys.push(info.key);
    expect(keys).toEqual(['a.x', 'a/x/1', 'a/y']);
  });

  it('clears the drafts of writers that died, and objects not at all', async () => {
    const { store, root } = await open();
    expect(await store.clearDrafts(0)).toBe(0);
    await store.put('a', bytes('kept'));
    const drafts = path.join(root, '.drafts');
    const longAgo = new Date(Date.now() - 3 * 3600_000);
    for (const name of ['old', 'new']) await writeFile(path.join(drafts, name), 'half');
    await utimes(path.join(drafts, 'old'), longAgo, longAgo);
    expect(await store.clearDrafts(2 * 3600_000)).toBe(1);
    expect(await readdir(drafts)).toEqual(['new']);
    expect(await store.clearDrafts(0)).toBe(1);
    expect(await readdir(drafts)).toEqual([]);
    expect(await text(await store.createReadStream('a'))).toBe('kept');
  });

  it.each(['', '../x', 'a/../../x', '/etc/passwd', 'a//b', '.drafts/x', 'a\0', 'a\\b', 'C:x'])(
    'refuses the key %j',
    async (key) => {
      const { store } = await open();
      await expect(store.put(key, bytes('x'))).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(store.createReadStream(key)).rejects.toMatchObject({ code: 'invalid_argument' });
    },
  );
});

describe('choosing the storage', () => {
  it('takes file URLs and folders, and refuses what it does not know', async () => {
    const { folder } = await open();
    for (const url of [pathToFileURL(path.join(folder, 'u')).href, path.join(folder, 'p')]) {
      await openObjectStore({ url, dataDir: folder }).put('k', bytes('x'));
    }
    expect([existsSync(path.join(folder, 'u', 'k')), existsSync(path.join(folder, 'p', 'k'))]).toEqual([
      true,
      true,
    ]);
    for (const url of ['s3://bucket', 'https://host/x', 'file://host.example/x']) {
      expect(() => openObjectStore({ url, dataDir: folder })).toThrow(
        expect.objectContaining({ code: 'configuration_invalid', subject: 'EARSHOT_STORAGE_URL' }),
      );
    }
  });
});
