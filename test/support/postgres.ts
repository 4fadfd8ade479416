/** A PostgreSQL of the tests' own: a cluster in a temporary folder, started on demand, gone at the end. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';

const run = promisify(execFile);

export interface TestPostgres {
  /** URL of a new, empty database of the cluster. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
}

/** Folder of `initdb` and `pg_ctl`, or null where PostgreSQL is not installed. */
export function findPostgres(): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((version) => path.join(debian, version, 'bin')), ...pathFolders()];
  return (
    folders.find((folder) => ['initdb', 'pg_ctl'].every((name) => existsSync(path.join(folder, name)))) ??
    null
  );
}

function pathFolders(): string[] {
  return (process.env.PATH ?? '').split(path.delimiter).filter((folder) => folder !== '');
}

/** `fsync` is off: the tests pull no plugs on it. */
export async function startPostgres(binFolder: string): Promise<TestPostgres> {
  const folder = await mkdtemp(path.join(tmpdir(), 'earshot-pg-'));
  const account = await postgresAccount();
  if (account) await chown(folder, account.uid, account.gid);
  const program = (name: string, args: string[]) =>
    run(path.join(binFolder, name), args, {
      ...account,
      cwd: folder,
      env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' },
    });
  const data = path.join(folder, 'data');
  await program('initdb', ['-D', data, '-U', 'earshot', '--auth=trust', '--encoding=UTF8', '--no-sync']);
  const port = await freePort();
  const settings = `-F -p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c shared_buffers=16MB -c max_connections=40`;
  await program('pg_ctl', ['-D', data, '-o', settings, '-l', path.join(folder, 'log'), '-w', 'start']);
  const url = (name: string) => `postgres://earshot@127.0.0.1:${port}/${name}`;
  let databases = 0;
  return {
    async createDatabase() {
      const name = `test_${databases++}`;
      const admin = postgres(url('postgres'), { max: 1 });
      await admin.unsafe(`create database ${name}`);
      await admin.end();
      return url(name);
    },
    async stop() {
      await program('pg_ctl', ['-D', data, '-m', 'immediate', '-w', 'stop']);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to run as root, so root starts it as Debian's `postgres`. */
async function postgresAccount(): Promise<{ uid: number; gid: number } | null> {
  if (process.getuid?.() !== 0) return null;
  const id = async (option: string) => Number((await run('id', [option, 'postgres'])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
