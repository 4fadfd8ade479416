import { rename, rm } from 'node:fs/promises';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clip, LocalCatalogService } from '#catalog/catalog-service';
import { modelFolderInUse, openCatalog } from '#catalog/open-catalog';
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

/** How the fake model cuts clips, and how another one does. */
const USUAL = { lengthSec: 2, hopSec: 1 };
const OTHER = { lengthSec: 3, hopSec: 1.5 };
/** Of a clip of 6 s: five segments of the usual kind, three of the other. */
const LONG_SEC = 6;
const SEGMENTS_OF_LONG = new Map([
  [
    USUAL,
    [
      [0, 2],
      [1, 3],
      [2, 4],
      [3, 5],
      [4, 6],
    ],
  ],
  [
    OTHER,
    [
      [0, 3],
      [1.5, 4.5],
      [3, 6],
    ],
  ],
]);

/** A data folder with two models; the catalog begins with the first. */
async function place(env: NodeJS.ProcessEnv = {}, segments = USUAL): Promise<Place> {
  const name = `${process.pid}-${Date.now().toString(36)}-${serial++}`;
  const dataDir = `${folder}/${name}`;
  const [first, second] = [`first-${name}`, `second-${name}`];
  await writeFakeModel(`${dataDir}/models/${first}`, { id: first, version: '1', turn: 0 });
  await writeFakeModel(`${dataDir}/models/${second}`, {
    id: second,
    version: '1',
    turn: 3,
    waitMs: 200,
    segments,
  });
  return { dataDir, first, second, env: { EARSHOT_MODEL: first, ...env } };
}

const open = ({ dataDir, env }: Place) => openTestCatalog(dataDir, env, FAKE_MODELS_MODULE);

async function warningsOfOpening({ dataDir, env }: Place): Promise<object[]> {
  const lines: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
  const catalog = await openCatalog(testConfig(dataDir, env), { logger, modelModule: FAKE_MODELS_MODULE });
  await catalog.close();
  return lines.map((line) => JSON.parse(line));
}

const folderInUse = ({ dataDir, env }: Place) =>
  modelFolderInUse(testConfig(dataDir, env), {
    logger: pino({ level: 'silent' }),
    modelModule: FAKE_MODELS_MODULE,
  });

async function fill(catalog: LocalCatalogService, count = CLIPS, durationSec = 3): Promise<Clip[]> {
  const clips: Clip[] = [];
  for (let i = 0; i < count; i++) {
    const recipe = {
      sound: (i + 1) / (count + 1),
      picture: (i + 1) / (count + 1),
      durationSec,
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

/** Every segment that the clip's sound finds among the pictures, as `clip start end`, and the model that answers. */
async function segmentsFound(catalog: LocalCatalogService, clipId: string) {
  const page = await catalog.search({
    query: { clipId, modality: 'audio' },
    for: 'video',
    groupBy: 'segment',
    topK: 1000,
  });
  const found = page.results.map(({ clip, segment }) => `${clip.id} ${segment.startSec} ${segment.endSec}`);
  return { model: page.model.id, found: found.sort() };
}

/** Those of clips of `LONG_SEC`. */
function segmentsOf(clips: readonly Clip[], plan: typeof USUAL): string[] {
  const times = SEGMENTS_OF_LONG.get(plan) as number[][];
  return clips.flatMap(({ id }) => times.map(([start, end]) => `${id} ${start} ${end}`)).sort();
}

/** The catalog consists of the segments of this model and of no others, and labels mean to it what they should. */
async function expectCut(
  catalog: LocalCatalogService,
  clips: readonly Clip[],
  model: string,
  plan: typeof USUAL,
): Promise<void> {
  await expectWhole(catalog, clips, model);
  const [first, last] = [clips[0], clips.at(-1)] as [Clip, Clip];
  expect(await segmentsFound(catalog, first.id)).toEqual({ model, found: segmentsOf(clips, plan) });
  for (const { id } of clips) {
    expect(await catalog.getClip(id)).toMatchObject({
      status: 'indexed',
      segmentCount: SEGMENTS_OF_LONG.get(plan)?.length,
    });
  }
  expect(await catalog.classify({ subject: { clipId: first.id } })).toMatchObject({ verdict: 'low' });
  expect(await catalog.classify({ subject: { clipId: last.id } })).toMatchObject({ verdict: 'high' });
}

/**
 * Asks on and on until the job is over: each answer is one model's and whole, and none of the former's comes late.
 * Answers which models those were.
 */
async function askWhile(
  catalog: LocalCatalogService,
  changing: Promise<unknown>,
  clips: readonly Clip[],
  plans: ReadonlyMap<string, typeof USUAL>,
): Promise<string[]> {
  let isOver = false;
  const over = changing.finally(() => {
    isOver = true;
  });
  const asked: string[] = [];
  while (!isOver) {
    const { model, found } = await segmentsFound(catalog, clips[0]?.id as string);
    const theirs = found.filter((segment) => clips.some(({ id }) => segment.startsWith(id)));
    expect(theirs).toEqual(segmentsOf(clips, plans.get(model) as typeof USUAL));
    asked.push(model);
  }
  await over;
  const order = [...plans.keys()];
  expect(asked.toSorted((a, b) => order.indexOf(a) - order.indexOf(b))).toEqual(asked);
  return asked;
}

/** Another process begins the change to the second model, and is killed with a third of it done; answers the job. */
async function killInTheMiddle({ dataDir, second, env }: Place): Promise<string> {
  const child = startChild(script, [dataDir, second, JSON.stringify(env)]);
  const jobId = await child.line();
  for (let progress = 0; progress < 0.3; ) progress = Number(await child.line());
  await child.kill('SIGKILL');
  return jobId;
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

        const jobId = await killInTheMiddle(here);

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

    it(
      'to one that cuts clips elsewhere: each answers with its own segments, killed in the middle or not, there and back',
      async () => {
        const here = await place(await stores(), OTHER);
        const before = await open(here);
        await before.startWorker();
        const clips = await fill(before, CLIPS, LONG_SEC);
        await before.addExamples('low', [clips[0]?.id as string]);
        await before.addExamples('high', [clips.at(-1)?.id as string]);
        await expectCut(before, clips, here.first, USUAL);
        await before.close();

        const jobId = await killInTheMiddle(here);

        const catalog = await open(here);
        try {
          // Some are cut both ways by now; the model before and its labels know nothing of it.
          expect(await states(catalog)).toEqual({ [here.first]: 'live', [here.second]: 'building' });
          await expectCut(catalog, clips, here.first, USUAL);
          await catalog.startWorker();
          const changing = ended(catalog, jobId);
          const plans = new Map([
            [here.first, USUAL],
            [here.second, OTHER],
          ]);
          const [gone] = clips.splice(2, 1) as [Clip];
          const asking = askWhile(catalog, changing, clips, plans);
          await catalog.deleteClip(gone.id);
          const [late] = (await fill(catalog, 1, LONG_SEC)) as [Clip];
          expect((await asking)[0]).toBe(here.first);
          clips.splice(2, 0, late);
          expect(await changing).toMatchObject({ status: 'done', error: null });
          await expectCut(catalog, clips, here.second, OTHER);

          // Back without a look at the files: every vector of the model before was kept.
          await rename(`${here.dataDir}/objects`, `${here.dataDir}/away`);
          const back = await catalog.useModel(here.first);
          await askWhile(
            catalog,
            ended(catalog, back.job?.id as string),
            clips,
            new Map([...plans].reverse()),
          );
          await rename(`${here.dataDir}/away`, `${here.dataDir}/objects`);
          await expectCut(catalog, clips, here.first, USUAL);

          expect(await catalog.removeModel(here.second)).toEqual({ removedPoints: 3 * clips.length });
          await expectCut(catalog, clips, here.first, USUAL);
        } finally {
          await catalog.close();
        }
      },
      3 * OPEN_MS,
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
    'leaves the model in use: unknown, broken, a path, taken back; only retired vectors can be dropped',
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
      // Whoever only searches meanwhile is told why nothing is found.
      const warnings = await warningsOfOpening(here);
      expect(warnings).toContainEqual(
        expect.objectContaining({ clips: 2, msg: expect.stringMatching(`models use ${here.first}`) }),
      );

      const upgraded = await open(here);
      await upgraded.startWorker();
      const [fillJob] = (await upgraded.listJobs({})).items.filter(({ kind }) => kind === 'model');
      expect(await ended(upgraded, fillJob?.id as string)).toMatchObject({ status: 'done' });
      await expectWhole(upgraded, clips, here.first);
      expect((await upgraded.listModels()).find(({ active }) => active)?.version).toBe('2');
      expect(await upgraded.removeModel(`${here.first}@1`)).toEqual({ removedPoints: 4 });
      await upgraded.close();
      expect(await warningsOfOpening(here)).toEqual([]);

      await rm(`${here.dataDir}/models/${here.first}`, { recursive: true });
      const environment = { ...here.env, EARSHOT_MODEL: here.second };
      await expect(open({ ...here, env: environment })).rejects.toMatchObject({ code: 'model_not_found' });
      await expect(folderInUse({ ...here, env: environment })).rejects.toMatchObject({
        code: 'model_not_found',
      });
      const instead = await openTestCatalog(here.dataDir, environment, FAKE_MODELS_MODULE, here.second);
      await instead.startWorker();
      const { job } = await instead.useModel(here.second);
      expect(await ended(instead, job?.id as string)).toMatchObject({ kind: 'model', status: 'done' });
      await expectWhole(instead, clips, here.second);
      expect((await instead.useModel(here.second)).job).toBeNull();
      await instead.close();
    },
    2 * OPEN_MS,
  );
});
