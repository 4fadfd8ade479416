import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { lockDataFolder } from '#store/data-folder-lock';
import { removeFolder, temporaryFolder } from '../catalog/support/test-catalog.ts';

const LAUNCHER = join(import.meta.dirname, '..', '..', 'bin', 'earshot.js');
const SAMPLES = join(import.meta.dirname, '..', 'fixtures', 'clips');
/** Each command is a process of its own that opens the stores. */
const COMMANDS_MS = 180_000;

let folder: string;
let dataDir: string;
let mediaDir: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  dataDir = join(folder, 'data');
  mediaDir = join(folder, 'media');
  await mkdir(join(mediaDir, 'inner'), { recursive: true });
  await copyFile(join(SAMPLES, '14-dog.mp4'), join(mediaDir, 'dog.mp4'));
  await copyFile(join(SAMPLES, '09-harp.mp4'), join(mediaDir, 'inner', 'harp.mp4'));
  await writeFile(join(mediaDir, 'bad.mp4'), 'no film');
  await writeFile(join(mediaDir, 'notes.txt'), 'no media');
});
afterAll(() => removeFolder(folder));

function start(args: string[], env: Record<string, string> = {}, cwd = folder): ChildProcess {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    // Away from any .env, and from whatever this shell has set.
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, EARSHOT_DATA_DIR: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = once(child, 'exit');
  // A test that fails must not leave the data folder to a process that is still ending.
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  return child;
}

async function earshot(args: string[], env?: Record<string, string>) {
  const child = start(args, env);
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
    once(child, 'exit'),
  ]);
  return { stdout, stderr, exitCode: exitCode as number };
}

/** Waits until the process has said something on stderr, and lets it go on saying more. */
function untilSaid(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let said = '';
  return new Promise((resolve, reject) => {
    child.stderr?.on('data', (chunk) => {
      said += chunk;
      const match = pattern.exec(said);
      if (match) resolve(match);
    });
    child.stderr?.on('end', () => reject(new Error(`it ended without saying ${pattern}: ${said}`)));
  });
}

describe('usage', () => {
  it('prints help and version', async () => {
    const help = await earshot(['--help']);
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    for (const command of ['serve', 'worker', 'ingest', 'search', 'models', 'reconcile', 'migrate']) {
      expect(help.stdout).toContain(command);
    }
    expect((await earshot(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('says when a clip is among its own answers', async () => {
    const { stdout } = await earshot(['search', '--help']);
    expect(stdout).toMatch(/among its\s+own answers.*left out.*excludeClipIds/s);
  });

  it('names what a worker of its own lacks, before it opens anything', async () => {
    const alone = await earshot(['worker']);
    expect(alone).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining('EARSHOT_DATABASE_URL'),
    });
    const halfEmbedded = await earshot(['worker'], {
      EARSHOT_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    });
    expect(halfEmbedded).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('EARSHOT_QDRANT_URL'),
    });
  });

  it('exits with 2 for an unknown option, and says so on stderr alone', async () => {
    const { exitCode, stdout, stderr } = await earshot(['clips', 'ls', '--loud']);
    expect(stdout).toBe('');
    expect(stderr).toContain('--loud');
    expect(exitCode).toBe(2);
  });

  it('names every bad variable at once', async () => {
    const env = { EARSHOT_PORT: 'many', EARSHOT_LOG_LEVEL: 'loud' };
    const { exitCode, stderr } = await earshot(['clips', 'ls'], env);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^error \[configuration_invalid\]: .*EARSHOT_LOG_LEVEL.*\n$/);
    expect(stderr).toContain('EARSHOT_PORT');
  });

  it('refuses a server open to the world, unless its .env says that it may be', {
    timeout: COMMANDS_MS,
  }, async () => {
    const cwd = join(folder, 'with-env');
    await mkdir(cwd);
    const args = ['serve', '--host', '0.0.0.0', '--port', '0'];
    const refused = await earshot(args);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('--allow-public');
    await writeFile(join(cwd, '.env'), 'EARSHOT_ALLOW_PUBLIC=1\n');
    const server = start(args, {}, cwd);
    await untilSaid(server, /Earshot is at (http:\S+)/);
  });

  it('says that words cannot be searched with', async () => {
    const { exitCode, stderr } = await earshot(['search', '--text', 'a dog', '--for', 'video']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error \[modality_missing\]: .*text tower/);
  });
});

describe('ingest and search', () => {
  it('keeps a bad file from stopping the rest, skips what is there, and finds', {
    timeout: COMMANDS_MS,
  }, async () => {
    const missing = join(mediaDir, 'missing.mp4');
    const first = await earshot(['ingest', mediaDir, missing, '--collection', 'c', '--tag', 't', '--json']);
    expect(first.exitCode).toBe(1);
    const report = JSON.parse(first.stdout);
    expect(report.ingested.map(({ file }: { file: string }) => file)).toEqual([
      join(mediaDir, 'dog.mp4'),
      join(mediaDir, 'inner', 'harp.mp4'),
    ]);
    expect(report.ingested[0]).toMatchObject({ segments: 1, modalities: ['audio', 'video'] });
    expect(report.failed).toEqual([
      { file: missing, code: 'file_not_found', message: expect.any(String) },
      { file: join(mediaDir, 'bad.mp4'), code: 'media_unrecognised', message: expect.any(String) },
    ]);

    const again = await earshot(['ingest', join(mediaDir, 'inner'), '--collection', 'c', '--json']);
    expect(again.exitCode).toBe(0);
    const { clipId } = report.ingested[1];
    expect(JSON.parse(again.stdout)).toMatchObject({ ingested: [], skipped: [{ clipId }], failed: [] });

    const found = await earshot([
      'search',
      '--clip',
      clipId,
      '--for',
      'video',
      '--filter',
      '{"anyTag":["t"]}',
      '--json',
    ]);
    expect(found.exitCode).toBe(0);
    const page = JSON.parse(found.stdout);
    expect(page).toMatchObject({
      total: page.results.length,
      model: { id: 'mini' },
      tookMs: expect.any(Number),
    });
    const [best] = page.results;
    expect(best).toEqual({
      clipId: expect.any(String),
      title: expect.any(String),
      file: expect.stringContaining(mediaDir),
      segment: { startSec: 0, endSec: expect.any(Number) },
      score: expect.any(Number),
      modality: 'video',
    });
  });

  it('stops cleanly on Ctrl-C, and the same command goes on', { timeout: COMMANDS_MS }, async () => {
    const files = [
      '00-piano',
      '01-guitar',
      '02-violin',
      '03-cello',
      '04-trumpet',
      '06-flute',
      '07-xylophone',
    ];
    const args = [
      'ingest',
      ...files.map((name) => join(SAMPLES, `${name}.mp4`)),
      '--collection',
      'stopped',
      '--json',
    ];
    const child = start(args);
    const stdout = text(child.stdout as NodeJS.ReadableStream);
    const ended = once(child, 'exit');
    await untilSaid(child, /ingested/);
    child.kill('SIGINT');
    expect(await ended).toEqual([1, null]);
    const stopped = JSON.parse(await stdout);
    expect(stopped.ingested.length).toBeLessThan(files.length);
    for (const { code } of stopped.failed) expect(code).toBe('cancelled');

    const again = await earshot(args);
    expect(again.exitCode).toBe(0);
    const report = JSON.parse(again.stdout);
    expect(report.ingested.length + report.skipped.length).toBe(files.length);
    const listed = await earshot(['clips', 'ls', '--collection', 'stopped', '--json']);
    const { clips } = JSON.parse(listed.stdout);
    expect(clips).toHaveLength(files.length);
    for (const { status } of clips) expect(status).toBe('indexed');
  });
});

describe('two processes and one data folder', () => {
  it('sends commands to the server that owns it', { timeout: COMMANDS_MS }, async () => {
    const server = start(['serve', '--port', '0']);
    const ended = once(server, 'exit');
    const [, url = ''] = await untilSaid(server, /Earshot is at (http:\S+)/);
    expect((await fetch(`${url}/ready`)).status).toBe(200);
    const through = await earshot(['ingest', join(SAMPLES, '16-car.mp4'), '--json']);
    expect(through).toMatchObject({ exitCode: 0 });
    const { clipId } = JSON.parse(through.stdout).ingested[0];
    expect((await fetch(`${url}/v1/clips/${clipId}`)).status).toBe(200);
    // The server has a copy under another name; what is found is named as the user knows it all the same.
    const found = await earshot(['search', '--clip', clipId, '--for', 'audio', '--json']);
    const rows: { clipId: string; file: string }[] = JSON.parse(found.stdout).results;
    expect(rows.find((row) => row.clipId === clipId)?.file).toBe(join(SAMPLES, '16-car.mp4'));
    // What only the owner of the stores can do is refused with a reason.
    const reconcile = await earshot(['reconcile']);
    expect(reconcile.exitCode).toBe(1);
    expect(reconcile.stderr).toContain('error [data_folder_in_use]');
    server.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(await earshot(['reconcile', '--json'])).toMatchObject({ exitCode: 0 });
  });

  it('names the process that owns it where that one serves nothing', { timeout: COMMANDS_MS }, async () => {
    const lock = await lockDataFolder(dataDir);
    try {
      const { exitCode, stderr } = await earshot(['clips', 'ls']);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('error [data_folder_in_use]');
      expect(stderr).toContain(String(process.pid));
    } finally {
      await lock.release();
    }
  });

  it('says so where EARSHOT_API_URL leads nowhere', async () => {
    const { exitCode, stderr } = await earshot(['clips', 'ls'], { EARSHOT_API_URL: 'http://127.0.0.1:1' });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error \[server_unreachable\]/);
  });
});
