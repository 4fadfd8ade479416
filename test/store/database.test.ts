import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, migrateDatabase, openDatabase } from '#store/database';
import { pointId } from '#store/point-id';
import { ClipRepository } from '#store/repositories/clips';
import { EmbeddingRepository } from '#store/repositories/embeddings';
import { describeOverDatabases } from '../support/databases.ts';
import { MODEL, newClip } from './samples.ts';

describeOverDatabases('database', (fixture) => {
  it('migrates an empty database, and a second time changes nothing', async () => {
    const database = await fixture.empty();
    await migrateDatabase(database);
    const { clip } = await new ClipRepository(database).insert(newClip());
    await migrateDatabase(database);
    expect(await new ClipRepository(database).get(clip.id)).toEqual(clip);
  });

  it.runIf(fixture.kind === 'postgres')('lets several processes migrate at once', async () => {
    const url = await fixture.emptyUrl();
    const handles = await Promise.all([1, 2, 3].map(() => openDatabase({ url })));
    onTestFinished(async () => void (await Promise.all(handles.map((handle) => handle.close()))));
    await Promise.all(handles.map(migrateDatabase));
    expect(await new ClipRepository(handles[0] as Database).count()).toBe(0);
  });

  it('names the cause of a failed migration and changes nothing', async () => {
    const database = await fixture.empty();
    await database.executeSql('create table jobs (id int)');
    await expect(migrateDatabase(database)).rejects.toMatchObject({
      code: 'migration_failed',
      message: expect.stringContaining('"jobs" already exists'),
    });
    const { rows } = await database.executeSql(`select to_regclass('clips') as clips`);
    expect(rows).toEqual([{ clips: null }]);
  });

  it('gives each model of an older catalog the segments that all of them had', async () => {
    const database = await fixture.empty();
    await migrateTo(database, '0001_labels');
    const [clipId, labelId] = [randomUUID(), randomUUID()];
    const { title, fileName, sha256, sizeBytes, mimeType, storageKey, collection } = newClip();
    await database.executeSql(
      `insert into clips (id, title, file_name, sha256, size_bytes, mime_type, storage_key, collection, segment_count)
       values ($1, $2, $3, $4, $5, $6, $7, $8, 3)`,
      [clipId, title, fileName, sha256, sizeBytes, mimeType, storageKey, collection],
    );
    await database.executeSql(
      `insert into segments values ($1, 0, 0, 5), ($1, 1, 2.5, 7.5), ($1, 2, 5, 9.25)`,
      [clipId],
    );
    const kept = { ...MODEL, version: '0' };
    for (const [model, indices] of [
      [MODEL, [0, 2]],
      [kept, [0, 3]],
    ] as const) {
      await database.executeSql('insert into models values ($1, $2, $3, 3, $4)', [
        `c${model.version}`,
        model.id,
        model.version,
        model === MODEL ? 'live' : 'retired',
      ]);
      for (const index of indices)
        await database.executeSql('insert into embeddings values ($1, $2, $3, $4, $5, 3, $6, null)', [
          pointId(clipId, index, model),
          clipId,
          index,
          model.id,
          model.version,
          new Uint8Array(12),
        ]);
    }
    await database.executeSql('insert into labels values ($1, $2)', [labelId, 'dog']);
    await database.executeSql('insert into label_examples values ($1, $2)', [labelId, clipId]);
    await database.executeSql(`insert into prototypes values ($1, 'mini', '0', 3, $2, null, 1, 0)`, [
      labelId,
      new Uint8Array(12),
    ]);

    await migrateDatabase(database);
    const embeddings = new EmbeddingRepository(database);
    const times = async (model: typeof MODEL) =>
      (await embeddings.forClip(clipId, model)).map(({ payload: { segmentIndex, startSec, endSec } }) => [
        segmentIndex,
        startSec,
        endSec,
      ]);
    expect(await times(MODEL)).toEqual([
      [0, 0, 5],
      [2, 5, 9.25],
    ]);
    // Its last segment was taken away with the segments of the model that came after it.
    expect(await times(kept)).toEqual([[0, 0, 5]]);
    expect(await embeddings.pointIdsAfter(kept, undefined, 10)).toEqual([pointId(clipId, 0, kept)]);
    expect((await database.executeSql('select * from prototypes')).rows).toEqual([]);
    expect(await new ClipRepository(database).get(clipId)).toMatchObject({ title, segmentCount: 2 });
  });

  it('rolls back everything when the work throws, raw SQL included', async () => {
    const database = fixture.database();
    const count = () => new ClipRepository(database).count();
    const before = await count();
    const failing = database.transaction(async (session) => {
      await new ClipRepository(session).insert(newClip());
      await session.executeSql('update clips set title = $1', ['changed']);
      throw new Error('stop');
    });
    await expect(failing).rejects.toThrow('stop');
    expect(await count()).toBe(before);
  });

  it('passes JSON, arrays, times, nothing and bytes through raw SQL', async () => {
    const { rows } = await fixture.database().executeSql(
      `select $1::jsonb as json, $2::text[] as list, $3::timestamptz = $4::timestamptz as same,
              $5::text as nothing, length($6::bytea) as bytes`,
      [{ a: ['x'] }, ['a "b"', 'c\\d', 'e,f'], new Date(0), '1970-01-01T00:00:00Z', null, new Uint8Array(7)],
    );
    expect(rows).toEqual([
      { json: { a: ['x'] }, list: ['a "b"', 'c\\d', 'e,f'], same: true, nothing: null, bytes: 7 },
    ]);
  });

  it('recovers from a script that fails halfway', async () => {
    const database = fixture.database();
    const script = 'BEGIN; create table half (id int); select 1/0; COMMIT;';
    await expect(database.executeSql(script)).rejects.toThrow('division by zero');
    const { rows } = await database.executeSql(`select 1 as one, to_regclass('half') as half`);
    expect(rows).toEqual([{ one: 1, half: null }]);
  });
});

describe('opening a database', () => {
  it('keeps the embedded database in its folder', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'earshot-db-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const dataDir = path.join(folder, 'not', 'yet', 'there');
    const first = await openDatabase({ dataDir });
    await migrateDatabase(first);
    const { clip } = await new ClipRepository(first).insert(newClip());
    await first.close();
    const second = await openDatabase({ dataDir });
    expect(await new ClipRepository(second).get(clip.id)).toEqual(clip);
    await second.close();
  }, 120_000);

  it('says that PostgreSQL does not answer', async () => {
    await expect(openDatabase({ url: 'postgres://nobody@127.0.0.1:1/none' })).rejects.toMatchObject({
      code: 'database_unavailable',
      retryable: true,
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('refuses a URL that is none', async () => {
    await expect(openDatabase({ url: 'not a url' })).rejects.toMatchObject({ code: 'configuration_invalid' });
  });
});

/** As a version of the product left the database whose newest migration was `tag`. */
async function migrateTo(database: Database, tag: string): Promise<void> {
  const read = (file: string) => readFile(new URL(`../../migrations/${file}`, import.meta.url), 'utf8');
  const { entries } = JSON.parse(await read('meta/_journal.json')) as {
    entries: { tag: string; when: number }[];
  };
  const until = entries.findIndex((entry) => entry.tag === tag);
  await database.executeSql(
    'create schema drizzle; create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)',
  );
  for (const { tag, when } of entries.slice(0, until + 1)) {
    for (const statement of (await read(`${tag}.sql`)).split('--> statement-breakpoint'))
      await database.executeSql(statement);
    await database.executeSql('insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)', [
      tag,
      when,
    ]);
  }
}
