import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandContext } from '#apps/indexer/context';
import type { Clip } from '#catalog/catalog-service';
import { OPEN_MS, testConfig } from '../../catalog/support/test-catalog.ts';
import { capturedRun } from '../support/captured-run.ts';
import { SAMPLES, startTestServer, type TestServer } from '../support/test-server.ts';

let server: TestServer;
let dog: Clip;
let piano: Clip;

beforeAll(async () => {
  server = await startTestServer();
  dog = await server.ingest(join(SAMPLES, '14-dog.mp4'));
  piano = await server.ingest(join(SAMPLES, '00-piano.mp4'));
  await server.ingest(join(SAMPLES, '32-dog.mp4'), { collection: 'new', tags: ['mine'] });
  await server.ingest(join(SAMPLES, '18-piano.mp4'), { collection: 'new', tags: ['mine'] });
}, OPEN_MS);
afterAll(() => server.stop());

/** Runs a command line against the server, as `EARSHOT_API_URL` would. */
async function earshot(...args: string[]) {
  const config = testConfig(server.dataDir, { EARSHOT_API_URL: server.url });
  const context = new CommandContext({ version: '0', signal: new AbortController().signal, config });
  const said = await capturedRun(args, context);
  return { ...said, json: () => JSON.parse(said.stdout) };
}

const newClips = async () =>
  (await earshot('clips', 'ls', '--collection', 'new', '--json')).json().clips as Clip[];

describe('labels and classify on the command line', () => {
  it('makes labels from clips, lists them and classifies by them', async () => {
    expect((await earshot('labels', 'add', 'dog', dog.id, '--json')).json()).toMatchObject({ examples: 1 });
    expect((await earshot('labels', 'add', 'piano', piano.id)).stdout).toBe('piano: 1 example\n');
    expect((await earshot('labels', 'ls', '--json')).json()).toMatchObject({
      labels: [{ name: 'dog', examples: 1 }, { name: 'piano' }],
    });
    const { stdout, exitCode } = await earshot('classify', piano.id, '--labels', 'dog,piano', '--json');
    expect(exitCode).toBe(0);
    const document = JSON.parse(stdout);
    expect(Object.keys(document)).toEqual(['scores', 'verdict']);
    expect(document.scores.map(({ label }: { label: string }) => label)).toEqual(['dog', 'piano']);
    expect(document.verdict).toBe('piano');
    expect((await earshot('classify', dog.id)).stdout).toMatch(/^dog\n.*together/s);
  });

  it('describes a picture in a sentence, with its evidence below', async () => {
    const { sentence, evidence } = (await earshot('describe', dog.id, '--json')).json();
    const { stdout } = await earshot('describe', dog.id);
    expect(stdout.split('\n')[0]).toBe(sentence);
    expect(stdout.trim().split('\n')).toHaveLength(1 + evidence.length);
    expect(stdout).toMatch(/\n {2}label \w+: .*\n {2}clip ".*\n {2}motion: /s);
  });

  it('writes tags only when told to, and takes back its own alone', async () => {
    const unasked = await earshot('classify', '--collection', 'new', '--labels', 'piano,dog');
    expect(unasked).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--yes') });
    for (const clip of await newClips()) expect(clip.tags).toEqual(['mine']);

    const written = await earshot(
      'classify',
      '--collection',
      'new',
      '--labels',
      'piano,dog',
      '--yes',
      '--json',
    );
    expect(written.json()).toMatchObject({ written: 2, clips: [{ error: null }, { error: null }] });
    const verdicts = new Map<string, { verdict: string; probability: number }>(
      written.json().clips.map((clip: { clipId: string }) => [clip.clipId, clip]),
    );
    for (const { id, tags, metadata } of await newClips()) {
      const { verdict, probability } = verdicts.get(id) as { verdict: string; probability: number };
      expect(tags).toEqual(['mine', verdict]);
      expect(metadata.classification).toEqual({
        label: verdict,
        probability,
        model: 'fake@1',
        wroteTag: true,
      });
    }

    await earshot('labels', 'add', 'mine', dog.id, piano.id);
    await earshot('classify', '--collection', 'new', '--labels', 'mine', '--yes');
    for (const clip of await newClips()) {
      expect(clip.tags).toEqual(['mine']);
      expect(clip.metadata.classification).toMatchObject({ label: 'mine', wroteTag: false });
    }
    await earshot('classify', '--collection', 'new', '--labels', 'dog', '--yes');
    for (const clip of await newClips()) expect(clip.tags).toEqual(['mine', 'dog']);
  });

  it.each([
    ['a label that is not there', ['classify', 'DOG', '--labels', 'dog,nobody'], 2, /no label "nobody"/],
    ['neither file nor collection', ['classify'], 2, /either one file or clip, or a --collection/],
    ['a collection without clips', ['classify', '--collection', 'none', '--yes'], 1, /no indexed clips/],
    ['a clip that is not there', ['labels', 'add', 'dog', 'nowhere'], 1, /no clip nowhere/],
    ['a label to remove that is not there', ['labels', 'rm', 'nobody'], 1, /no label "nobody"/],
  ])('says what is wrong with %s', async (_what, args, exitCode, message) => {
    const given = args.map((arg) => (arg === 'DOG' ? dog.id : arg));
    expect(await earshot(...given)).toMatchObject({ exitCode, stderr: expect.stringMatching(message) });
  });

  it('removes examples, then the label', async () => {
    expect((await earshot('labels', 'rm', 'mine', dog.id)).stdout).toBe('mine: 1 example\n');
    expect((await earshot('labels', 'rm', 'mine')).stdout).toBe('removed mine\n');
  });
});
