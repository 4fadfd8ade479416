/** Runs one suite over both databases. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { type Database, migrateDatabase, openDatabase } from '#store/database';
import { plantDatabase } from './embedded-database.ts';
import { findPostgres, startPostgres, type TestPostgres } from './postgres.ts';

export interface DatabaseFixture {
  kind: 'pglite' | 'postgres';
  /** The suite's own database, migrated. */
  database(): Database;
  /** Another handle on it, as a second process would have; in PGlite, where there is none, the same. */
  secondHandle(): Promise<Database>;
  /** A database with nothing in it. */
  empty(): Promise<Database>;
  /** URL of a PostgreSQL database with nothing in it. */
  emptyUrl(): Promise<string>;
}

const START_MS = 240_000;

/** Where PostgreSQL is not installed its half is skipped, and the title says so. */
export function describeOverDatabases(title: string, suite: (fixture: DatabaseFixture) => void): void {
  describe(`${title} (PGlite)`, () => {
    let folder: string;
    let shared: Database;
    const opened: Database[] = [];
    const open = async (dataDir?: string) =>
      opened[opened.push(await openDatabase({ dataDir })) - 1] as Database;
    beforeAll(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'earshot-database-'));
      const planted = path.join(folder, 'database');
      await plantDatabase(planted);
      shared = await open(planted);
    }, START_MS);
    afterAll(async () => {
      await closeAll(opened);
      await rm(folder, { recursive: true, force: true });
    }, START_MS);
    const emptyUrl = async () => {
      throw new Error('PGlite has no URL');
    };
    suite({
      kind: 'pglite',
      database: () => shared,
      secondHandle: async () => shared,
      empty: () => open(),
      emptyUrl,
    });
  });
  const bin = findPostgres();
  const suffix = bin ? '' : ': skipped, initdb and pg_ctl not found';
  describe.skipIf(!bin)(`${title} (PostgreSQL${suffix})`, () => {
    let server: TestPostgres | undefined;
    let shared: Database;
    let url: string;
    const opened: Database[] = [];
    const open = async (at: string) => opened[opened.push(await openDatabase({ url: at })) - 1] as Database;
    beforeAll(async () => {
      server = await startPostgres(bin as string);
      url = await server.createDatabase();
      shared = await open(url);
      await migrateDatabase(shared);
    }, START_MS);
    afterAll(async () => {
      await closeAll(opened);
      await server?.stop();
    }, START_MS);
    suite({
      kind: 'postgres',
      database: () => shared,
      secondHandle: () => open(url),
      empty: async () => open(await (server as TestPostgres).createDatabase()),
      emptyUrl: () => (server as TestPostgres).createDatabase(),
    });
  });
}

async function closeAll(databases: Database[]): Promise<void> {
  await Promise.all(databases.map((database) => database.close()));
}
