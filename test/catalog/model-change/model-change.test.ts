import { rm } from 'node:fs/promises';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clip, LocalCatalogService } from '#catalog/catalog-service';
import { modelFolderInUse } from '#catalog/open-catalog';
import { startChild } from '../../support/child.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { bump } from '../support/fake-model.ts';
import { writeFakeModel } from '../support/fake-models.ts';
import { makeClip } from '../support/make-clips.ts';
import {
  ended,
  FAKE_MODELS_MODULE,
  ingest,
  OPEN_MS,
  openTestCatalog,
  removeFolder,
  temporaryFolder,
  testConfig,
} from '../support/test-catalog.ts';

const CLIPS = 6;
const script = new URL('../support/changing-process.ts', import.meta.url);
const clean = { missingPoints: 0, orphanPoints: 0, orphanObjects: 0, missingObjects: 0, fixed: false };

let folder: string;
let serial = 0;

beforeAll(async () => {
  folder = await temporaryFolder();
});

afterAll(() => removeFolder(folder));

interface Place {
  dataDir: string;
  env: NodeJS.ProcessEnv;
  /** Ids of the models in the data folder; unique, as several runs may share a Qdrant. */
  first: string;
  second: string;
}

/** A data folder with two models; the catalog begins with the first. */
async function place(env: NodeJS.ProcessEnv = {}): Promise<Place> {
  const name = `${process.pid}-${Date.now().toString(36)}-${serial++}`;
  const dataDir = `${folder}/${name}`;
  const [first, second] = [`first-${name}`, `second-${name}`];
  await writeFakeModel(`${dataDir}/models/${first}`, { id: first, version: '1', turn: 0 });
  await writeFakeModel(`${dataDir}/models/${second}`, { id: second, version: '1', turn: 3, waitMs: 200 });
  return { dataDir, first, second, env: { EARSHOT_MODEL: first, ...env } };
}

const open = ({ dataDir, env }: Place) => openTestCatalog(dataDir, env, FAKE_MODELS_MODULE);

const folderInUse = ({ dataDir, env }: Place) =>
  modelFolderInUse(testConfig(dataDir, env), {
    logger: pino({ level: 'silent' }),
    modelModule: FAKE_MODELS_MODULE,
  });

async function fill(catalog: LocalCatalogService, count = CLIPS): Promise<Clip[]> {
  const clips: Clip[] = [];
  for (let i = 0; i < count; i++) {
    const recipe = {
      sound: (i + 1) / (count + 1),
      picture: (i + 1) / (count + 1),
      durationSec: 3,
      salt: serial++,
    };
    clips.push(await ingest(catalog, await makeClip(folder, `${serial}.mp4`, recipe), { tags: [`n${i}`] }));
  }
  return clips;
}

/** What the clip's sound finds among the pictures, by the model that answers. */
async function searched(catalog: LocalCatalogService, clipId: string) {
  const page = await catalog.search({ query: { clipId, modality: 'audio' }, for: 'video', topK: 100 });
  return { model: page.model.id, clips: page.results.map(({ clip }) => clip.id) };
}

async function states(catalog: LocalCatalogService): Promise<Record<string, string>> {
  return Object.fromEntries((await catalog.listModels()).map(({ name, state }) => [name, state]));
}

/** Everything is found under the model, and the index holds exactly what the database does. */
async function expectWhole(
  catalog: LocalCatalogService,
  clips: readonly Clip[],
  model: string,
): Promise<void> {
  for (const { id } of clips) {
    const found = await searched(catalog, id);
    expect(found.model).toBe(model);
    expect(found.clips[0]).toBe(id);
    expect([...found.clips].sort()).toEqual(clips.map((clip) => clip.id).sort());
  }
  expect(await catalog.reconcile({ fix: false })).toEqual(clean);
}

function changeSuite(title: string, stores: () => Promise<NodeJS.ProcessEnv>): void {
  describe(`changing the model (${title})`, () => {
    it(
      'killed in the middle is continued by the next process; the model before answers until the switch',
      async () => {
        const here = await place(await stores());
        const folderOf = (name: string) => `${here.dataDir}/models/${name}`;
        expect(await folderInUse(here)).toBe(folderOf(here.first));
        const before = await open(here);
        await before.startWorker();
        const clips = await fill(before);
        await before.close();

        const child = startChild(script, [here.dataDir, here.second, JSON.stringify(here.env)]);
        const jobId = await child.line();
        for (let progress = 0; progress < 0.3; ) progress = Number(await child.line());
        await child.kill('SIGKILL');

        const after = await open(here);
        try {
          expect(await states(after)).toEqual({ [here.first]: 'live', [here.second]: 'building' });
          await expectWhole(after, clips, here.first);
          expect(await after.getJob(jobId)).toMatchObject({ kind: 'model', clipId: null });
          await after.startWorker();
          const changing = ended(after, jobId);
          // Comes in while the change goes on: found under both.
          const [late] = await fill(after, 1);
          clips.push(late as Clip);
          expect(await changing).toMatchObject({ status: 'done', progress: 1, error: null });
          expect(await states(after)).toEqual({ [here.first]: 'retired', [here.second]: 'live' });
          await expectWhole(after, clips, here.second);
          expect((await after.listClips({ status: 'indexed' })).items).toHaveLength(clips.length);

          const stale = { vector: bump(0.5), modality: 'audio' as const, model: here.first };
          await expect(after.search({ query: stale, for: 'video' })).rejects.toMatchObject({
            code: 'model_mismatch',
          });
          const perClip = 2 * clips.length;
          expect(await after.removeModel(here.first)).toEqual({ removedPoints: perClip });
          expect(await states(after)).toEqual({ [here.first]: 'unused', [here.second]: 'live' });
          await expectWhole(after, clips, here.second);
        } finally {
          await after.close();
        }
        // The environment still names the first: the database decides.
        expect(await folderInUse(here)).toBe(folderOf(here.second));
        const again = await open(here);
        try {
          await expectWhole(again, clips, here.second);
        } finally {
          await again.close();
        }
      },
      2 * OPEN_MS,
    );

    it(
      'goes back to vectors that were kept, without what was deleted and with what was changed meanwhile',
      async () => {
        const here = await place(await stores());
        const catalog = await open(here);
        try {
          await catalog.startWorker();
          const clips = await fill(catalog, 3);
          const [kept, changed, gone] = clips as [Clip, Clip, Clip];
          const use = async (name: string) => {
            const { job } = await catalog.useModel(name);
            expect(await ended(catalog, job?.id as string)).toMatchObject({ status: 'done' });
          };
          await use(here.second);
          await catalog.deleteClip(gone.id);
          await catalog.updateClip(changed.id, { tags: ['new'] });
          await use(here.first);
          await expectWhole(catalog, [kept, changed], here.first);
          const page = await catalog.search({
            query: { clipId: kept.id, modality: 'audio' },
            for: 'video',
            filter: { anyTag: ['new'] },
          });
          expect(page.results.map(({ clip }) => clip.id)).toEqual([changed.id]);
          expect(await catalog.useModel(here.first)).toMatchObject({ job: null });
        } finally {
          await catalog.close();
        }
      },
      2 * OPEN_MS,
    );
  });
}

changeSuite('embedded', async () => ({}));

const postgres = findPostgres();
const qdrantUrl = process.env.EARSHOT_TEST_QDRANT_URL;
let server: TestPostgres | undefined;

describe.skipIf(postgres === null)(`on PostgreSQL${postgres === null ? ' (not installed)' : ''}`, () => {
  beforeAll(async () => {
    server = await startPostgres(postgres as string);
  }, OPEN_MS);

  afterAll(() => server?.stop(), OPEN_MS);

  const stores = async () => ({
    EARSHOT_DATABASE_URL: await (server as TestPostgres).createDatabase(),
    ...(qdrantUrl && {
      EARSHOT_QDRANT_URL: qdrantUrl,
      EARSHOT_QDRANT_API_KEY: process.env.EARSHOT_TEST_QDRANT_API_KEY,
    }),
  });

  changeSuite(qdrantUrl ? 'PostgreSQL and Qdrant' : 'PostgreSQL', stores);

  it(
    'is noticed by every process at once, and its clips are shared among them',
    async () => {
      const here = await place(await stores());
      // With an embedded index a second process has one of its own, and only the database in common.
      const there = qdrantUrl ? here : { ...here, dataDir: `${here.dataDir}-2` };
      for (const [id, turn] of [
        [here.first, 0],
        [here.second, 3],
      ] as const)
        await writeFakeModel(`${there.dataDir}/models/${id}`, { id, version: '1', turn, waitMs: 100 });
      const storage = { EARSHOT_STORAGE_URL: `file://${here.dataDir}/shared` };
      const [one, two] = (await Promise.all(
        [here, there].map((at) => open({ ...at, env: { ...at.env, ...storage } })),
      )) as [LocalCatalogService, LocalCatalogService];
      try {
        await one.startWorker();
        const clips = await fill(one, 4);
        await two.startWorker();
        const recipe = { sound: 0.4, picture: 0.4, durationSec: 2 };
        const sample = await makeClip(folder, `${here.first}.mp4`, recipe);
        expect((await two.embedFile(sample)).model.id).toBe(here.first);
        const { job } = await one.useModel(here.second);
        expect(await ended(two, job?.id as string)).toMatchObject({ status: 'done' });
        for (const catalog of [one, two]) {
          expect(await states(catalog)).toEqual({ [here.first]: 'retired', [here.second]: 'live' });
          expect((await catalog.embedFile(sample)).model.id).toBe(here.second);
          if (qdrantUrl) await expectWhole(catalog, clips, here.second);
          const stale = { vector: bump(0.5), modality: 'audio' as const, model: here.first };
          await expect(catalog.search({ query: stale, for: 'video' })).rejects.toMatchObject({
            code: 'model_mismatch',
          });
        }
      } finally {
        await one.close();
        await two.close();
      }
    },
    2 * OPEN_MS,
  );
});

describe('a change of models that can not be', () => {
  it(
    'leaves the model in use: unknown, broken, a path, other segments, taken back; only retired vectors can be dropped',
    async () => {
      const here = await place();
      const broken = `broken-${here.first}`;
      await writeFakeModel(`${here.dataDir}/models/${broken}`, {
        id: broken,
        version: '1',
        turn: 1,
        broken: true,
      });
      const catalog = await open(here);
      try {
        await catalog.startWorker();
        const clips = await fill(catalog, 2);
        const refused = (name: string) => expect(catalog.useModel(name)).rejects;
        await refused('nowhere').toMatchObject({ code: 'model_not_found' });
        await refused(`${here.dataDir}/models/${here.second}`).toMatchObject({ code: 'invalid_argument' });
        await refused(broken).toMatchObject({ code: 'checkpoint_invalid' });
        const longer = `longer-${here.first}`;
        const segments = { lengthSec: 4, hopSec: 1 };
        await writeFakeModel(`${here.dataDir}/models/${longer}`, {
          id: longer,
          version: '1',
          turn: 1,
          segments,
        });
        await refused(longer).toMatchObject({ code: 'conflict' });
        await expect(catalog.removeModel(here.first)).rejects.toMatchObject({ code: 'conflict' });
        await expect(catalog.removeModel(here.second)).rejects.toMatchObject({ code: 'model_not_found' });

        const { job } = await catalog.useModel(here.second);
        expect((await catalog.useModel(here.second)).job?.id).toBe(job?.id);
        await expect(catalog.removeModel(here.second)).rejects.toMatchObject({ code: 'conflict' });
        expect((await catalog.useModel(here.first)).job).toBeNull();
        expect(await ended(catalog, job?.id as string)).toMatchObject({ status: 'cancelled' });
        expect(await states(catalog)).toMatchObject({ [here.first]: 'live', [here.second]: 'retired' });
        await expectWhole(catalog, clips, here.first);
      } finally {
        await catalog.close();
      }
    },
    2 * OPEN_MS,
  );

  it(
    'goes on without a clip whose file is lost, and says so',
    async () => {
      const here = await place();
      const catalog = await open(here);
      try {
        await catalog.startWorker();
        const [whole, lost] = (await fill(catalog, 2)) as [Clip, Clip];
        const objects = `${here.dataDir}/objects/${lost.id.slice(-2)}`;
        await rm(`${objects}/${lost.id}.mp4`);
        const { job } = await catalog.useModel(here.second);
        expect(await ended(catalog, job?.id as string)).toMatchObject({ status: 'done' });
        expect(await catalog.getClip(lost.id)).toMatchObject({
          status: 'failed',
          error: { code: 'decode_failed' },
        });
        expect((await searched(catalog, whole.id)).clips).toEqual([whole.id]);
      } finally {
        await catalog.close();
      }
    },
    2 * OPEN_MS,
  );

  it(
    'lost models: another version of the same goes on by itself, any other only when asked for',
    async () => {
      const here = await place();
      const first = await open(here);
      await first.startWorker();
      const clips = await fill(first, 2);
      await first.close();

      await writeFakeModel(`${here.dataDir}/models/${here.first}`, { id: here.first, version: '2', turn: 1 });
      expect(await folderInUse(here)).toBe(`${here.dataDir}/models/${here.first}`);
      const upgraded = await open(here);
      await upgraded.startWorker();
      const [fillJob] = (await upgraded.listJobs({})).items.filter(({ kind }) => kind === 'model');
      expect(await ended(upgraded, fillJob?.id as string)).toMatchObject({ status: 'done' });
      await expectWhole(upgraded, clips, here.first);
      expect((await upgraded.listModels()).find(({ active }) => active)?.version).toBe('2');
      expect(await upgraded.removeModel(`${here.first}@1`)).toEqual({ removedPoints: 4 });
      await upgraded.close();

      await rm(`${here.dataDir}/models/${here.first}`, { recursive: true });
      const environment = { ...here.env, EARSHOT_MODEL: here.second };
      await expect(open({ ...here, env: environment })).rejects.toMatchObject({ code: 'model_not_found' });
      await expect(folderInUse({ ...here, env: environment })).rejects.toMatchObject({
        code: 'model_not_found',
      });
      const instead = await openTestCatalog(here.dataDir, environment, FAKE_MODELS_MODULE, here.second);
      await instead.startWorker();
      const { job } = await instead.useModel(here.second);
      expect(job).toBeNull();
      const [next] = (await instead.listJobs({})).items;
      expect(await ended(instead, next?.id as string)).toMatchObject({ kind: 'model', status: 'done' });
      await expectWhole(instead, clips, here.second);
      await instead.close();
    },
    2 * OPEN_MS,
  );
});
