/** One folder for a whole run of the tests, for what is made once and used by many files. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Test processes, and the children that they start, inherit it. */
export const RUN_FOLDER_VARIABLE = 'EARSHOT_TEST_RUN_FOLDER';

/** Vitest calls it before the first file, and what it answers after the last. */
export default async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'earshot-run-'));
  process.env[RUN_FOLDER_VARIABLE] = folder;
  return () => rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
