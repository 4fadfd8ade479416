/**
 * The SQL database: PostgreSQL through postgres.js when a URL is given, else PGlite in the data folder. Both speak
 * one dialect, so repositories and queues never ask which one they have.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import { drizzle as drizzlePglite, type PgliteDatabase } from 'drizzle-orm/pglite';
import { migrate as migratePglite } from 'drizzle-orm/pglite/migrator';
import { drizzle as drizzlePostgres, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import { migrate as migratePostgres } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { EarshotError } from '#core/errors';
import { namingFullDisk, withFullDiskNamed } from './disk-full.ts';
import * as schema from './schema.ts';

type Schema = typeof schema;
type Drizzle = PgDatabase<PgQueryResultHKT, Schema>;

/** Rows keyed by column name. Times come as text, JSON parsed. */
interface SqlRows {
  rows: Record<string, unknown>[];
}

/** A place where statements can be run: the database itself, or a transaction of it. */
export interface Session {
  readonly db: Drizzle;
  readonly kind: 'pglite' | 'postgres';
  /** Runs `text` with `$1`-style values; without values it may hold several statements. */
  executeSql(text: string, values?: readonly unknown[]): Promise<SqlRows>;
}

export interface Database extends Session {
  /**
   * All or nothing: what `work` throws rolls back. Inside, use the given session only: the embedded database has
   * one connection, so a statement beside the transaction would wait for it for ever.
   */
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** @throws EarshotError `database_unavailable` */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** `postgres://...`; unset = embedded. */
  url?: string;
  /** Folder of the embedded database; unset = in memory. The caller holds the data folder's lock. */
  dataDir?: string;
  /** Connections to PostgreSQL, 2 at least, default 10. */
  maxConnections?: number;
}

const MIGRATIONS_FOLDER = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'migrations');

const migrators = new WeakMap<Database, () => Promise<void>>();

/**
 * Opens the database and checks that it answers.
 * @throws EarshotError `configuration_invalid` for a bad URL, `database_unavailable` when it can't be reached,
 *         `disk_full`
 */
export async function openDatabase(options: DatabaseOptions = {}): Promise<Database> {
  const database = options.url
    ? openPostgres(options.url, options.maxConnections ?? 10)
    : await openPglite(options.dataDir);
  try {
    await database.ping();
  } catch (error) {
    await database.close().catch(() => undefined);
    throw error;
  }
  return database;
}

/**
 * Brings the schema up to date; does nothing when it is.
 * @throws EarshotError `migration_failed`, `disk_full`
 */
export async function migrateDatabase(database: Database): Promise<void> {
  const migrate = migrators.get(database);
  if (!migrate) throw new EarshotError('internal', 'This database was not opened by openDatabase.');
  try {
    await migrate();
  } catch (error) {
    const known = namingFullDisk(error);
    if (known instanceof EarshotError) throw known;
    const reason = rootCause(error);
    throw new EarshotError(
      'migration_failed',
      `The database schema could not be brought up to date: ${reason}. Nothing was changed; mend the cause and run "earshot migrate" again.`,
      { cause: error },
    );
  }
}

/** SQLSTATE of a failed statement (`23505` unique violation ...), however deep the driver's error is wrapped. */
export function sqlState(error: unknown): string | undefined {
  for (let e: unknown = error; e instanceof Error; e = e.cause) {
    const code = (e as { code?: unknown }).code;
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  }
  return undefined;
}

function rootCause(error: unknown): string {
  let e: unknown = error;
  while (e instanceof Error && e.cause instanceof Error) e = e.cause;
  return e instanceof Error ? e.message || String((e as NodeJS.ErrnoException).code ?? e.name) : String(e);
}

function unavailable(what: string, error: unknown): EarshotError {
  const known = namingFullDisk(error);
  if (known instanceof EarshotError) return known;
  return new EarshotError('database_unavailable', `${what}: ${rootCause(error)}.`, {
    cause: error,
    retryable: true,
  });
}

/** Runs raw SQL on drizzle's own session, so that inside a transaction it is part of it. */
async function runPrepared(db: Drizzle, text: string, values: readonly unknown[]): Promise<SqlRows> {
  const query = { sql: text, params: values.map(asParameter) };
  const result: unknown = await db._.session.prepareQuery(query, undefined, undefined, false).execute();
  return { rows: Array.isArray(result) ? Array.from(result) : (result as SqlRows).rows };
}

/** The drivers differ in how they write objects, dates and arrays; text means the same to both. */
function asParameter(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) =>
      item === null ? 'NULL' : `"${String(item).replace(/["\\]/g, '\\$&')}"`,
    );
    return `{${items.join(',')}}`;
  }
  return typeof value === 'object' ? JSON.stringify(value) : value;
}

function session(db: Drizzle, kind: Session['kind']): Session {
  return { db, kind, executeSql: (text, values = []) => runPrepared(db, text, values) };
}

async function openPglite(dataDir: string | undefined): Promise<Database> {
  if (dataDir) await mkdir(dataDir, { recursive: true });
  let client: PGlite;
  try {
    client = await PGlite.create(dataDir ? { dataDir } : {});
  } catch (error) {
    throw unavailable(`The embedded database in ${dataDir ?? 'memory'} could not be opened`, error);
  }
  const drizzle: PgliteDatabase<Schema> = drizzlePglite(client, { schema });
  const db = drizzle as Drizzle;
  const database: Database = {
    db,
    kind: 'pglite',
    executeSql: (text, values) =>
      withFullDiskNamed(async () => {
        if (values?.length) return runPrepared(db, text, values);
        const script = transactionBody(text);
        const results =
          script === null ? await client.exec(text) : await client.transaction((tx) => tx.exec(script));
        return { rows: (results.at(-1)?.rows ?? []) as SqlRows['rows'] };
      }),
    transaction: (work) =>
      withFullDiskNamed(() => drizzle.transaction((tx) => work(session(tx as Drizzle, 'pglite')))),
    async ping() {
      await client.query('select 1').catch((error) => {
        throw unavailable('The embedded database does not answer', error);
      });
    },
    async close() {
      if (!client.closed) await client.close();
    },
  };
  migrators.set(database, () => migratePglite(drizzle, { migrationsFolder: MIGRATIONS_FOLDER }));
  return database;
}

function openPostgres(url: string, maxConnections: number): Database {
  let client: postgres.Sql;
  try {
    client = postgres(url, {
      max: Math.max(2, maxConnections),
      connect_timeout: 10,
      onnotice: () => undefined,
    });
  } catch (error) {
    throw new EarshotError('configuration_invalid', 'The database URL is not a valid postgres:// URL.', {
      subject: 'EARSHOT_DATABASE_URL',
      cause: error,
    });
  }
  const drizzle: PostgresJsDatabase<Schema> = drizzlePostgres(client, { schema });
  const db = drizzle as unknown as Drizzle;
  const database: Database = {
    db,
    kind: 'postgres',
    executeSql: (text, values) =>
      withFullDiskNamed(async () => {
        if (values?.length) return runPrepared(db, text, values);
        const script = transactionBody(text);
        const results =
          script === null ? await client.unsafe(text) : await client.begin((tx) => tx.unsafe(script));
        return { rows: lastRows(results) };
      }),
    transaction: (work) =>
      withFullDiskNamed(() =>
        drizzle.transaction((tx) => work(session(tx as unknown as Drizzle, 'postgres'))),
      ),
    async ping() {
      await client`select 1`.catch((error) => {
        throw unavailable('PostgreSQL does not answer', error);
      });
    },
    close: () => client.end({ timeout: 5 }),
  };
  migrators.set(database, () => migrateOneAtATime(client, drizzle));
  return database;
}

/**
 * What stands between BEGIN and COMMIT in a script that is a transaction of its own, else null. Such scripts run
 * through the driver's own transactions, so that one that fails halfway leaves no connection behind in a dead one.
 */
function transactionBody(text: string): string | null {
  return /^\s*BEGIN;([\s\S]*)COMMIT;\s*$/.exec(text)?.[1] ?? null;
}

/** A script of several statements answers a list of results, one statement its rows. */
function lastRows(result: readonly unknown[]): SqlRows['rows'] {
  const last = result.at(-1);
  return Array.from((Array.isArray(last) ? last : result) as SqlRows['rows']);
}

/** Several processes may start at once on one database; the advisory lock lets one migrate and the others wait. */
async function migrateOneAtATime(client: postgres.Sql, drizzle: PostgresJsDatabase<Schema>): Promise<void> {
  const lock = await client.reserve();
  try {
    await lock`select pg_advisory_lock(hashtext('earshot migrations'))`;
    await migratePostgres(drizzle, { migrationsFolder: MIGRATIONS_FOLDER });
  } finally {
    await lock`select pg_advisory_unlock_all()`.catch(() => undefined);
    lock.release();
  }
}
