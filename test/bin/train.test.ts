import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeClip } from '../catalog/support/make-clips.ts';
import { removeFolder, temporaryFolder } from '../catalog/support/test-catalog.ts';

const LAUNCHER = join(import.meta.dirname, '..', '..', 'bin', 'earshot.js');
const MINUTES_MS = 600_000;
const CLIPS = 52;

let folder: string;
let dataDir: string;

function start(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, EARSHOT_DATA_DIR: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await gone;
  });
  return child;
}

async function earshot(args: string[], env?: Record<string, string>) {
  const child = start(args, env);
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { stdout, stderr, exitCode: exitCode as number };
}

const TINY = ['--epochs', '1', '--batch-size', '8', '--max-clips', '16'];

beforeAll(async () => {
  folder = await temporaryFolder();
  dataDir = join(folder, 'data');
  const media = join(folder, 'field');
  await mkdir(media, { recursive: true });
  for (let i = 0; i < CLIPS; i++) {
    // Black, at 0, would count as no picture.
    const position = ((i % 13) + 2) / 16;
    await makeClip(media, `clip-${i}.mp4`, { sound: position, picture: position, durationSec: 1, salt: i });
  }
  await makeClip(media, 'mute.mp4', { sound: null, picture: 0.5, durationSec: 1 });
  const few = join(folder, 'few');
  await mkdir(few);
  await makeClip(few, 'one.mp4', { sound: 0.2, picture: 0.2, durationSec: 1, salt: 999 });
  await makeClip(few, 'mute.mp4', { sound: null, picture: 0.7, durationSec: 1 });
}, MINUTES_MS);
afterAll(() => removeFolder(folder));

describe('training on a collection', () => {
  it(
    'learns, compares with the model in use, names the next step and switches nothing',
    async () => {
      for (const collection of ['field', 'few']) {
        const ingested = await earshot([
          'ingest',
          join(folder, collection),
          '--collection',
          collection,
          '--json',
        ]);
        expect(ingested.exitCode, ingested.stderr).toBe(0);
      }
      const trained = await earshot(['train', '--collection', 'field', ...TINY]);
      expect(trained.exitCode, trained.stderr).toBe(0);
      expect(trained.stderr).toMatch(/Left out of field: 1 no sound/);
      expect(trained.stderr).toMatch(/16 segments to learn from, 10 for validation/);
      expect(trained.stdout).toMatch(/Recall on the 10 held-out clips \(before: mini .*, now: field\)/);
      for (const metric of ['videoToAudio.r1', 'videoToAudio.r10', 'audioToVideo.r5'])
        expect(trained.stdout).toContain(metric);
      expect(trained.stdout).toContain('earshot models use field');
      expect(await readFile(join(dataDir, 'runs', 'field', 'plot.svg'), 'utf8')).toContain('Training loss');

      const models = JSON.parse((await earshot(['models', 'ls', '--json'])).stdout).models;
      expect(models.find(({ name }: { name: string }) => name === 'mini')).toMatchObject({ active: true });
      expect(models.find(({ name }: { name: string }) => name === 'field')).toMatchObject({ active: false });
    },
    MINUTES_MS,
  );

  it(
    'says why not: too few clips, no such collection, the name of the model in use',
    async () => {
      const few = await earshot(['train', '--collection', 'few', ...TINY]);
      expect(few).toMatchObject({ exitCode: 1, stdout: '' });
      expect(few.stderr).toMatch(/collection few has 1 clips.*at least 50.*1 no sound/s);
      const none = await earshot(['train', '--collection', 'nowhere', ...TINY]);
      expect(none.stderr).toMatch(/no collection nowhere; there are: few, field/);
      const name = await earshot(['train', '--collection', 'field', '--name', 'mini', ...TINY]);
      expect(name.stderr).toMatch(/would replace it: choose another --name/);
      const both = await earshot(['train', '--collection', 'field', '--corpus', folder]);
      expect(both.exitCode).toBe(2);
    },
    MINUTES_MS,
  );

  it(
    'does the same through a running server, and joins a list of files',
    async () => {
      const server = start(['serve', '--port', '0']);
      const url = await new Promise<string>((resolve, reject) => {
        let said = '';
        for (const stream of [server.stdout, server.stderr])
          stream.on('data', (chunk) => {
            said += chunk;
            const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
            if (found) resolve(found[0]);
          });
        server.once('exit', () => reject(new Error(`the server ended: ${said}`)));
      });
      // Another machine's data folder: the server's files are fetched, none of its folders is read.
      const elsewhere = join(folder, 'elsewhere');
      const list = join(folder, 'more.jsonl');
      const lines = Array.from({ length: 5 }, (_, i) => ({
        file: `field/clip-${i}.mp4`,
        labels: [],
        source: `s${i}`,
      }));
      await writeFile(
        list,
        [...lines, { file: 'field/mute.mp4', labels: [] }].map((line) => JSON.stringify(line)).join('\n'),
      );
      const args = ['train', '--collection', 'field', '--name', 'far', '--also', list, '--json', ...TINY];
      const trained = await earshot(args, { EARSHOT_API_URL: url, EARSHOT_DATA_DIR: elsewhere });
      expect(trained.exitCode, trained.stderr).toBe(0);
      const document = JSON.parse(trained.stdout);
      expect(document).toMatchObject({ model: { id: 'far' }, comparison: { n: 10, before: { id: 'mini' } } });
      for (const score of Object.values(document.comparison.results))
        expect(score).toEqual({
          before: expect.any(Number),
          after: expect.any(Number),
          chance: expect.any(Number),
        });
      expect(document.comparison.results['videoToAudio.r10']).toMatchObject({ after: 1, chance: 1 });
      expect(trained.stderr).toMatch(/4 segments to learn from, 1 for validation/);
      expect(trained.stderr).toMatch(/more\.jsonl: left out 1 no sound/);
    },
    MINUTES_MS,
  );
});
