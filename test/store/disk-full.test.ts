import { describe, expect, it } from 'vitest';
import { EarshotError } from '#core/errors';
import { openDatabase } from '#store/database';
import { namingFullDisk } from '#store/disk-full';

const failure = (fields: object) => Object.assign(new Error('driver says no'), fields);

describe('a full disk', () => {
  it.each([
    ['a statement of PostgreSQL', failure({ code: '53100' })],
    ['a file of Node', failure({ code: 'ENOSPC' })],
    ['a quota', failure({ code: 'EDQUOT' })],
    ['a file of the embedded database', { name: 'ErrnoError', errno: 51 }],
  ])('is named when it comes from %s, however deep', (_what, deep) => {
    for (const error of [deep, new Error('Failed query', { cause: new Error('x', { cause: deep }) })]) {
      expect(namingFullDisk(error)).toMatchObject({ code: 'disk_full', retryable: true, cause: error });
    }
  });

  it.each([
    ['another SQLSTATE', failure({ code: '23505' })],
    ['a number of another kind', failure({ errno: 51 })],
    ['an error of our own', new EarshotError('conflict', 'No.', { cause: failure({ code: '53100' }) })],
    ['nothing', undefined],
  ])('is not seen in %s', (_what, error) => {
    expect(namingFullDisk(error)).toBe(error);
  });

  it('is named by every way into the database', async () => {
    const database = await openDatabase();
    try {
      const raise = `do $$ begin raise exception 'could not extend file' using errcode = '53100'; end $$`;
      const full = { code: 'disk_full' };
      await expect(database.executeSql(raise)).rejects.toMatchObject(full);
      await expect(database.transaction((session) => session.executeSql(raise))).rejects.toMatchObject(full);
      expect((await database.executeSql('select 1 as one')).rows).toEqual([{ one: 1 }]);
    } finally {
      await database.close();
    }
  }, 120_000);
});
