/** Localization as people reach it: over HTTP, through the client, and on the command line. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RemoteCatalog } from '#apps/api/client';
import { CommandContext } from '#apps/indexer/context';
import { ffmpeg, makeClip } from '../catalog/support/make-clips.ts';
import { OPEN_MS, removeFolder, temporaryFolder, testConfig } from '../catalog/support/test-catalog.ts';
import { capturedRun } from './support/captured-run.ts';
import { startTestServer, type TestServer } from './support/test-server.ts';

let server: TestServer;
let folder: string;
/** Red on the left, blue on the right; the fake model names colours. */
let mixture: string;
let turned: string;
let oneFrame: string;
let heard: string;
let photo: string;

const TONE = ['-f', 'lavfi', '-i', 'sine=f=440:r=16000:d=1'];
const BOXES = 'drawbox=x=0:y=0:w=48:h=48:color=red:t=fill,drawbox=x=96:y=48:w=48:h=48:color=blue:t=fill';

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer();
  const at = (name: string) => join(folder, name);
  [mixture, turned, oneFrame, photo] = [at('mixture.mp4'), at('turned.mp4'), at('one.mp4'), at('photo.png')];
  const fine = ['-pix_fmt', 'yuv444p', '-crf', '1'];
  await ffmpeg(['-f', 'lavfi', '-i', `color=black:s=144x96:r=8:d=1,${BOXES}`, ...TONE, ...fine, mixture]);
  await ffmpeg(['-i', mixture, '-c', 'copy', '-metadata:s:v', 'rotate=90', turned]);
  await ffmpeg(['-i', mixture, '-t', '0.12', ...fine, oneFrame]);
  await ffmpeg(['-f', 'lavfi', '-i', 'color=white:s=64x64', '-frames:v', '1', photo]);
  heard = await makeClip(folder, 'heard.wav', { sound: 0.5, picture: null, durationSec: 1 });
}, OPEN_MS);
afterAll(async () => {
  await server.stop();
  await removeFolder(folder);
});

async function post(file: string, fields: Record<string, string> = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('file', new File([new Uint8Array(await readFile(file))], file.slice(folder.length + 1)));
  const answer = await fetch(`${server.url}/v1/localize`, { method: 'POST', body: form });
  return { status: answer.status, body: await answer.json() };
}

/** Runs a command line against the server, as `EARSHOT_API_URL` would. */
async function earshot(...args: string[]) {
  const config = testConfig(server.dataDir, { EARSHOT_API_URL: server.url });
  const context = new CommandContext({ version: '0', signal: new AbortController().signal, config });
  return capturedRun(args, context);
}

describe('POST /v1/localize', () => {
  it('answers maps and named sources, whose files can be fetched', async () => {
    const { status, body } = await post(mixture, { mapsPerSec: '2' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ sounding: true, film: null, overlays: [] });
    expect(body.sources.map(({ label }: { label: string }) => label).toSorted()).toEqual(['blue', 'red']);
    const red = body.sources.find(({ label }: { label: string }) => label === 'red');
    expect(red.box).toMatchObject({ x: 0, y: 0 });
    expect(red.maps).toHaveLength(2);
    const map = await fetch(new URL(red.maps[0].file, server.url));
    expect(map.headers.get('content-type')).toBe('image/png');
    const png = Buffer.from(await map.arrayBuffer());
    expect([png.readUInt32BE(16), png.readUInt32BE(20), png[24]]).toEqual([144, 96, 16]);
  });

  it('turns a rotated video, and takes one frame', async () => {
    const upright = await post(turned, { mapsPerSec: '1' });
    expect(upright.body.maps[0]).toMatchObject({ width: 96, height: 144 });
    const brief = await post(oneFrame);
    expect(brief.status).toBe(200);
    expect(brief.body.maps).toHaveLength(1);
    expect(brief.body.sources).toHaveLength(2);
  });

  it.each([
    ['a sound alone', () => post(heard), 'modality_missing'],
    ['a picture alone', () => post(photo), 'modality_missing'],
    ['no film at all', () => post(import.meta.filename), 'media_unrecognised'],
    ['too many maps', () => post(mixture, { mapsPerSec: '99' }), 'invalid_argument'],
    ['an unknown label', () => post(mixture, { queryLabel: 'unicorn' }), 'invalid_argument'],
  ])('refuses %s with a sentence', async (_what, ask, code) => {
    const { status, body } = await ask();
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(body.error).toMatchObject({ code, message: expect.stringMatching(/\w{3,}/) });
  });
});

describe('localize through the client', () => {
  it('writes what the server found into the folder', async () => {
    const out = join(folder, 'remote');
    const request = { subject: { file: mixture }, folder: out, mapsPerSec: 2 };
    const found = await new RemoteCatalog(server.url).localize(request);
    const files = [...found.maps, ...found.sources.flatMap(({ maps }) => maps)].map(({ file }) => file);
    expect(files).toHaveLength(6);
    for (const file of files) expect(existsSync(join(out, file))).toBe(true);
  });
});

describe('earshot localize', () => {
  it('prints one document with the fields that are promised, or sentences', async () => {
    const out = join(folder, 'command');
    const args = ['localize', mixture, '--out', out, '--rate', '2', '--overlays', 'none'];
    const { stdout, exitCode } = await earshot(...args, '--json');
    expect(exitCode).toBe(0);
    const document = JSON.parse(stdout);
    const fields = ['sounding', 'confidence', 'maps', 'sources'];
    expect(Object.keys(document)).toEqual(expect.arrayContaining(fields));
    expect(Object.keys(document.sources[0]).toSorted()).toEqual(['box', 'label', 'maps', 'probability']);
    for (const { file } of document.sources[0].maps) expect(existsSync(file)).toBe(true);
    expect((await earshot(...args)).stdout).toMatch(/sounds.*\n {2}(red|blue) \(probability \d+ %\)\n/);
  });

  it('ends with 1 and the reason for a file without picture', async () => {
    const refused = await earshot('localize', heard, '--out', join(folder, 'none'));
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toContain('no picture');
    expect((await earshot('localize', mixture)).exitCode).toBe(2);
  });
});
