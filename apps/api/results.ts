/**
 * Files that an answer refers to: they lie in a folder of their own for an hour and are then swept away. Their names
 * can't be guessed, so that only who got the answer gets the files.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { EarshotError } from '#core/errors';

/** How long an answer's files can be fetched. */
const RESULT_LIFETIME_SEC = 3600;

const RESULT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const FILE_NAME = /^[\w-]+\.[a-z0-9]+$/;

export interface ResultFolder {
  id: string;
  folder: string;
  /** Where a file of the folder is served. */
  urlOf(name: string): string;
}

/**
 * Runs `work` with a fresh folder; it stays for an hour after `work` has succeeded, and goes at once when it fails.
 *
 * @param resultDir of all results; expired ones are swept on the way
 */
export async function withResultFolder<T>(
  resultDir: string,
  work: (result: ResultFolder) => Promise<T>,
): Promise<{ made: T; expiresAt: string }> {
  await sweepResults(resultDir);
  const id = randomUUID();
  const folder = join(resultDir, id);
  await mkdir(folder, { recursive: true });
  try {
    const made = await work({ id, folder, urlOf: (name) => `/v1/results/${id}/${name}` });
    // The folder's own time says until when it stays, to this process and to every other.
    const now = new Date();
    await utimes(folder, now, now);
    return { made, expiresAt: new Date(now.getTime() + RESULT_LIFETIME_SEC * 1000).toISOString() };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * @returns path and size of an answer's file
 * @throws EarshotError `not_found` for what never was or has expired
 */
export async function resultFile(
  resultDir: string,
  id: string,
  name: string,
): Promise<{ path: string; sizeBytes: number }> {
  if (RESULT_ID.test(id) && FILE_NAME.test(name)) {
    const path = join(resultDir, id, name);
    const [folder, file] = await Promise.all([
      stat(join(resultDir, id)).catch(() => null),
      stat(path).catch(() => null),
    ]);
    if (folder && file?.isFile() && !isExpired(folder.mtimeMs)) return { path, sizeBytes: file.size };
  }
  const message = 'There is no such file: an answer keeps its files for an hour; ask again.';
  throw new EarshotError('not_found', message, { subject: 'id' });
}

/** Deletes the folders of answers whose hour has passed. */
export async function sweepResults(resultDir: string): Promise<void> {
  for (const entry of await readdir(resultDir).catch(() => [] as string[])) {
    const folder = join(resultDir, entry);
    const info = await stat(folder).catch(() => null);
    if (info && isExpired(info.mtimeMs)) await rm(folder, { recursive: true, force: true });
  }
}

function isExpired(madeAtMs: number): boolean {
  return Date.now() - madeAtMs > RESULT_LIFETIME_SEC * 1000;
}
