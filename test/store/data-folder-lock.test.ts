import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { dataFolderOwner, lockDataFolder } from '#store/data-folder-lock';
import { thisProcess } from '#store/process-identity';
import { startChild } from '../support/child.ts';

const HOLD_LOCK = new URL('./children/hold-lock.ts', import.meta.url);
const START_MS = 60_000;

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'earshot-lock-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return path.join(made, 'data');
}

/** A claim as another owner would have left it. */
async function plantClaim(dataDir: string, process: object, modified = new Date()): Promise<string> {
  const file = path.join(dataDir, 'lock', 'planted.json');
  await mkdir(path.dirname(file), { recursive: true });
  const owner = { ...thisProcess(), ...process };
  await writeFile(file, JSON.stringify({ token: 'planted', process: owner, state: 'owner', url: null }));
  await utimes(file, modified, modified);
  return file;
}

it(
  'refuses a second owner, names the first and says what to do',
  async () => {
    const dataDir = await folder();
    const child = startChild(HOLD_LOCK, [dataDir, 'http://127.0.0.1:8787']);
    expect(await child.line()).toBe('owner');
    await expect(lockDataFolder(dataDir)).rejects.toMatchObject({
      code: 'data_folder_in_use',
      message: expect.stringMatching(
        new RegExp(`process ${child.pid}, which serves http://127.0.0.1:8787.*EARSHOT_API_URL`),
      ),
    });
    expect(await dataFolderOwner(dataDir)).toEqual({ pid: child.pid, url: 'http://127.0.0.1:8787' });
    child.tell('release');
    expect(await child.line()).toBe('released');
    const lock = await lockDataFolder(dataDir);
    expect(await dataFolderOwner(dataDir)).toEqual({ pid: process.pid, url: null });
    await lock.release();
    expect(await dataFolderOwner(dataDir)).toBeNull();
  },
  START_MS,
);

it('refuses a second owner within one process', async () => {
  const dataDir = await folder();
  const lock = await lockDataFolder(dataDir);
  await expect(lockDataFolder(dataDir)).rejects.toMatchObject({ code: 'data_folder_in_use' });
  await lock.release();
  await (await lockDataFolder(dataDir)).release();
});

it(
  'takes over from an owner that was killed, and clears its claim away',
  async () => {
    const dataDir = await folder();
    const child = startChild(HOLD_LOCK, [dataDir]);
    expect(await child.line()).toBe('owner');
    await child.kill('SIGKILL');
    expect(await dataFolderOwner(dataDir)).toBeNull();
    const lock = await lockDataFolder(dataDir);
    expect(await readdir(path.join(dataDir, 'lock'))).toHaveLength(1);
    await lock.release();
  },
  START_MS,
);

it(
  'lets exactly one of many processes take over a dead owner’s folder',
  async () => {
    const dataDir = await folder();
    await plantClaim(dataDir, { pid: await deadPid() });
    const children = Array.from({ length: 5 }, () => startChild(HOLD_LOCK, [dataDir]));
    const answers = await Promise.all(children.map((child) => child.line()));
    expect(answers.sort()).toEqual([...Array(4).fill('data_folder_in_use'), 'owner']);
  },
  START_MS,
);

it('lets exactly one of many contenders in one process win', async () => {
  const dataDir = await folder();
  const answers = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataFolder(dataDir)));
  expect(answers.filter((answer) => answer.status === 'fulfilled')).toHaveLength(1);
});

it.skipIf(!existsSync('/proc/self/stat'))(
  'is not fooled by a process that has the dead owner’s number',
  async () => {
    const dataDir = await folder();
    const file = await plantClaim(dataDir, { startTicks: '1' });
    await (await lockDataFolder(dataDir)).release();
    expect(existsSync(file)).toBe(false);
  },
);

it('respects an owner of another container for as long as it shows life', async () => {
  const dataDir = await folder();
  const file = await plantClaim(dataDir, { place: 'elsewhere', pid: await deadPid() });
  const beat = setInterval(() => void utimes(file, new Date(), new Date()), 50);
  onTestFinished(() => clearInterval(beat));
  await expect(lockDataFolder(dataDir)).rejects.toMatchObject({ code: 'data_folder_in_use' });
});

it('takes over from an owner of another container that has long been silent', async () => {
  const dataDir = await folder();
  const file = await plantClaim(dataDir, { place: 'elsewhere' }, new Date(Date.now() - 3_600_000));
  await (await lockDataFolder(dataDir)).release();
  expect(existsSync(file)).toBe(false);
});

it('says that the folder can’t be made', async () => {
  const dataDir = await folder();
  await mkdir(path.dirname(dataDir), { recursive: true });
  await writeFile(dataDir, 'a file');
  await expect(lockDataFolder(dataDir)).rejects.toMatchObject({ code: 'storage_failed' });
  expect(await readFile(dataDir, 'utf8')).toBe('a file');
});

/** The number of a process that has ended. */
async function deadPid(): Promise<number> {
  return Number(execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }));
}
