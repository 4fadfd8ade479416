import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, migrateDatabase, openDatabase } from '#store/database';
import { ClipRepository } from '#store/repositories/clips';
import { describeOverDatabases } from '../support/databases.ts';
import { newClip } from './samples.ts';

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
