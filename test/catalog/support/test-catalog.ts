/** A catalog in a temporary folder with the fake model. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import type { Clip, Job, LocalCatalogService, NewClip } from '#catalog/catalog-service';
import { type CatalogConfig, loadConfig } from '#catalog/config';
import { openCatalog } from '#catalog/open-catalog';
import { plantDatabase } from '../../support/embedded-database.ts';

const FAKE_MODEL_MODULE = new URL('./fake-model.ts', import.meta.url).href;
/** Reads `fake.json` of each model's folder. */
export const FAKE_MODELS_MODULE = new URL('./fake-models.ts', import.meta.url).href;

/** Loading two embedded engines takes seconds, and on a machine that others use a minute or two. */
export const OPEN_MS = 240_000;

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(path.join(tmpdir(), 'earshot-catalog-'));
}

export function testConfig(dataDir: string, env: NodeJS.ProcessEnv = {}): CatalogConfig {
  // Any folder does for the fake model; it reads nothing from it.
  const model = { EARSHOT_MODEL: path.dirname(dataDir), EARSHOT_INFERENCE_THREADS: '1' };
  return loadConfig({ EARSHOT_DATA_DIR: dataDir, ...model, ...env }, { envFile: null });
}

export async function openTestCatalog(
  dataDir: string,
  env: NodeJS.ProcessEnv = {},
  modelModule: string | null = FAKE_MODEL_MODULE,
  insteadOfLost?: string,
): Promise<LocalCatalogService> {
  const logger = pino({ level: process.env.EARSHOT_TEST_LOG ?? 'silent' });
  const config = testConfig(dataDir, env);
  const database = path.join(dataDir, 'database');
  if (config.databaseUrl === undefined && !existsSync(database)) await plantDatabase(database);
  return openCatalog(config, {
    logger,
    modelModule: modelModule ?? undefined,
    insteadOfLost,
  });
}

/** The job at its end. */
export async function ended(catalog: LocalCatalogService, jobId: string): Promise<Job> {
  let last: Job | undefined;
  for await (const job of catalog.watchJob(jobId)) last = job;
  return last as Job;
}

/** Adds the clip and waits until it is indexed. */
export async function ingest(
  catalog: LocalCatalogService,
  file: string,
  fields: Omit<NewClip, 'source'> = {},
): Promise<Clip> {
  const { clip, job } = await catalog.addClip({ source: { path: file }, ...fields });
  if (job !== null) {
    const end = await ended(catalog, job.id);
    if (end.status !== 'done') throw new Error(`ingest of ${file}: ${end.status} ${end.error?.message}`);
  }
  return catalog.getClip(clip.id);
}

/** Every stored object and every half-written one. */
export async function storedFiles(dataDir: string): Promise<string[]> {
  const entries = await readdir(path.join(dataDir, 'objects'), {
    recursive: true,
    withFileTypes: true,
  }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
