/**
 * Embedded databases ready for use. To set up a new one takes seconds of computing, which is why a run of the tests
 * does it once and copies the files. That the product sets one up where there is none is shown by the tests of the
 * database and of the commands, which plant nothing.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { migrateDatabase, openDatabase } from '#store/database';
import { RUN_FOLDER_VARIABLE } from './run-folder.ts';

const run = promisify(execFile);

/** Puts a migrated database without rows into `folder`, which must not exist. */
export async function plantDatabase(folder: string): Promise<void> {
  const runFolder = process.env[RUN_FOLDER_VARIABLE];
  if (!runFolder) throw new Error(`${RUN_FOLDER_VARIABLE} is not set: run the tests with vitest.`);
  const template = path.join(runFolder, 'database');
  if (!existsSync(template)) await makeTemplate(template);
  await mkdir(path.dirname(folder), { recursive: true });
  await run('cp', ['-R', template, folder]);
}

/** Test files run side by side: the first that is ready gives the template, another's is dropped. */
async function makeTemplate(template: string): Promise<void> {
  const draft = await mkdtemp(`${template}-`);
  const database = await openDatabase({ dataDir: draft });
  await migrateDatabase(database);
  await database.close();
  await rename(draft, template).catch(async (error: unknown) => {
    if (!existsSync(template)) throw error;
    await rm(draft, { recursive: true });
  });
}
