import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RemoteCatalog } from '#apps/api/client';
import type { Clip } from '#catalog/catalog-service';
import { OPEN_MS } from '../../catalog/support/test-catalog.ts';
import { SAMPLES, startTestServer, type TestServer } from '../support/test-server.ts';

let server: TestServer;
let remote: RemoteCatalog;
let dog: Clip;
let harp: Clip;

beforeAll(async () => {
  server = await startTestServer();
  remote = new RemoteCatalog(server.url);
  dog = await server.ingest(join(SAMPLES, '14-dog.mp4'));
  harp = await server.ingest(join(SAMPLES, '09-harp.mp4'));
}, OPEN_MS);
afterAll(() => server.stop());

const send = async (method: string, path: string, body?: unknown) => {
  const response = await fetch(`${server.url}${path}`, {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
};

describe('labels and classification over HTTP', () => {
  it('goes from examples to a verdict, by clip and by upload', async () => {
    const made = await send('POST', '/v1/labels', { name: 'dog / bark', clipIds: [dog.id] });
    expect(made).toMatchObject({ status: 200, body: { name: 'dog / bark', examples: 1 } });
    const path = `/v1/labels/${encodeURIComponent('harp')}/examples`;
    expect(await send('POST', path, { clipIds: [harp.id] })).toMatchObject({ status: 200 });
    const asked = await send('POST', '/v1/classify', { clipId: dog.id });
    expect(asked).toMatchObject({ status: 200, body: { verdict: 'dog / bark' } });
    const found = await remote.classify({
      subject: { file: join(SAMPLES, '09-harp.mp4') },
      labels: ['dog / bark', 'harp'],
    });
    expect(found.verdict).toBe('harp');
    expect(found.scores.map(({ label }) => label)).toEqual(['dog / bark', 'harp']);
  });

  it('is the same catalog to the client', async () => {
    expect(await remote.addExamples('a/b?c', [dog.id, harp.id])).toMatchObject({ examples: 2 });
    expect(await remote.removeExamples('a/b?c', [dog.id])).toMatchObject({ examples: 1 });
    expect((await remote.listLabels({ limit: 1 })).items).toMatchObject([{ name: 'a/b?c', examples: 1 }]);
    await remote.deleteLabel('a/b?c');
    await expect(remote.deleteLabel('a/b?c')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('describes what a picture sounds like, with its evidence', async () => {
    const { status, body } = await send('POST', '/v1/describe', { clipId: dog.id });
    expect(status).toBe(200);
    const kinds = body.evidence.map(({ kind }: { kind: string }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['label', 'clip', 'motion']));
    const { sentence } = await remote.describe({ subject: { file: join(SAMPLES, '09-harp.mp4') } });
    expect(sentence).toMatch(/harp/);
    expect(await send('POST', '/v1/describe', { clipId: dog.id, labels: ['dog'] })).toMatchObject({
      status: 400,
    });
  });

  it('deletes by path as by query', async () => {
    await send('POST', '/v1/labels', { name: 'x y' });
    expect(await send('DELETE', '/v1/labels/x%20y')).toEqual({ status: 204, body: null });
    expect((await send('DELETE', '/v1/labels?name=x%20y')).status).toBe(404);
  });

  it.each([
    ['an unknown clip', 'POST', '/v1/labels', { name: 'n', clipIds: ['x'] }, 404, 'unknown_clip'],
    ['a label of 10 kB', 'POST', '/v1/labels', { name: 'x'.repeat(10_000) }, 400, 'invalid_argument'],
    ['a reserved label', 'POST', '/v1/labels', { name: 'unknown' }, 400, 'invalid_argument'],
    ['a field too many', 'POST', '/v1/labels', { name: 'n', colour: 1 }, 400, 'invalid_argument'],
    ['no name', 'DELETE', '/v1/labels', undefined, 400, 'invalid_argument'],
  ])('refuses %s', async (_what, method, path, body, status, code) => {
    expect(await send(method, path, body)).toMatchObject({ status, body: { error: { code } } });
  });

  it.each([
    ['duplicate labels', ['dog', 'dog']],
    ['100 000 labels', Array.from({ length: 100_000 }, (_, i) => `${i}`)],
    ['labels of 10 kB', ['x'.repeat(10_000)]],
    ['a label without examples', ['nobody knows it']],
  ])('refuses %s with one sentence', async (_what, labels) => {
    const { status, body } = await send('POST', '/v1/classify', { clipId: dog.id, labels });
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: 'invalid_argument' });
    expect(body.error.message.length).toBeLessThan(250);
  });
});
