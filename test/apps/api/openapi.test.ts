import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Clip } from '#catalog/catalog-service';
import { OPEN_MS } from '../../catalog/support/test-catalog.ts';
import { stubApp } from '../support/stub-app.ts';
import { SAMPLES, startTestServer, type TestServer } from '../support/test-server.ts';

interface Document {
  paths: Record<
    string,
    Record<string, { responses: Record<string, { content?: Record<string, { schema: unknown }> }> }>
  >;
  components: { schemas: Record<string, unknown> };
}

/** The pages for people are not part of the API. */
const PAGES = [/^\/$/, /^\/assets\//, /^\/docs/, /^\/openapi\.json$/];

it('lists every registered route, and no other', async () => {
  const app = stubApp();
  const response = await app.request('http://localhost/openapi.json', { headers: { host: 'localhost' } });
  const document = (await response.json()) as Document;
  const listed = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const registered = app.routes
    .filter(({ method, path }) => method !== 'ALL' && !PAGES.some((page) => page.test(path)))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
  expect(new Set(listed)).toEqual(new Set(registered));
  expect(listed.length).toBeGreaterThan(10);
});

it('says when a clip is among its own answers', async () => {
  const response = await stubApp().request('http://localhost/openapi.json', {
    headers: { host: 'localhost' },
  });
  const { paths } = (await response.json()) as Document;
  const search = paths['/v1/search']?.post as { description?: string } | undefined;
  expect(search?.description).toMatch(/among the answers.*left out.*excludeClipIds/);
});

describe('answers', () => {
  let server: TestServer;
  let document: Document;
  let clip: Clip;

  beforeAll(async () => {
    server = await startTestServer();
    clip = await server.ingest(join(SAMPLES, '14-dog.mp4'));
    document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document;
  }, OPEN_MS);
  afterAll(() => server.stop());

  /** The documented schema of an answer, with its references in reach. */
  function documented(method: string, path: string, status: number): z.ZodType {
    const { responses } = document.paths[path]?.[method] ?? { responses: {} };
    const schema = (responses[status] ?? responses.default)?.content?.['application/json']?.schema;
    if (schema === undefined) throw new Error(`${method} ${path} ${status} is not documented`);
    const whole = { ...(schema as object), $defs: document.components.schemas };
    return z.fromJSONSchema(
      JSON.parse(JSON.stringify(whole).replaceAll('#/components/schemas/', '#/$defs/')),
    );
  }

  it.each([
    ['get', '/v1/clips', 200, undefined],
    ['get', '/v1/clips/{id}', 200, undefined],
    ['get', '/v1/clips/{id}/waveform', 200, undefined],
    ['get', '/v1/collections', 200, undefined],
    ['get', '/v1/jobs', 200, undefined],
    ['get', '/v1/models', 200, undefined],
    ['get', '/v1/labels', 200, undefined],
    ['get', '/health', 200, undefined],
    ['get', '/ready', 200, undefined],
    ['post', '/v1/search', 200, { for: 'audio' }],
    ['post', '/v1/search', 400, { for: 'smell' }],
  ])('of %s %s are as documented for %s', async (method, path, status, body) => {
    const init: RequestInit = { method: method.toUpperCase() };
    if (body) {
      init.body = JSON.stringify({ query: { clipId: clip.id }, ...body });
      init.headers = { 'content-type': 'application/json' };
    }
    const response = await fetch(server.url + path.replace('{id}', clip.id), init);
    expect(response.status).toBe(status);
    expect(documented(method, path, status).safeParse(await response.json())).toMatchObject({
      success: true,
    });
  });

  it('notices an answer that is not as documented', () => {
    const wrong = { ...clip, modalities: ['smell'] };
    expect(documented('get', '/v1/clips/{id}', 200).safeParse(wrong).success).toBe(false);
  });
});
