import { readdir, readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RemoteCatalog } from '#apps/api/client';
import type { Clip, Job } from '#catalog/catalog-service';
import { OPEN_MS, storedFiles } from '../../catalog/support/test-catalog.ts';
import { MAX_UPLOAD_BYTES, SAMPLES, startTestServer, type TestServer } from '../support/test-server.ts';

const NO_CLIP = '01a20bbd-3ba9-7045-8adc-39f624475ae9';

let server: TestServer;
let dog: Clip;
let piano: Clip;

beforeAll(async () => {
  server = await startTestServer();
  dog = await server.ingest(join(SAMPLES, '14-dog.mp4'), { collection: 'samples', tags: ['pet'] });
  piano = await server.ingest(join(SAMPLES, '00-piano.mp4'), { collection: 'samples' });
}, OPEN_MS);
afterAll(() => server.stop());

const call = (path: string, init?: RequestInit) => fetch(server.url + path, init);
const post = (path: string, body: unknown) =>
  call(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

async function sample(name: string): Promise<File> {
  return new File([await readFile(join(SAMPLES, name))], name);
}

function form(file: File | null, fields: Record<string, string | string[]> = {}): FormData {
  const data = new FormData();
  // The file goes first, as curl users write it: fields that follow it count all the same.
  if (file) data.append('file', file);
  for (const [name, value] of Object.entries(fields))
    for (const entry of [value].flat()) data.append(name, entry);
  return data;
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

async function lastEvent(job: Job): Promise<Job> {
  const text = await (await call(`/v1/jobs/${job.id}/events`)).text();
  const data = text.split('\n').filter((line) => line.startsWith('data: '));
  return JSON.parse(data.at(-1)?.slice(6) ?? 'null') as Job;
}

describe('POST /v1/clips', () => {
  it('takes a form, streams its job until it is done, and keeps what was said about the clip', async () => {
    const fields = { collection: 'uploads', title: 'A harp', tags: ['x', 'y'], metadata: '{"take": 3}' };
    const body = form(await sample('09-harp.mp4'), fields);
    const response = await call('/v1/clips', { method: 'POST', body });
    expect(response.status).toBe(202);
    const { clip, job } = (await response.json()) as { clip: Clip; job: Job };
    expect(await lastEvent(job)).toMatchObject({ status: 'done', progress: 1 });
    const stored = await (await call(`/v1/clips/${clip.id}`)).json();
    expect(stored).toMatchObject({
      status: 'indexed',
      title: 'A harp',
      tags: ['x', 'y'],
      metadata: { take: 3 },
    });
    expect(stored).toMatchObject({ collection: 'uploads', fileName: '09-harp.mp4', sourcePath: null });
  });

  it('answers 200 with the clip that is there for the same bytes', async () => {
    const body = form(await sample('14-dog.mp4'), { collection: 'samples' });
    const response = await call('/v1/clips', { method: 'POST', body });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ clip: { id: dog.id }, job: null });
  });

  it.each([
    ['an empty file', new File([], 'a.mp4'), {}, 422, 'media_empty'],
    ['text with the name of a film', new File(['no film'], 'a.mp4'), {}, 422, 'media_unrecognised'],
    ['no file', null, { title: 'x' }, 400, 'invalid_argument'],
    ['an unknown field', new File(['x'], 'a.mp4'), { colection: 'x' }, 400, 'invalid_argument'],
    ['a title of 501 letters', new File(['x'], 'a.mp4'), { title: 'x'.repeat(501) }, 400, 'invalid_argument'],
    [
      'a path of 5000 letters',
      new File(['x'], 'a.mp4'),
      { sourcePath: '/'.repeat(5000) },
      400,
      'invalid_argument',
    ],
    ['metadata that is no JSON', new File(['x'], 'a.mp4'), { metadata: '{' }, 400, 'malformed_json'],
    ['metadata that is no object', new File(['x'], 'a.mp4'), { metadata: '[1]' }, 400, 'invalid_argument'],
    [
      'a field of 300 KiB',
      new File(['x'], 'a.mp4'),
      { title: 'x'.repeat(300_000) },
      413,
      'payload_too_large',
    ],
    [
      'a file over the limit',
      new File([new Uint8Array(MAX_UPLOAD_BYTES + 1)], 'a'),
      {},
      413,
      'payload_too_large',
    ],
  ] as const)('refuses %s and keeps nothing of it', async (_what, file, fields, status, code) => {
    const before = await storedFiles(server.dataDir);
    const response = await call('/v1/clips', { method: 'POST', body: form(file, fields) });
    expect(response.status).toBe(status);
    expect(await codeOf(response)).toBe(code);
    expect(await storedFiles(server.dataDir)).toEqual(before);
    expect(await readdir(join(server.dataDir, 'uploads'))).toEqual([]);
  });

  it('speaks of the file by the name its sender knows', async () => {
    const response = await call('/v1/clips', {
      method: 'POST',
      body: form(new File(['no film'], 'mine.mp4')),
    });
    const text = await response.text();
    expect(text).toContain('mine.mp4');
    expect(text).not.toContain(server.dataDir);
  });

  it('keeps nothing of an upload whose client goes away', async () => {
    const { port } = new URL(server.url);
    const headers = { 'content-type': 'multipart/form-data; boundary=b', 'content-length': '100000' };
    const upload = httpRequest({ port, host: '127.0.0.1', method: 'POST', path: '/v1/clips', headers });
    upload.on('error', () => undefined);
    upload.write('--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nsome bytes');
    const folder = join(server.dataDir, 'uploads');
    await expect.poll(() => readdir(folder), { timeout: 20_000 }).toHaveLength(1);
    upload.destroy();
    await expect.poll(() => readdir(folder), { timeout: 20_000 }).toEqual([]);
  });
});

describe('clips', () => {
  it('pages through the clips without gaps or repeats', async () => {
    const first = await (await call('/v1/clips?collection=samples&limit=1')).json();
    const rest = await (await call(`/v1/clips?collection=samples&limit=9&cursor=${first.nextCursor}`)).json();
    const ids = [...first.items, ...rest.items].map((clip: Clip) => clip.id);
    expect(ids.sort()).toEqual([dog.id, piano.id].sort());
    expect(rest.nextCursor).toBeNull();
  });

  it('changes only what a change names', async () => {
    const headers = { 'content-type': 'application/json' };
    const change = (body: string) => call(`/v1/clips/${piano.id}`, { method: 'PATCH', headers, body });
    expect(await (await change('{"title": "Grand"}')).json()).toMatchObject({ title: 'Grand', tags: [] });
    expect(await (await change('{"tags": ["keys"]}')).json()).toMatchObject({
      title: 'Grand',
      tags: ['keys'],
    });
    expect(await codeOf(await change('{"sha256": "0"}'))).toBe('invalid_argument');
  });

  it.each([
    ['GET', `/v1/clips/${NO_CLIP}`, 'unknown_clip'],
    ['GET', '/v1/clips/not-an-id', 'unknown_clip'],
    ['DELETE', `/v1/clips/${NO_CLIP}`, 'unknown_clip'],
    ['GET', `/v1/clips/${NO_CLIP}/media`, 'unknown_clip'],
    ['GET', `/v1/clips/${NO_CLIP}/thumbnail`, 'unknown_clip'],
    ['GET', `/v1/clips/${NO_CLIP}/waveform`, 'unknown_clip'],
    ['GET', `/v1/jobs/${NO_CLIP}`, 'unknown_job'],
    ['GET', `/v1/jobs/${NO_CLIP}/events`, 'unknown_job'],
    ['POST', `/v1/jobs/${NO_CLIP}/retry`, 'unknown_job'],
  ])('answers %s %s with 404 %s', async (method, path, code) => {
    const response = await call(path, { method });
    expect(response.status).toBe(404);
    expect(await codeOf(response)).toBe(code);
  });

  it('deletes a clip and its file', async () => {
    const clip = await server.ingest(join(SAMPLES, '11-bell.mp4'));
    const before = await storedFiles(server.dataDir);
    expect((await call(`/v1/clips/${clip.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await call(`/v1/clips/${clip.id}`)).status).toBe(404);
    expect(await storedFiles(server.dataDir)).toHaveLength(before.length - 1);
  });
});

describe('what a player needs', () => {
  const media = (headers: Record<string, string> = {}, method = 'GET') =>
    call(`/v1/clips/${dog.id}/media`, { method, headers });

  it('sends the stored bytes, whole and in ranges', async () => {
    const original = await readFile(join(SAMPLES, '14-dog.mp4'));
    const whole = await media();
    expect(whole.status).toBe(200);
    expect(whole.headers.get('content-type')).toBe('video/mp4');
    expect(Buffer.from(await whole.arrayBuffer()).equals(original)).toBe(true);
    const part = await media({ range: 'bytes=100-199' });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe(`bytes 100-199/${original.length}`);
    expect(Buffer.from(await part.arrayBuffer()).equals(original.subarray(100, 200))).toBe(true);
    const tail = await media({ range: 'bytes=-1' });
    expect(Buffer.from(await tail.arrayBuffer())).toEqual(original.subarray(-1));
  });

  it('says how long the file is when a range lies outside it', async () => {
    const response = await media({ range: `bytes=${dog.sizeBytes}-` });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe(`bytes */${dog.sizeBytes}`);
    expect(await codeOf(response)).toBe('range_not_satisfiable');
  });

  it('answers HEAD and unchanged files without a body', async () => {
    const head = await media({}, 'HEAD');
    expect(head.headers.get('content-length')).toBe(String(dog.sizeBytes));
    expect(await head.text()).toBe('');
    const etag = head.headers.get('etag') ?? '';
    expect((await media({ 'if-none-match': etag })).status).toBe(304);
    // Of another version of the file, the range asked for is of no use: all of it is sent.
    expect((await media({ 'if-range': '"other"', range: 'bytes=0-1' })).status).toBe(200);
    expect((await media({ 'if-range': etag, range: 'bytes=0-1' })).status).toBe(206);
  });

  it('makes a thumbnail and the outline of the sound', async () => {
    const picture = await call(`/v1/clips/${dog.id}/thumbnail?width=64`);
    expect(picture.headers.get('content-type')).toBe('image/jpeg');
    expect([...new Uint8Array(await picture.arrayBuffer()).subarray(0, 2)]).toEqual([0xff, 0xd8]);
    const outline = await (await call(`/v1/clips/${dog.id}/waveform?buckets=20`)).json();
    expect(outline.min).toHaveLength(20);
    expect(outline.max).toHaveLength(20);
    expect((await call(`/v1/clips/${dog.id}/waveform?buckets=0`)).status).toBe(400);
  });
});

describe('POST /v1/search and /v1/embeddings', () => {
  it('says that words cannot be searched with where the model has no text tower', async () => {
    const response = await post('/v1/search', { query: { text: 'a dog' }, for: 'video' });
    expect(response.status).toBe(422);
    expect(await codeOf(response)).toBe('modality_missing');
  });

  it('searches with a clip, and pages on through the same ranking', async () => {
    const request = { query: { clipId: dog.id }, for: 'audio', filter: { collections: ['samples'] } };
    const all = await (await post('/v1/search', { ...request, topK: 10 })).json();
    const one = await (await post('/v1/search', { ...request, topK: 1 })).json();
    const two = await (await post('/v1/search', { ...request, topK: 1, cursor: one.nextCursor })).json();
    const ids = (page: { results: { clip: Clip }[] }) => page.results.map(({ clip }) => clip.id);
    expect([...ids(one), ...ids(two)]).toEqual(ids(all));
    expect(all.total).toBe(all.results.length);
  });

  it('searches with a file, its options inside the query or beside it', async () => {
    const file = await sample('14-dog.mp4');
    const inside = form(file, { query: '{"modality": "video", "for": "audio", "topK": 1}' });
    const beside = form(file, { query: '{"modality": "video"}', for: 'audio', topK: '1' });
    const short = form(file, { query: '{"modality": "video"}', topK: '1' });
    for (const body of [inside, beside, short]) {
      const page = await (await call('/v1/search', { method: 'POST', body })).json();
      expect(page.results).toHaveLength(1);
      expect(page.results[0].modality).toBe('audio');
    }
  });

  it.each([
    ['neither modality nor target', {}, 400, 'invalid_argument'],
    ['topK of words', { for: 'audio', topK: 'many' }, 400, 'malformed_json'],
    ['topK 0', { for: 'audio', topK: '0' }, 400, 'invalid_argument'],
  ])('refuses a file with %s', async (_what, fields, status, code) => {
    const body = form(await sample('14-dog.mp4'), fields as Record<string, string>);
    const response = await call('/v1/search', { method: 'POST', body });
    expect(response.status).toBe(status);
    expect(await codeOf(response)).toBe(code);
  });

  it.each([
    ['an unknown clip', { clipId: NO_CLIP }, 404, 'unknown_clip'],
    ['a clip id that is none', { clipId: 'x' }, 404, 'unknown_clip'],
    ['the vector of another model', { vector: [1], modality: 'audio', model: 'x@1' }, 422, 'model_mismatch'],
  ])('refuses %s', async (_what, query, status, code) => {
    const response = await post('/v1/search', { query, for: 'audio' });
    expect(response.status).toBe(status);
    expect(await codeOf(response)).toBe(code);
  });

  it('searches with the vectors that it gives out, and refuses them cut short', async () => {
    const body = form(await sample('00-piano.mp4'), { modality: 'audio' });
    const { model, segments } = await (await call('/v1/embeddings', { method: 'POST', body })).json();
    const [{ vector }] = segments;
    expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    expect(segments.every((segment: { modality: string }) => segment.modality === 'audio')).toBe(true);
    const query = { vector, modality: 'audio', model: `${model.id}@${model.version}` };
    const page = await (await post('/v1/search', { query, for: 'video' })).json();
    expect(page.results.length).toBeGreaterThan(0);
    const short = await post('/v1/search', { query: { ...query, vector: vector.slice(1) }, for: 'video' });
    expect(short.status).toBe(422);
    expect(await codeOf(short)).toBe('vector_dimension_mismatch');
  });
});

describe('POST /v1/correspondence', () => {
  it('takes a clip, a file, and the sound of another of either', async () => {
    const own = await (await post('/v1/correspondence', { clipId: dog.id })).json();
    expect(own).toMatchObject({ probability: null, model: { id: 'fake' } });
    const { score } = own;
    const file = await sample('14-dog.mp4');
    const uploaded = await (await call('/v1/correspondence', { method: 'POST', body: form(file) })).json();
    expect(uploaded.score).toBeCloseTo(score, 5);
    const other = { clipId: dog.id, audioClipId: piano.id };
    const crossed = await (await post('/v1/correspondence', other)).json();
    const body = form(file, { startSec: '0', endSec: '5' });
    body.append('audio', await sample('00-piano.mp4'));
    const bothUploaded = await (await call('/v1/correspondence', { method: 'POST', body })).json();
    expect(bothUploaded.score).toBeCloseTo(crossed.score, 5);
    expect(crossed.score).not.toBeCloseTo(score, 3);
  });

  it.each([
    ['nothing to ask about', {}, 400, 'invalid_argument'],
    ['an unknown clip', { clipId: NO_CLIP }, 404, 'unknown_clip'],
    ['a part behind the end', { clipId: 'dog', startSec: 99 }, 400, 'invalid_argument'],
    ['a field that there is none of', { clipId: 'dog', loud: true }, 400, 'invalid_argument'],
  ])('refuses %s', async (_what, body, status, code) => {
    const asked = 'clipId' in body && body.clipId === 'dog' ? { ...body, clipId: dog.id } : body;
    const response = await post('/v1/correspondence', asked);
    expect(response.status).toBe(status);
    expect(await codeOf(response)).toBe(code);
  });

  it('calls an upload that it cannot read by its own name', async () => {
    const body = form(new File(['no media'], 'notes.mp4'));
    const response = await call('/v1/correspondence', { method: 'POST', body });
    expect(response.status).toBe(422);
    expect(((await response.json()) as { error: { message: string } }).error.message).toContain('notes.mp4');
  });

  it('is asked by the client in the same way', async () => {
    const remote = new RemoteCatalog(server.url);
    const picture = { file: join(SAMPLES, '14-dog.mp4') };
    const own = await remote.correspond({ picture });
    expect(own.score).toBeCloseTo((await remote.correspond({ picture: { clipId: dog.id } })).score, 5);
    const mixed = await remote.correspond({ picture, sound: { clipId: piano.id, startSec: 0, endSec: 2 } });
    expect(mixed.score).not.toBeCloseTo(own.score, 3);
  });
});

describe('POST /v1/synchronization', () => {
  it('answers the offset with its curve, of a clip, a file and through the client', async () => {
    const own = await (await post('/v1/synchronization', { clipId: dog.id })).json();
    expect(Object.keys(own)).toEqual(
      expect.arrayContaining(['offsetSec', 'confidence', 'synchronizability', 'verdict', 'curve', 'segment']),
    );
    const part = { clipId: dog.id, startSec: 1, endSec: 3 };
    expect(await (await post('/v1/synchronization', part)).json()).toMatchObject({
      segment: { startSec: 1, endSec: 3 },
    });
    const body = form(await sample('14-dog.mp4'));
    const uploaded = await (await call('/v1/synchronization', { method: 'POST', body })).json();
    expect(uploaded).toEqual(own);
    const remote = new RemoteCatalog(server.url);
    expect(await remote.synchronize({ file: join(SAMPLES, '14-dog.mp4') })).toEqual(own);
  });

  it.each([
    ['an unknown clip', { clipId: NO_CLIP }, 404, 'unknown_clip'],
    ['a part behind the end', { clipId: 'dog', startSec: 99 }, 400, 'invalid_argument'],
    ['a field that there is none of', { clipId: 'dog', fix: true }, 400, 'invalid_argument'],
  ])('refuses %s', async (_what, body, status, code) => {
    const asked = body.clipId === 'dog' ? { ...body, clipId: dog.id } : body;
    const response = await post('/v1/synchronization', asked);
    expect(response.status).toBe(status);
    expect(await codeOf(response)).toBe(code);
  });
});
