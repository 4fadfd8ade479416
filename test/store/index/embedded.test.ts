/** The embedded index keeps the contract, and what only a folder on disk can be asked: reopening and crashes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { EmbeddedIndex } from '#store/index/embedded-index';
import { ExactIndex } from '#store/index/exact-index';
import type { PointFilter } from '#store/index/vector-index';
import { describeVectorIndex } from './contract.ts';
import { axis, clipId, MODEL, point, pointId, randomPoints, request, unitVector } from './points.ts';

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'earshot-index-'));
}

describeVectorIndex('embedded', async () => {
  const folder = temporaryFolder();
  const index = new EmbeddedIndex(folder);
  return {
    index,
    dispose: async () => {
      await index.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});

describe('the embedded index on disk', () => {
  let folder: string;

  beforeEach(() => {
    folder = temporaryFolder();
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('answers the same after being closed and opened again', async () => {
    const before = new EmbeddedIndex(folder);
    await before.ensureCollection('mini-1', MODEL);
    await before.setAlias('live', 'mini-1');
    await before.upsert('mini-1', randomPoints(120, 1));
    await before.deleteClips('mini-1', [clipId(4)]);
    await before.updateClipPayload('mini-1', clipId(5), { collection: 'moved', tags: ['new'] });
    await before.optimize('mini-1');
    const asked = request({ vector: unitVector(new SeededRandom(2)), topK: 50 });
    const hits = await before.search('live', asked);
    await before.close();

    const after = new EmbeddedIndex(folder);
    expect(await after.resolveAlias('live')).toBe('mini-1');
    expect(await after.describeCollection('live')).toEqual({ name: 'mini-1', model: MODEL, pointCount: 116 });
    expect(await after.search('live', asked)).toEqual(hits);
    expect(await after.count('live', { modality: 'video', filter: { anyTag: ['new'] } })).toBeGreaterThan(0);
    await after.close();
  });

  it('refuses a second owner while one has it open', async () => {
    const first = new EmbeddedIndex(folder);
    await first.ensureCollection('mini-1', MODEL);
    await first.upsert('mini-1', [point(1)]);
    const second = new EmbeddedIndex(folder);
    await expect(second.count('mini-1')).rejects.toMatchObject({ code: 'data_folder_in_use' });
    await first.close();
    expect(await second.count('mini-1')).toBe(1);
    await second.close();
  });

  it('removes the files of dropped collections, also those that a crash left', async () => {
    mkdirSync(join(folder, 'points-77', 'audio'), { recursive: true });
    const index = new EmbeddedIndex(folder);
    await index.ensureCollection('mini-1', MODEL);
    await index.upsert('mini-1', [point(1)]);
    await index.dropCollection('mini-1');
    await index.close();
    expect(readdirSync(folder)).toEqual(['collections.json']);
  });

  it('opens a collection whose creation a crash cut short', async () => {
    const index = new EmbeddedIndex(folder);
    await index.ensureCollection('mini-1', MODEL);
    mkdirSync(join(folder, 'points-1', 'audio', '1.new', 'half'), { recursive: true });
    await index.upsert('mini-1', [point(1)]);
    expect(await index.count('mini-1')).toBe(1);
    await index.close();
  });

  it('says what to do when its list of collections is damaged', () => {
    writeFileSync(join(folder, 'collections.json'), '{"nextSer');
    expect(() => new EmbeddedIndex(folder)).toThrow(/reconcile --fix/);
  });

  it('searches, writes and deletes while it optimizes', async () => {
    const index = new EmbeddedIndex(folder);
    await index.ensureCollection('mini-1', MODEL);
    await index.upsert('mini-1', randomPoints(600, 3));
    const optimized = index.optimize('mini-1');
    await index.upsert('mini-1', [point(1000, { vectors: { audio: axis(0) } })]);
    await index.deletePoints('mini-1', [pointId(0)]);
    expect(await index.search('mini-1', request({ topK: 1 }))).toMatchObject([
      { id: pointId(1000), score: 1 },
    ]);
    await optimized;
    expect(await index.count('mini-1')).toBe(600);
    expect(await index.search('mini-1', request({ topK: 1 }))).toMatchObject([
      { id: pointId(1000), score: 1 },
    ]);
    await index.close();
  });
});

describe('the embedded index beyond the size that is scanned', () => {
  const DIMENSION = 16;
  const model = { ...MODEL, dimension: DIMENSION };
  const filters: [string, PointFilter | undefined][] = [
    ['without a filter', undefined],
    ['with a filter of 2 %', { anyTag: ['rare'] }],
    ['with a filter of 10 %', { anyTag: ['tenth'] }],
  ];

  it('finds at least 99 of 100 of the true top ten through its graph', async () => {
    const folder = temporaryFolder();
    const index = new EmbeddedIndex(folder);
    const oracle = new ExactIndex();
    const points = randomPoints(12_500, 4, DIMENSION).map((one) => ({
      ...one,
      vectors: { audio: one.vectors.audio ?? one.vectors.video },
    }));
    for (const each of [index, oracle]) {
      await each.ensureCollection('mini-1', model);
      await each.upsert('mini-1', points);
    }
    await index.optimize('mini-1');
    for (const [name, filter] of filters) {
      const random = new SeededRandom(5);
      let found = 0;
      for (let n = 0; n < 20; n++) {
        const asked = request({ model, filter, vector: unitVector(random, DIMENSION) });
        const truth = new Set((await oracle.search('mini-1', asked)).map((hit) => hit.id));
        for (const hit of await index.search('mini-1', asked)) found += truth.has(hit.id) ? 1 : 0;
      }
      expect(found, name).toBeGreaterThanOrEqual(198);
    }
    await index.close();
    rmSync(folder, { recursive: true, force: true });
  });
});

/** Starts a process that upserts batches for ever and prints the number of each batch once it is acknowledged. */
function startWriter(folder: string): ChildProcess {
  return spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('./endless-writer.ts', import.meta.url)), folder],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
}

describe('the embedded index after a crash', () => {
  it('has every acknowledged point of a process that was killed while writing', async () => {
    const folder = temporaryFolder();
    for (const killAfter of [3, 9]) {
      const writer = startWriter(folder);
      const exited = new Promise((resolve) => writer.once('exit', resolve));
      const acknowledged: { from: number; to: number }[] = [];
      for await (const line of createInterface({ input: writer.stdout as NodeJS.ReadableStream })) {
        acknowledged.push(JSON.parse(line));
        if (acknowledged.length === killAfter) writer.kill('SIGKILL');
      }
      await exited;
      expect(acknowledged.length).toBeGreaterThanOrEqual(killAfter);

      const index = new EmbeddedIndex(folder);
      const present = new Set(await index.listPointIds('mini-1', { limit: 1_000_000 }));
      for (const { from, to } of acknowledged) {
        for (let n = from; n < to; n++) expect(present.has(pointId(n)), `point ${n}`).toBe(true);
      }
      const last = acknowledged.at(-1)?.to ?? 0;
      for (const modality of ['audio', 'video'] as const) {
        expect(await index.count('mini-1', { modality })).toBeGreaterThanOrEqual(last);
      }
      await index.upsert('mini-1', [point(5_000_000, { vectors: { audio: axis(0) } })]);
      expect(
        await index.search('mini-1', request({ filter: { clipIds: [clipId(5_000_000)] } })),
      ).toMatchObject([{ score: 1 }]);
      await index.close();
    }
    expect(readFileSync(join(folder, 'collections.json'), 'utf8')).toContain('mini-1');
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);
});
