/**
 * The composition root of the catalog: opens the stores that the configuration names, in order, wires the parts
 * together, and frees everything in the opposite order.
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import { asEarshotError, EarshotError } from '#core/errors';
import { type DataFolderLock, dataFolderOwner, lockDataFolder } from '#store/data-folder-lock';
import { type Database, migrateDatabase, openDatabase } from '#store/database';
import { openVectorIndex } from '#store/index/open-vector-index';
import { type ObjectStore, openObjectStore } from '#store/objects/object-store';
import { JobQueue } from '#store/queue';
import { type ModelCollection, ModelRepository } from '#store/repositories/models';
import { OutboxRepository } from '#store/repositories/outbox';
import type { LocalCatalogService } from './catalog-service.ts';
import type { CatalogConfig } from './config.ts';
import { InferencePool } from './inference/inference-pool.ts';
import { IngestWorker, QUEUES, recordAbandonedJob } from './ingest/ingest-worker.ts';
import { OutboxWorker } from './ingest/outbox-worker.ts';
import { JobEvents } from './jobs.ts';
import { LocalCatalog } from './local-catalog.ts';
import { chooseModel } from './model-change/choose-model.ts';
import { ModelChanges } from './model-change/model-changes.ts';
import { OpenModels } from './model-change/open-models.ts';
import { findModel, findModelFolder, findModelOfCollection, type ModelReader } from './models.ts';
import { SeparationPool } from './separation/separation-pool.ts';

export interface OpenCatalogOptions {
  logger: Logger;
  /** The model to go on with where the files of the one in use are lost: what `models use` was asked for. */
  insteadOfLost?: string;
  /** Module with `readModelInfo` and `loadEmbeddingModel`, by URL; default: our own. */
  modelModule?: string;
}

/** No upload rests for so long. */
const WRITING_MAX_MS = 24 * 3600_000;

const OWN_MODEL_MODULE = new URL('../model/load-model.ts', import.meta.url).href;

/** What opened is freed last-in first-out; one failure doesn't keep the rest from being freed. */
class Closers {
  readonly #steps: (() => Promise<void> | void)[] = [];

  add(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  async closeAll(logger: Logger): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        logger.warn({ err: error }, 'a part of the catalog could not be closed cleanly');
      }
    }
  }
}

/**
 * Opens the catalog; its worker is started apart, with `startWorker`.
 *
 * @throws EarshotError `data_folder_in_use`, `configuration_invalid`, `model_not_found`, `model_invalid`,
 *         `database_unavailable`, `migration_failed`, `index_unavailable`, `disk_full`
 */
export async function openCatalog(
  config: CatalogConfig,
  options: OpenCatalogOptions,
): Promise<LocalCatalogService> {
  const closers = new Closers();
  try {
    return await open(config, options, closers);
  } catch (error) {
    await closers.closeAll(options.logger);
    throw asEarshotError(error);
  }
}

/** The URL of the server that owns the data folder, or null: commands talk to it then. */
export async function runningServerUrl(config: CatalogConfig): Promise<string | null> {
  return (await dataFolderOwner(config.dataDir))?.url ?? null;
}

/**
 * The folder of the model that answers for the catalog, read with only its database open; where nothing has been put into
 * it yet, that of the model which EARSHOT_MODEL names.
 *
 * @throws EarshotError `data_folder_in_use`, `model_not_found`, `model_invalid`, `database_unavailable`, `migration_failed`
 */
export async function modelFolderInUse(
  config: CatalogConfig,
  { logger, modelModule = OWN_MODEL_MODULE }: OpenCatalogOptions,
): Promise<string> {
  const { dataDir } = config;
  const live = await liveModel(config, logger);
  if (live === null) return findModelFolder(config.model, dataDir);
  const reader = (await import(modelModule)) as ModelReader;
  const configured = await findModel(config.model, dataDir, reader).catch(() => null);
  try {
    return (await findModelOfCollection(live, { dataDir, reader, configured })).folder;
  } catch (error) {
    // Another version of it goes live as soon as the catalog is opened.
    if (configured?.identity.id === live.model.id) return configured.folder;
    throw error;
  }
}

async function liveModel(config: CatalogConfig, logger: Logger): Promise<ModelCollection | null> {
  const isThere = config.databaseUrl !== undefined || existsSync(path.join(config.dataDir, 'database'));
  if (!isThere) return null;
  const closers = new Closers();
  try {
    return await new ModelRepository((await openMigrated(config, closers)).database).live();
  } finally {
    await closers.closeAll(logger);
  }
}

/** Brings the database's schema up to date, and does nothing else. */
export async function migrateCatalog(config: CatalogConfig, { logger }: OpenCatalogOptions): Promise<void> {
  const closers = new Closers();
  try {
    await openMigrated(config, closers);
  } finally {
    await closers.closeAll(logger);
  }
}

async function open(
  config: CatalogConfig,
  { logger, insteadOfLost, modelModule = OWN_MODEL_MODULE }: OpenCatalogOptions,
  closers: Closers,
): Promise<LocalCatalogService> {
  const { dataDir } = config;
  const reader = (await import(modelModule)) as ModelReader;
  // A catalog that has a model already can do without.
  const configured = await findModel(config.model, dataDir, reader).catch(asEarshotError);
  const { database, lock } = await openMigrated(config, closers);
  const objects = openObjectStore({ url: config.storageUrl, dataDir });
  await clearDrafts(objects, { isOurs: lock !== null && config.storageUrl === undefined, logger });
  const index = openVectorIndex({
    dataDir,
    qdrantUrl: config.qdrantUrl,
    qdrantApiKey: config.qdrantApiKey,
    onBackgroundError: (error) => logger.warn({ err: error }, 'the vector index could not be optimized'),
  });
  closers.add(() => index.close());
  const outbox = new OutboxWorker(database, index, logger);
  closers.add(() => outbox.close());
  const models = new OpenModels({
    ...{ database, dataDir, reader },
    configured: configured instanceof EarshotError ? null : configured,
    openPool: (modelFolder) => openPool(modelFolder, modelModule, config),
  });
  closers.add(() => models.close());
  const separation = new SeparationPool();
  closers.add(() => separation.close());
  const queue = await openQueue(database, logger);
  // Jobs in work are told to stop, and go back to the queue for the next process.
  closers.add(() => queue.stop({ graceMs: 0 }));
  const events = new JobEvents();
  const changes = new ModelChanges({ database, index, queue, events, models });
  const instead = insteadOfLost === undefined ? null : await findModel(insteadOfLost, dataDir, reader);
  await chooseModel({ database, index, models, changes, configured, instead, config, logger });
  const parts = { database, objects, index, outbox, queue, events, models, logger };
  return new LocalCatalog({
    ...{ ...parts, dataDir, changes, reader, separation },
    worker: new IngestWorker(parts, changes, config.ingestConcurrency),
    uploads: new Set(),
    isShared: lock === null,
    announceUrl: async (url) => lock?.setUrl(url),
    close: () => closers.closeAll(logger),
  });
}

function openPool(modelFolder: string, modelModule: string, config: CatalogConfig): InferencePool {
  return new InferencePool({
    modelFolder,
    modelModule,
    engine: config.inferenceEngine,
    threads: config.inferenceThreads,
    queueLimit: config.inferenceQueueLimit,
    timeoutSec: config.inferenceTimeoutSec,
  });
}

async function openMigrated(
  config: CatalogConfig,
  closers: Closers,
): Promise<{ database: Database; lock: DataFolderLock | null }> {
  const lock = await takeFolder(config);
  if (lock !== null) closers.add(() => lock.release());
  const database = await openDatabase({
    url: config.databaseUrl,
    dataDir: path.join(config.dataDir, 'database'),
  });
  closers.add(() => database.close());
  await migrateDatabase(database);
  // With the folder to ourselves, a lease can only be one that died with its process.
  if (lock !== null && database.kind === 'pglite') await new OutboxRepository(database).releaseLeases();
  return { database, lock };
}

/** The lock on the data folder when anything embedded lies in it; null when all stores can be shared. */
async function takeFolder(config: CatalogConfig): Promise<DataFolderLock | null> {
  if (config.databaseUrl !== undefined && config.qdrantUrl !== undefined) return null;
  try {
    await mkdir(config.dataDir, { recursive: true });
  } catch (error) {
    const message = `The data folder ${config.dataDir} can't be made: ${asEarshotError(error).message}`;
    throw new EarshotError('configuration_invalid', message, { subject: 'EARSHOT_DATA_DIR', cause: error });
  }
  return lockDataFolder(config.dataDir);
}

function openQueue(database: Database, logger: Logger): Promise<JobQueue> {
  return JobQueue.open(database, QUEUES, {
    soleOwner: database.kind === 'pglite',
    onAbandoned: recordAbandonedJob,
    onError: (error) => logger.warn({ err: error }, 'the job queue met a failure and goes on'),
  });
}

/** What a kill left half-written. In a storage that others may write to, only what nobody can be writing any more. */
async function clearDrafts(
  objects: ObjectStore,
  { isOurs, logger }: { isOurs: boolean; logger: Logger },
): Promise<void> {
  try {
    const cleared = await objects.clearDrafts(isOurs ? 0 : WRITING_MAX_MS);
    if (cleared > 0) logger.info({ cleared }, 'half-written files of processes that died are deleted');
  } catch (error) {
    logger.warn({ err: error }, 'half-written files could not be deleted');
  }
}
