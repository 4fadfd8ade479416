/** Objects as files in a folder. */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, opendir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asEarshotError, EarshotError } from '#core/errors';
import type { ByteRange, ObjectInfo, ObjectStore } from './object-store.ts';

const KEY = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/;
/** Beside the objects, so that the final rename stays within one file system; no key begins with a dot. */
const DRAFTS = '.drafts';

export class FileObjectStore implements ObjectStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(key: string, source: Readable | { path: string }, options: { signal?: AbortSignal } = {}) {
    const target = this.#pathOf(key);
    const draft = path.join(this.#folder, DRAFTS, randomUUID());
    try {
      await mkdir(path.dirname(draft), { recursive: true });
      await mkdir(path.dirname(target), { recursive: true });
      const stream = 'path' in source ? await openSource(source.path) : source;
      await writeDurably(draft, stream, options.signal);
      await rename(draft, target);
      await syncFolder(path.dirname(target));
      return await this.#info(key, target);
    } catch (error) {
      await rm(draft, { force: true });
      if (options.signal?.aborted) {
        throw new EarshotError('cancelled', 'Storing the file was cancelled.', { cause: error });
      }
      throw storageError(error, key);
    }
  }

  async createReadStream(key: string, range: ByteRange = {}): Promise<Readable> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(this.#pathOf(key), 'r');
      return handle.createReadStream(range);
    } catch (error) {
      await handle?.close();
      throw storageError(error, key);
    }
  }

  async stat(key: string): Promise<ObjectInfo | null> {
    try {
      return await this.#info(key, this.#pathOf(key));
    } catch (error) {
      const known = storageError(error, key);
      if (known.code === 'not_found') return null;
      throw known;
    }
  }

  async delete(key: string): Promise<void> {
    try {
      await rm(this.#pathOf(key), { force: true });
    } catch (error) {
      throw storageError(error, key);
    }
  }

  async localPath(key: string): Promise<string> {
    const file = this.#pathOf(key);
    if (!(await this.stat(key))) throw notFound(key);
    return file;
  }

  async *list(): AsyncGenerator<ObjectInfo> {
    yield* this.#walk('');
  }

  async clearDrafts(quietMs: number): Promise<number> {
    const folder = path.join(this.#folder, DRAFTS);
    let cleared = 0;
    try {
      for (const name of await readdir(folder).catch(nothingThere)) {
        const draft = path.join(folder, name);
        // Its writer may finish or give up at any moment.
        const info = await stat(draft).catch(() => null);
        if (info === null || (quietMs > 0 && Date.now() - info.mtimeMs < quietMs)) continue;
        await rm(draft, { force: true });
        cleared += 1;
      }
    } catch (error) {
      throw storageError(error, DRAFTS);
    }
    return cleared;
  }

  async *#walk(prefix: string): AsyncGenerator<ObjectInfo> {
    const entries: { name: string; isFolder: boolean }[] = [];
    try {
      for await (const entry of await opendir(path.join(this.#folder, prefix))) {
        if (entry.name !== DRAFTS) entries.push({ name: entry.name, isFolder: entry.isDirectory() });
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw storageError(error, prefix);
    }
    // A folder sorts as its keys do, with the slash: "a/x" comes after "a.x".
    const sortKey = (entry: { name: string; isFolder: boolean }) =>
      entry.isFolder ? `${entry.name}/` : entry.name;
    entries.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
    for (const entry of entries) {
      if (entry.isFolder) {
        yield* this.#walk(`${prefix}${entry.name}/`);
      } else {
        const info = await this.stat(prefix + entry.name);
        if (info) yield info;
      }
    }
  }

  async #info(key: string, file: string): Promise<ObjectInfo> {
    const info = await stat(file);
    if (!info.isFile()) throw notFound(key);
    return { key, sizeBytes: info.size, modifiedAt: info.mtime };
  }

  /** Keys can't climb out of the folder: no empty part, none that begins with a dot. */
  #pathOf(key: string): string {
    if (!KEY.test(key))
      throw new EarshotError('invalid_argument', `"${key}" is not a storage key.`, { subject: key });
    return path.join(this.#folder, ...key.split('/'));
  }
}

async function openSource(file: string): Promise<Readable> {
  try {
    return (await open(file, 'r')).createReadStream();
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw missing
      ? new EarshotError('file_not_found', `There is no file "${file}".`, { subject: file, cause })
      : new EarshotError('file_unreadable', `The file "${file}" can't be read.`, { subject: file, cause });
  }
}

/** On the disk, not just in its cache, before the name points at it. */
async function writeDurably(file: string, source: Readable, signal?: AbortSignal): Promise<void> {
  await pipeline(source, createWriteStream(file, { flags: 'wx', flush: true }), { signal });
}

/** Makes the rename itself durable, where the system lets a folder be opened. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null);
  try {
    await handle?.sync();
  } catch {
    // Windows and some network file systems sync no folders.
  } finally {
    await handle?.close();
  }
}

function nothingThere(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

function notFound(key: string): EarshotError {
  return new EarshotError('not_found', `There is no stored file "${key}".`, { subject: key });
}

function storageError(error: unknown, key: string): EarshotError {
  const known = asEarshotError(error);
  if (error instanceof EarshotError || known.code === 'disk_full') return known;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return notFound(key);
  // The system's own sentence names the path.
  const reason = code ?? known.message;
  return new EarshotError('storage_failed', `The stored file "${key}" could not be reached: ${reason}.`, {
    subject: key,
    cause: error,
  });
}
