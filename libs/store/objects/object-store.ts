/** Where media files lie: a port, and the choice of what is behind it. Keys are relative paths with `/`. */
import path from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { EarshotError } from '#core/errors';
import { FileObjectStore } from './file-object-store.ts';

export interface ObjectInfo {
  key: string;
  sizeBytes: number;
  modifiedAt: Date;
}

/** Bytes `start` to `end`, both included, as HTTP ranges count. */
export interface ByteRange {
  start?: number;
  end?: number;
}

/**
 * Errors: `not_found` for a key that isn't there, `disk_full`, `storage_failed` for whatever else the storage says,
 * `invalid_argument` for what is no key.
 */
export interface ObjectStore {
  /**
   * Stores a stream, or a copy of a local file, whole or not at all; replaces what was there. With `signal`, an
   * aborted upload leaves nothing behind.
   */
  put(
    key: string,
    source: Readable | { path: string },
    options?: { signal?: AbortSignal },
  ): Promise<ObjectInfo>;
  /** A stream that has been opened: a missing object is an error here, not later. */
  createReadStream(key: string, range?: ByteRange): Promise<Readable>;
  /** Null when it isn't there. */
  stat(key: string): Promise<ObjectInfo | null>;
  /** Deleting what isn't there is no error. */
  delete(key: string): Promise<void>;
  /** A local file with the object's bytes, to be read only: ffmpeg wants a path. */
  localPath(key: string): Promise<string>;
  /** All objects, ordered by key. */
  list(): AsyncIterable<ObjectInfo>;
  /**
   * Deletes what writers that died left half-written: drafts that nothing was written to for `quietMs`. 0 takes all
   * drafts for dead, which only a process that alone writes to the storage may say. Answers how many there were.
   */
  clearDrafts(quietMs: number): Promise<number>;
}

/**
 * @param url     `file:` URL or a plain path; unset = `objects` in the data folder
 * @throws EarshotError `configuration_invalid` for any other kind of storage
 */
export function openObjectStore(options: { url?: string; dataDir: string }): ObjectStore {
  const { url, dataDir } = options;
  if (!url) return new FileObjectStore(path.join(dataDir, 'objects'));
  if (url.startsWith('file:')) return new FileObjectStore(folderOf(url));
  if (!/^[a-z][a-z0-9+.-]+:/i.test(url)) return new FileObjectStore(path.resolve(url));
  throw new EarshotError(
    'configuration_invalid',
    `Storage of the kind "${url.slice(0, url.indexOf(':') + 1)}" is not supported: use a file: URL or a folder.`,
    { subject: 'EARSHOT_STORAGE_URL' },
  );
}

function folderOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new EarshotError('configuration_invalid', `"${url}" is not a file: URL of a local folder.`, {
      subject: 'EARSHOT_STORAGE_URL',
      cause,
    });
  }
}
