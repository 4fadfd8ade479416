/**
 * Where a clip's file lay before it was added. A path that this process itself has read may be read again; one that
 * came with an upload is only what the sender says, and opening it would let senders choose which of the server's
 * files are read. Both stand in one column: a told path has a mark before it that no absolute path begins with.
 */
import { resolve } from 'node:path';
import type { NewClip } from './catalog-service.ts';

const TOLD = 'told:';

/** What is stored of a new clip's origin. */
export function storedSourcePath(source: NewClip['source']): string | null {
  if ('path' in source) return resolve(source.path);
  return source.sourcePath === undefined ? null : TOLD + source.sourcePath;
}

/** What users see, however it came to be known. */
export function shownSourcePath(stored: string | null): string | null {
  return stored?.startsWith(TOLD) ? stored.slice(TOLD.length) : stored;
}

/** The path where it may be opened, else null. */
export function openableSourcePath(stored: string | null): string | null {
  return stored?.startsWith(TOLD) ? null : stored;
}
