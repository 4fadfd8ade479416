import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Database } from '#store/database';
import { pointId } from '#store/point-id';
import { ClipRepository } from '#store/repositories/clips';
import { EmbeddingRepository, type SegmentVectors } from '#store/repositories/embeddings';
import { JobRepository } from '#store/repositories/jobs';
import { ModelRepository } from '#store/repositories/models';
import { OutboxRepository, takeOutboxBatch } from '#store/repositories/outbox';
import { describeOverDatabases } from '../support/databases.ts';
import { MODEL, newClip } from './samples.ts';

describeOverDatabases('repositories', (fixture) => {
  describe('clips', () => {
    it('answers every field as it was given', async () => {
      const clips = new ClipRepository(fixture.database());
      const given = newClip({
        tags: ['a "b"', 'ü'],
        labels: ['dog'],
        metadata: { nested: { list: [1, null] } },
        sourcePath: '/clips/dog.mp4',
        durationSec: 12.3456789,
        hasAudio: true,
      });
      const { clip } = await clips.insert(given);
      expect(clip).toMatchObject({ ...given, status: 'pending', error: null, segmentCount: 0, width: null });
      expect(await clips.get(clip.id)).toEqual(clip);
    });

    it('answers the clip that is there for the same bytes in the same collection', async () => {
      const clips = new ClipRepository(fixture.database());
      const first = await clips.insert(newClip({ sha256: 'same' }));
      const second = await clips.insert(newClip({ sha256: 'same', title: 'again' }));
      const elsewhere = await clips.insert(newClip({ sha256: 'same', collection: 'other' }));
      expect(second).toEqual({ clip: first.clip, created: false });
      expect(elsewhere.created).toBe(true);
    });

    it('creates one of many that race for the same bytes', async () => {
      const handles = [fixture.database(), await fixture.secondHandle()];
      const race = Array.from({ length: 12 }, (_, i) =>
        new ClipRepository(handles[i % 2] as Database).insert(newClip({ sha256: 'raced' })),
      );
      const answers = await Promise.all(race);
      expect(answers.filter((answer) => answer.created)).toHaveLength(1);
      expect(new Set(answers.map((answer) => answer.clip.id)).size).toBe(1);
    });

    it('pages without gaps or repeats, clips of one moment and clips that come meanwhile included', async () => {
      const database = fixture.database();
      const clips = new ClipRepository(database);
      const collection = randomUUID();
      const insert = () => database.transaction((tx) => insertMany(new ClipRepository(tx), collection, 3));
      const ids = [...(await insert()), ...(await insert()), ...(await insert())];
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await clips.list({ collection, limit: 2, cursor: cursor ?? undefined });
        seen.push(...page.items.map((clip) => clip.id));
        cursor = page.nextCursor;
        if (seen.length === 2) await insert();
      } while (cursor);
      expect(seen).toHaveLength(9);
      expect(new Set(seen)).toEqual(new Set(ids));
    });

    it('refuses a cursor that no page has answered', async () => {
      const listing = new ClipRepository(fixture.database()).list({ limit: 1, cursor: 'x' });
      await expect(listing).rejects.toMatchObject({ code: 'invalid_argument', subject: 'cursor' });
    });

    it('filters by collection, tag and status, in lists and counts alike', async () => {
      const clips = new ClipRepository(fixture.database());
      const collection = randomUUID();
      const { clip } = await clips.insert(newClip({ collection, tags: ['dog', 'park'] }));
      await clips.insert(newClip({ collection, tags: ['cat'] }));
      await clips.setStatus(clip.id, 'indexed');
      for (const filter of [
        { tag: 'park' },
        { status: 'indexed' as const },
        { tag: 'dog', status: 'indexed' as const },
      ]) {
        const page = await clips.list({ collection, limit: 10, ...filter });
        expect(page.items.map((found) => found.id)).toEqual([clip.id]);
        expect(await clips.count({ collection, ...filter })).toBe(1);
      }
      expect(await clips.count({ collection, tag: 'bird' })).toBe(0);
    });

    it('lists the collections that have clips, by name, with their counts', async () => {
      const clips = new ClipRepository(fixture.database());
      const prefix = randomUUID();
      const insert = (name: string) => clips.insert(newClip({ collection: `${prefix} ${name}` }));
      const { clip } = await insert('b');
      for (const name of ['c', 'a', 'c']) await insert(name);
      const ours = async () => (await clips.collections()).filter(({ name }) => name.startsWith(prefix));
      expect(await ours()).toEqual([
        { name: `${prefix} a`, clips: 1 },
        { name: `${prefix} b`, clips: 1 },
        { name: `${prefix} c`, clips: 2 },
      ]);
      await clips.delete(clip.id);
      expect((await ours()).map(({ name }) => name)).toEqual([`${prefix} a`, `${prefix} c`]);
    });

    it('refuses a move to a collection that has the same bytes', async () => {
      const clips = new ClipRepository(fixture.database());
      const { clip } = await clips.insert(newClip({ sha256: 'moved', collection: 'from' }));
      await clips.insert(newClip({ sha256: 'moved', collection: 'to' }));
      await expect(clips.update(clip.id, { collection: 'to' })).rejects.toMatchObject({ code: 'conflict' });
      expect(await clips.update(clip.id, { collection: 'free', tags: [] })).toMatchObject({
        collection: 'free',
        tags: [],
      });
    });

    it('knows no clip of an id that is none', async () => {
      const clips = new ClipRepository(fixture.database());
      expect(await clips.get('../etc')).toBeNull();
      expect(await clips.delete(randomUUID())).toBe(false);
      expect(await clips.setStatus('x', 'failed')).toBeNull();
    });

    it('keeps the reason of a failure until the status changes', async () => {
      const clips = new ClipRepository(fixture.database());
      const { clip } = await clips.insert(newClip());
      const error = { code: 'decode_failed', message: 'It broke.' };
      expect(await clips.setStatus(clip.id, 'failed', error)).toMatchObject({ status: 'failed', error });
      expect(await clips.setStatus(clip.id, 'processing')).toMatchObject({
        status: 'processing',
        error: null,
      });
    });
  });

  describe('embeddings', () => {
    it('answers points with the very numbers that were stored', async () => {
      const { clip, embeddings } = await indexedClip(fixture.database());
      const vector = Float32Array.of(0.1, -1e-30, Math.fround(1 / 3));
      const { pointIds } = await embeddings.replaceForClip(clip.id, MODEL, [
        segment(0, { audio: vector }),
        segment(1, { audio: vector, video: Float32Array.of(1, 0, 0) }),
      ]);
      const points = await embeddings.forClip(clip.id, MODEL);
      expect(points.map((point) => point.id)).toEqual(pointIds);
      expect(points[0]).toEqual({
        id: pointId(clip.id, 0, MODEL),
        vectors: { audio: vector },
        payload: {
          clipId: clip.id,
          segmentIndex: 0,
          startSec: 0,
          endSec: 5,
          collection: 'default',
          tags: ['t'],
        },
      });
      expect((await embeddings.forPoints(pointIds)).map((point) => point.id)).toEqual([...pointIds].sort());
    });

    it('replaces one model’s embeddings and leaves the others', async () => {
      const { clip, embeddings } = await indexedClip(fixture.database());
      const other = { ...MODEL, version: '2' };
      const row = (index: number) => segment(index, { audio: Float32Array.of(1, 0, 0) });
      const first = await embeddings.replaceForClip(clip.id, MODEL, [row(0), row(1)]);
      await embeddings.replaceForClip(clip.id, other, [{ ...row(0), startSec: 1, endSec: 11 }]);
      const moved = { ...row(0), endSec: 4 };
      const second = await embeddings.replaceForClip(clip.id, MODEL, [moved]);
      expect(second).toEqual({ pointIds: [first.pointIds[0]], removedPointIds: [first.pointIds[1]] });
      const times = async (model = MODEL) =>
        (await embeddings.forClip(clip.id, model)).map(({ payload }) => [payload.startSec, payload.endSec]);
      expect(await times()).toEqual([[0, 4]]);
      expect(await times(other)).toEqual([[1, 11]]);
    });

    it('refuses vectors of another dimension', async () => {
      const { clip, embeddings } = await indexedClip(fixture.database());
      const rows = [segment(0, { audio: Float32Array.of(1, 0) })];
      await expect(embeddings.replaceForClip(clip.id, MODEL, rows)).rejects.toMatchObject({
        code: 'vector_dimension_mismatch',
      });
    });

    it('walks all points of a model once, in order, in batches', async () => {
      const model = { id: randomUUID(), version: '1', dimension: 3 };
      const database = fixture.database();
      const expected: string[] = [];
      for (let i = 0; i < 3; i++) {
        const { clip, embeddings } = await indexedClip(database);
        const rows = [0, 1].map((index) => segment(index, { video: Float32Array.of(0, 1, 0) }));
        expected.push(...(await embeddings.replaceForClip(clip.id, model, rows)).pointIds);
      }
      const embeddings = new EmbeddingRepository(database);
      const batches: string[][] = [];
      for await (const batch of embeddings.iterate(model, 4)) batches.push(batch.map((point) => point.id));
      expect(batches.map((batch) => batch.length)).toEqual([4, 2]);
      expect(batches.flat()).toEqual([...expected].sort());
      expect(await embeddings.pointIdsAfter(model, batches[0]?.[1], 2)).toEqual(batches[0]?.slice(2));
    });

    it('finds indexed clips that a model has not seen, and forgets the vectors of a deleted clip', async () => {
      const database = fixture.database();
      const { clip, clips, embeddings } = await indexedClip(database);
      expect(await clips.idsMissingEmbeddings(MODEL)).toContain(clip.id);
      await embeddings.replaceForClip(clip.id, MODEL, [segment(0, { audio: Float32Array.of(1, 0, 0) })]);
      expect(await clips.idsMissingEmbeddings(MODEL)).not.toContain(clip.id);
      expect(await clips.idsMissingEmbeddings({ id: MODEL.id, version: '9' }, { limit: 1 })).toHaveLength(1);
      expect(await clips.delete(clip.id)).toBe(true);
      expect(await embeddings.pointIdsOfClip(clip.id)).toEqual([]);
    });
  });

  describe('outbox', () => {
    const row = (clipId: string) => ({
      indexCollection: 'c',
      operation: 'upsert' as const,
      clipId,
      pointIds: [clipId],
    });

    it('exists only with the data it reflects', async () => {
      const database = fixture.database();
      const outbox = new OutboxRepository(database);
      const before = await outbox.pendingCount();
      const failing = database.transaction(async (tx) => {
        await new OutboxRepository(tx).append([row(randomUUID())]);
        throw new Error('stop');
      });
      await expect(failing).rejects.toThrow('stop');
      expect(await outbox.pendingCount()).toBe(before);
    });

    it('never gives one row to two takers', async () => {
      const handles = [fixture.database(), await fixture.secondHandle()];
      const outbox = new OutboxRepository(fixture.database());
      const clipIds = Array.from({ length: 60 }, () => randomUUID());
      await outbox.append(clipIds.map(row));
      const taken: string[] = [];
      const drain = async (database: Database) => {
        for (;;) {
          const batch = await takeOutboxBatch(database, 7);
          if (batch.length === 0) return;
          taken.push(...batch.map((item) => item.clipId));
          await new OutboxRepository(database).complete(batch.map((item) => item.id));
        }
      };
      await Promise.all([...handles, ...handles].map(drain));
      expect(taken.sort()).toEqual(clipIds.sort());
      expect(await outbox.pendingCount()).toBe(0);
    });

    it('gives rows in order and never lets one overtake an earlier one of its clip', async () => {
      const database = fixture.database();
      const outbox = new OutboxRepository(database);
      const [busy, free] = [randomUUID(), randomUUID()];
      await outbox.append([row(busy), row(busy), row(free)]);
      const first = await takeOutboxBatch(database, 1);
      const second = await takeOutboxBatch(database, 10);
      expect([first, second].map((batch) => batch.map((item) => item.clipId))).toEqual([[busy], [free]]);
      await outbox.complete(first.map((item) => item.id));
      const third = await takeOutboxBatch(database, 10);
      expect(third.map((item) => item.clipId)).toEqual([busy]);
      await outbox.complete([...second, ...third].map((item) => item.id));
    });

    it('gives a row again when its lease has ended, and counts the attempts', async () => {
      const database = fixture.database();
      const outbox = new OutboxRepository(database);
      await outbox.append([row(randomUUID())]);
      const [lost] = await takeOutboxBatch(database, 1, { leaseSec: 0 });
      const [again] = await takeOutboxBatch(database, 1);
      expect(again).toMatchObject({ id: lost?.id, attempts: 2 });
      expect(await takeOutboxBatch(database, 1)).toEqual([]);
      await outbox.fail(again?.id as number);
      expect(await takeOutboxBatch(database, 1)).toEqual([]);
      await outbox.releaseLeases();
      expect(await takeOutboxBatch(database, 1)).toHaveLength(1);
      await outbox.deleteCollection('c');
      expect(await outbox.pendingCount()).toBe(0);
    });
  });

  describe('jobs', () => {
    it('follows a job through failure and retry to its end', async () => {
      const jobs = new JobRepository(fixture.database());
      const { id } = await jobs.create({ kind: 'ingest', clipId: null });
      expect(await jobs.start(id)).toMatchObject({ status: 'running', attempts: 1 });
      expect(await jobs.setProgress(id, 'embed', 7)).toMatchObject({ stage: 'embed', progress: 1 });
      const error = { code: 'decode_failed', message: 'It broke.' };
      expect(await jobs.fail(id, error)).toMatchObject({
        status: 'failed',
        error,
        finishedAt: expect.any(Date),
      });
      expect(await jobs.requeue(id)).toMatchObject({
        status: 'queued',
        progress: 0,
        error: null,
        finishedAt: null,
      });
      expect(await jobs.start(id)).toMatchObject({ attempts: 2 });
      expect(await jobs.waitForRetry(id, error)).toMatchObject({ status: 'queued', error });
      expect(await jobs.start(id)).toMatchObject({ attempts: 3, error: null });
      expect(await jobs.finish(id)).toMatchObject({ status: 'done', progress: 1 });
      expect(await jobs.requeue(id)).toBeNull();
    });

    it('counts jobs by status', async () => {
      const database = fixture.database();
      const jobs = new JobRepository(database);
      const before = await jobs.countByStatus();
      for (const end of ['done', 'cancelled', 'cancelled']) {
        const { id } = await jobs.create({ kind: 'ingest', clipId: null });
        await jobs.start(id);
        await (end === 'done' ? jobs.finish(id) : jobs.cancel(id));
      }
      expect(await jobs.countByStatus()).toEqual({
        ...before,
        done: (before.done ?? 0) + 1,
        cancelled: (before.cancelled ?? 0) + 2,
      });
    });

    it('tells the worker of a cancelled job to stop', async () => {
      const jobs = new JobRepository(fixture.database());
      const { id } = await jobs.create({ kind: 'ingest', clipId: null });
      await jobs.start(id);
      expect(await jobs.cancel(id)).toMatchObject({ status: 'cancelled' });
      expect(await jobs.setProgress(id, 'embed', 0.5)).toBeNull();
      expect(await jobs.finish(id)).toBeNull();
      expect(await jobs.start(id)).toBeNull();
    });

    it('lists newest first by status and finds the latest of a clip', async () => {
      const jobs = new JobRepository(fixture.database());
      const { clip } = await new ClipRepository(fixture.database()).insert(newClip());
      const ids: string[] = [];
      for (let i = 0; i < 3; i++) ids.unshift((await jobs.create({ kind: 'ingest', clipId: clip.id })).id);
      const first = await jobs.list({ status: 'queued', limit: 2 });
      const second = await jobs.list({ status: 'queued', limit: 2, cursor: first.nextCursor ?? undefined });
      const listed = [...first.items, ...second.items].map((job) => job.id);
      expect(new Set(listed)).toEqual(new Set(ids));
      expect(second.nextCursor).toBeNull();
      expect((await jobs.latestForClip(clip.id))?.id).toBe(ids[0]);
    });
  });

  describe('models', () => {
    it('has one live collection at a time', async () => {
      const database = fixture.database();
      const repository = new ModelRepository(database);
      expect(await repository.live()).toBeNull();
      await repository.add('a', MODEL);
      await repository.add('b', { ...MODEL, version: '2' });
      await database.transaction((tx) => new ModelRepository(tx).makeLive('a'));
      await database.transaction((tx) => new ModelRepository(tx).makeLive('b'));
      expect(await repository.list()).toEqual([
        { collection: 'a', model: MODEL, state: 'retired' },
        { collection: 'b', model: { ...MODEL, version: '2' }, state: 'live' },
      ]);
      expect(await repository.add('b', MODEL)).toMatchObject({ state: 'live', model: { version: '2' } });
      expect(await repository.add('a', MODEL)).toMatchObject({ state: 'building' });
    });

    it('has clips count the segments of the live one, and leaves those alone that it found the same in', async () => {
      const database = fixture.database();
      const audio = Float32Array.of(1, 0, 0);
      const coarse = { ...MODEL, id: randomUUID() };
      const fine = { ...MODEL, id: randomUUID() };
      for (const model of [coarse, fine]) await new ModelRepository(database).add(model.id, model);
      const other = await indexedClip(database);
      const { clip, clips, embeddings } = await indexedClip(database);
      const loud = (index: number) => segment(index, { audio });
      await embeddings.replaceForClip(clip.id, coarse, [loud(0)]);
      await embeddings.replaceForClip(clip.id, fine, [loud(0), loud(1), segment(4, { audio, video: audio })]);
      const live = async ({ id }: { id: string }) => {
        await database.transaction((tx) => new ModelRepository(tx).makeLive(id));
        return clips.get(clip.id);
      };
      expect(await live(coarse)).toMatchObject({ segmentCount: 1, hasAudio: true, hasVideo: false });
      const before = await live(fine);
      expect(before).toMatchObject({ segmentCount: 3, hasAudio: true, hasVideo: true });
      expect(await live(fine)).toEqual(before);
      expect(await clips.get(other.clip.id)).toEqual(other.clip);
    });
  });
});

async function insertMany(clips: ClipRepository, collection: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push((await clips.insert(newClip({ collection }))).clip.id);
  return ids;
}

/** 5 s every 2.5 s. */
function segment(segmentIndex: number, vectors: SegmentVectors['vectors']): SegmentVectors {
  return { segmentIndex, startSec: 2.5 * segmentIndex, endSec: 2.5 * segmentIndex + 5, vectors };
}

/** An indexed clip of two segments, not yet embedded with any model. */
async function indexedClip(database: Database) {
  const clips = new ClipRepository(database);
  const { clip } = await clips.insert(newClip({ tags: ['t'], status: 'indexed', segmentCount: 2 }));
  return { clip, clips, embeddings: new EmbeddingRepository(database) };
}
