import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RemoteCatalog } from '#apps/api/client';
import type { Job } from '#catalog/catalog-service';
import { probe } from '#media/probe';
import { ffmpeg } from '../../catalog/support/make-clips.ts';
import { OPEN_MS } from '../../catalog/support/test-catalog.ts';
import { SAMPLES, startTestServer, type TestServer } from '../support/test-server.ts';

const HARP = join(SAMPLES, '09-harp.mp4');
const BELL = join(SAMPLES, '11-bell.mp4');

describe('a catalog over HTTP', () => {
  let server: TestServer;
  let remote: RemoteCatalog;

  beforeAll(async () => {
    server = await startTestServer();
    remote = new RemoteCatalog(server.url);
  }, OPEN_MS);
  afterAll(() => server.stop());

  async function add(path: string): Promise<string> {
    const { clip, job } = await remote.addClip({ source: { path }, tags: ['t'], metadata: { a: 1 } });
    const states: Job[] = [];
    for await (const state of job ? remote.watchJob(job.id) : []) states.push(state);
    if (job) expect(states.at(-1)?.status).toBe('done');
    return clip.id;
  }

  it('adds, watches and answers as the local one does', async () => {
    const id = await add(HARP);
    const local = await server.catalog.getClip(id);
    expect(local.sourcePath).toBe(HARP);
    expect(await remote.getClip(id)).toEqual(local);
    expect(await remote.listClips({ tag: 't' })).toEqual(await server.catalog.listClips({ tag: 't' }));
    expect(await remote.listCollections()).toEqual([{ name: 'default', clips: 1 }]);
    expect(await remote.listModels()).toEqual(await server.catalog.listModels());
    const request = { query: { clipId: id }, for: 'audio' as const };
    const [far, near] = [await remote.search(request), await server.catalog.search(request)];
    expect(far.results).toEqual(near.results);
  });

  it('says that the same bytes were there, whatever name they come under', async () => {
    const id = await add(HARP);
    const again = { source: { stream: createReadStream(HARP), fileName: 'other "name".mp4' } };
    expect(await remote.addClip(again)).toMatchObject({ clip: { id }, job: null, created: false });
  });

  it('searches with a file and with a vector', async () => {
    await add(HARP);
    const byFile = await remote.search({ query: { file: HARP, modality: 'video' }, for: 'audio', topK: 3 });
    expect(byFile.results.length).toBeGreaterThan(0);
    const { model, segments } = await remote.embedFile(HARP, { modality: 'video' });
    const vector = Float32Array.from(segments[0]?.vector ?? []);
    const query = { vector, modality: 'video' as const, model: `${model.id}@${model.version}` };
    const byVector = await remote.search({ query, for: 'audio' });
    expect(byVector.results.length).toBeGreaterThan(0);
  });

  it(
    'separates what a label points at, and fetches what was written',
    async () => {
      const file = join(server.dataDir, 'bright.mkv');
      const picture = 'color=black:s=64x64:r=8:d=2,drawbox=x=32:y=0:w=32:h=64:color=white:t=fill';
      const sound = ['-f', 'lavfi', '-i', 'sine=f=800:r=16000:d=2', '-c:a', 'flac'];
      await ffmpeg(['-f', 'lavfi', '-i', picture, ...sound, file]);
      await server.catalog.addExamples('harp', [await add(HARP)]);
      const out = join(server.dataDir, 'stems');
      const request = { mixture: { file }, label: 'harp', codec: 'same', previews: true } as const;
      const made = await remote.separate(request, out);
      expect(made.region).toEqual({ x: 0.5, y: 0, width: 0.5, height: 1 });
      expect(made.target).toBe(join(out, 'target.flac'));
      expect((await readdir(out)).sort()).toEqual([
        'residual-preview.m4a',
        'residual.flac',
        'spectrograms.png',
        'target-preview.m4a',
        'target.flac',
      ]);
      const { codec, sampleRateHz } = (await probe(made.target)).audio ?? {};
      expect({ codec, sampleRateHz }).toEqual({ codec: 'flac', sampleRateHz: 16_000 });
    },
    OPEN_MS,
  );

  it('says why nothing can be separated', async () => {
    const file = join(server.dataDir, 'dark.mkv');
    const sound = ['-f', 'lavfi', '-i', 'sine=f=800:r=16000:d=1'];
    await ffmpeg(['-f', 'lavfi', '-i', 'color=black:s=64x64:r=8:d=1', ...sound, file]);
    const mixture = { file };
    const out = join(server.dataDir, 'nothing');
    const refused = (why: string) => ({ code: 'invalid_argument', message: expect.stringContaining(why) });
    await expect(remote.separate({ mixture, label: 'harp' }, out)).rejects.toMatchObject(
      refused('sounds like "harp"'),
    );
    const region = { x: 0.8, y: 0, width: 0.5, height: 1 };
    await expect(remote.separate({ mixture, region }, out)).rejects.toMatchObject(
      refused('outside the picture'),
    );
    const half = { x: 0, y: 0, width: 0.5, height: 1 };
    const both = remote.separate({ mixture, label: 'harp', region: half }, out);
    await expect(both).rejects.toMatchObject(refused('Ask by a label'));
    await expect(remote.separate({ mixture, label: 'siren' }, out)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  it('changes and deletes', async () => {
    const id = await add(BELL);
    expect(await remote.updateClip(id, { title: 'Bell' })).toMatchObject({ title: 'Bell' });
    await remote.deleteClip(id);
    await expect(remote.getClip(id)).rejects.toMatchObject({ code: 'unknown_clip' });
  });

  it("passes on the server's own codes and sentences", async () => {
    const missing = remote.addClip({ source: { path: '/no/such/file.mp4' } });
    await expect(missing).rejects.toMatchObject({ code: 'file_not_found' });
    const noFilm = remote.addClip({ source: { path: import.meta.filename } });
    await expect(noFilm).rejects.toMatchObject({ code: 'media_unrecognised' });
  });

  it('says when there is no server, or another program', async () => {
    const gone = new RemoteCatalog('http://127.0.0.1:1');
    await expect(gone.listModels()).rejects.toMatchObject({ code: 'server_unreachable', retryable: true });
    const other = new RemoteCatalog(`${server.url}/docs`);
    await expect(other.listModels()).rejects.toMatchObject({ code: 'not_found' });
  });
});
