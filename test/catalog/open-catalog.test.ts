import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runningServerUrl } from '#catalog/open-catalog';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { makeClip } from './support/make-clips.ts';
import {
  ingest,
  OPEN_MS,
  openTestCatalog,
  removeFolder,
  storedFiles,
  temporaryFolder,
  testConfig,
} from './support/test-catalog.ts';

let folder: string;
const mini = fileURLToPath(new URL('../../models/mini', import.meta.url));

beforeAll(async () => {
  folder = await temporaryFolder();
});

afterAll(() => removeFolder(folder));

describe('openCatalog', () => {
  it(
    'gives the data folder to one process at a time, and tells where it serves',
    async () => {
      const dataDir = `${folder}/owned`;
      const catalog = await openTestCatalog(dataDir);
      try {
        await expect(openTestCatalog(dataDir)).rejects.toMatchObject({ code: 'data_folder_in_use' });
        expect(await runningServerUrl(testConfig(dataDir))).toBeNull();
        await catalog.announceUrl('http://127.0.0.1:8787');
        expect(await runningServerUrl(testConfig(dataDir))).toBe('http://127.0.0.1:8787');
        expect(await catalog.readiness()).toEqual([]);
      } finally {
        await catalog.close();
      }
      expect(await runningServerUrl(testConfig(dataDir))).toBeNull();
      await (await openTestCatalog(dataDir)).close();
    },
    OPEN_MS,
  );

  it(
    'frees the folder when it fails on the way',
    async () => {
      const dataDir = `${folder}/failed`;
      const unknown = { EARSHOT_STORAGE_URL: 's3://bucket' };
      await expect(openTestCatalog(dataDir, unknown)).rejects.toMatchObject({
        code: 'configuration_invalid',
      });
      await expect(openTestCatalog(dataDir, { EARSHOT_MODEL: 'no-such-model' })).rejects.toMatchObject({
        code: 'model_not_found',
      });
      await (await openTestCatalog(dataDir)).close();
    },
    OPEN_MS,
  );

  it(
    'clears what a kill left half-written: all of it where nobody else writes, else what is a day old',
    async () => {
      const longAgo = new Date(Date.now() - 25 * 3600_000);
      const plant = async (drafts: string) => {
        await mkdir(drafts, { recursive: true });
        for (const name of ['old', 'new']) await writeFile(path.join(drafts, name), 'half');
        await utimes(path.join(drafts, 'old'), longAgo, longAgo);
      };
      const [own, shared] = [`${folder}/killed/objects/.drafts`, `${folder}/shared-storage/.drafts`];
      await plant(own);
      await plant(shared);
      await (await openTestCatalog(`${folder}/killed`)).close();
      expect(await readdir(own)).toEqual([]);
      const storage = { EARSHOT_STORAGE_URL: `file://${folder}/shared-storage` };
      await (await openTestCatalog(`${folder}/killed`, storage)).close();
      expect(await readdir(shared)).toEqual(['new']);
    },
    OPEN_MS,
  );

  it(
    'finds and mends drift',
    async () => {
      const dataDir = `${folder}/drift`;
      const file = await makeClip(folder, 'drift.mp4', { sound: 0.3, picture: 0.3, durationSec: 3 });
      const first = await openTestCatalog(dataDir);
      await first.startWorker();
      const clip = await ingest(first, file);
      await first.close();
      await rm(`${dataDir}/index`, { recursive: true });
      await rm(`${dataDir}/objects`, { recursive: true });

      const second = await openTestCatalog(dataDir);
      try {
        const drift = { missingPoints: 2, orphanPoints: 0, orphanObjects: 0, missingObjects: 1 };
        expect(await second.reconcile({ fix: false })).toEqual({ ...drift, fixed: false });
        expect(await second.reconcile({ fix: true })).toEqual({ ...drift, fixed: true });
        expect(await second.reconcile({ fix: false })).toMatchObject({ missingPoints: 0, missingObjects: 0 });
        expect(await storedFiles(dataDir)).toHaveLength(1);
        const page = await second.search({ query: { clipId: clip.id }, for: 'audio' });
        expect(page.results.map((result) => result.clip.id)).toEqual([clip.id]);
      } finally {
        await second.close();
      }
    },
    OPEN_MS,
  );

  it(
    'shows where an upload is said to lie, and never opens that',
    async () => {
      const dataDir = `${folder}/told`;
      const file = await makeClip(folder, 'told.wav', { sound: 0.4, picture: null, durationSec: 1 });
      const catalog = await openTestCatalog(dataDir);
      try {
        // The worst case: the path exists here, and even holds the same bytes.
        const source = { stream: createReadStream(file), fileName: 'told.wav', sourcePath: file };
        const { clip } = await catalog.addClip({ source });
        expect(clip.sourcePath).toBe(file);
        expect((await catalog.getClip(clip.id)).sourcePath).toBe(file);
        await rm(`${dataDir}/objects`, { recursive: true });
        expect(await catalog.reconcile({ fix: true })).toMatchObject({ missingObjects: 1, fixed: false });
        expect(await storedFiles(dataDir)).toEqual([]);
        for (const sourcePath of ['', 'nul\u0000byte', 'x'.repeat(5000)]) {
          const bad = { stream: createReadStream(file), fileName: 'x.wav', sourcePath };
          await expect(catalog.addClip({ source: bad })).rejects.toMatchObject({ code: 'invalid_argument' });
          bad.stream.destroy();
        }
      } finally {
        await catalog.close();
      }
    },
    OPEN_MS,
  );

  it.skipIf(!existsSync(path.join(mini, 'model.json')))(
    'works with the shipped model',
    async () => {
      const catalog = await openTestCatalog(`${folder}/mini`, { EARSHOT_MODEL: 'mini' }, null);
      try {
        await catalog.startWorker();
        const file = await makeClip(folder, 'mini.mp4', { sound: 0.5, picture: 0.5, durationSec: 7 });
        const clip = await ingest(catalog, file);
        expect(clip).toMatchObject({ status: 'indexed', modalities: ['audio', 'video'] });
        const page = await catalog.search({ query: { clipId: clip.id }, for: 'audio' });
        expect(page.results[0]).toMatchObject({ clip: { id: clip.id }, modality: 'audio' });
        const models = await catalog.listModels();
        expect(models.filter((model) => model.active).map((model) => model.name)).toEqual(['mini']);
      } finally {
        await catalog.close();
      }
    },
    OPEN_MS,
  );

  const postgres = findPostgres();
  it.skipIf(postgres === null)(
    `works on PostgreSQL${postgres === null ? ' (skipped: not installed)' : ''}`,
    async () => {
      const server = await startPostgres(postgres as string);
      const dataDir = `${folder}/postgres`;
      try {
        const catalog = await openTestCatalog(dataDir, {
          EARSHOT_DATABASE_URL: await server.createDatabase(),
        });
        try {
          await catalog.startWorker();
          const file = await makeClip(folder, 'postgres.mp4', { sound: 0.5, picture: 0.5, durationSec: 3 });
          const clip = await ingest(catalog, file, { tags: ['x'] });
          const page = await catalog.search({
            query: { clipId: clip.id },
            for: 'audio',
            filter: { anyTag: ['x'] },
          });
          expect(page).toMatchObject({ total: 1, results: [{ clip: { id: clip.id } }] });
          expect(await catalog.addClip({ source: { path: file } })).toMatchObject({
            created: false,
            job: null,
          });
          await catalog.deleteClip(clip.id);
          expect(await catalog.reconcile({ fix: false })).toMatchObject({
            orphanPoints: 0,
            orphanObjects: 0,
          });
          expect(await storedFiles(dataDir)).toEqual([]);
        } finally {
          await catalog.close();
        }
      } finally {
        await server.stop();
      }
    },
    OPEN_MS,
  );
});
