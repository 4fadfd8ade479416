import { describe, expect, it } from 'vitest';
import { statusOf } from '#apps/api/error-response';
import { startServer } from '#apps/api/server';
import type { LocalCatalogService } from '#catalog/catalog-service';
import { EarshotError, ERROR_CODES } from '#core/errors';
import { stubApp } from '../support/stub-app.ts';

const BASE = 'http://localhost:8787';
const local = (path: string, init: RequestInit = {}) =>
  stubApp().request(`${BASE}${path}`, { ...init, headers: { host: 'localhost:8787', ...init.headers } });

describe('what holds for every request', () => {
  it('answers unknown routes with 404 in the envelope, with the id of the caller', async () => {
    const response = await local('/v1/nope', { headers: { 'x-request-id': 'abc-1' } });
    expect(response.status).toBe(404);
    expect(response.headers.get('x-request-id')).toBe('abc-1');
    const { error } = await response.json();
    expect(error).toMatchObject({ code: 'not_found', requestId: 'abc-1' });
    expect(error.docs).toBe('/docs/errors#not_found');
  });

  it('makes an id of its own where the given one could upset a log', async () => {
    const response = await local('/health', { headers: { 'x-request-id': 'a b"c' } });
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('refuses names other than this machine when bound to loopback', async () => {
    for (const host of ['evil.example', 'evil.example:8787', '192.168.0.7', 'localhost.evil.example', '']) {
      const response = await local('/health', { headers: { host } });
      expect(response.status, host).toBe(403);
    }
    for (const host of ['localhost', '127.0.0.1:8787', '[::1]:8787']) {
      expect((await local('/health', { headers: { host } })).status, host).toBe(200);
    }
  });

  it('refuses changes asked for by pages of other origins', async () => {
    const path = '/v1/clips/01a20bbd-3ba9-7045-8adc-39f624475ae9';
    const foreign = await local(path, { method: 'DELETE', headers: { origin: 'http://evil.example' } });
    expect(foreign.status).toBe(403);
    const app = stubApp({ catalog: { deleteClip: async () => {} } });
    const headers = { host: 'localhost:8787', origin: 'http://localhost:8787' };
    const own = await app.request(`${BASE}${path}`, { method: 'DELETE', headers });
    expect(own.status).toBe(204);
  });

  it('binds every page to this server', async () => {
    const policy = (await local('/')).headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(policy).not.toContain('http');
  });

  it('says how to build the page where it is not built', async () => {
    expect(await (await local('/')).text()).toContain('npm run build:web');
  });

  it('tells nothing of unforeseen failures but the id of the request', async () => {
    const app = stubApp({
      catalog: {
        listModels: () => Promise.reject(new Error('secret at /home/somebody')),
      },
    });
    const response = await app.request(`${BASE}/v1/models`, { headers: { host: 'localhost' } });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
  });

  it('says when an overloaded server may be asked again', async () => {
    const overloaded = new EarshotError('overloaded', 'Too much to do.', { retryable: true });
    const app = stubApp({ catalog: { listModels: () => Promise.reject(overloaded) } });
    const response = await app.request(`${BASE}/v1/models`, { headers: { host: 'localhost' } });
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('is not ready, and says why, while something is missing', async () => {
    const app = stubApp({ catalog: { readiness: async () => ['database: gone'] } });
    const response = await app.request(`${BASE}/ready`, { headers: { host: 'localhost' } });
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ ready: false, missing: ['database: gone'] });
  });

  it('counts jobs by status, and has its other numbers while they cannot be counted', async () => {
    const metricsOf = async (catalog: Partial<LocalCatalogService>) => {
      const app = stubApp({ catalog });
      const response = await app.request(`${BASE}/metrics`, { headers: { host: 'localhost' } });
      expect(response.status).toBe(200);
      return response.text();
    };
    const counts = { queued: 2, running: 1, done: 30, failed: 0, cancelled: 0 };
    const text = await metricsOf({ jobCounts: async () => counts });
    for (const [status, n] of Object.entries(counts)) {
      expect(text).toContain(`earshot_jobs{status="${status}"} ${n}\n`);
    }
    const without = await metricsOf({ jobCounts: () => Promise.reject(new Error('database gone')) });
    expect(without).not.toContain('earshot_jobs{');
    expect(without).toContain('process_cpu_seconds_total');
  });

  it('has a status and a place in the documentation for every error code', async () => {
    const page = await (await local('/docs/errors')).text();
    for (const code of ERROR_CODES) {
      expect(statusOf(code)).toBeGreaterThanOrEqual(400);
      expect(page).toContain(`id="${code}"`);
    }
  });

  it('serves the reference from this machine, and no other file', async () => {
    const page = await (await local('/docs')).text();
    expect(page).not.toMatch(/https?:/);
    for (const [, asset = ''] of page.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)) {
      expect((await local(asset)).status, asset).toBe(200);
    }
    for (const path of ['/docs/package.json', '/docs/..%2fpackage.json', '/docs/constructor']) {
      expect((await local(path)).status, path).toBe(404);
    }
  });
});

describe('bodies', () => {
  const json = (path: string, body: string, type = 'application/json') =>
    local(path, { method: 'POST', body, headers: { 'content-type': type } });

  it.each([
    ['malformed JSON', '{"query": ', 'application/json', 400, 'malformed_json'],
    ['another content type', 'a=1', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
    ['more than 2 MiB', `"${'x'.repeat(2 ** 21)}"`, 'application/json', 413, 'payload_too_large'],
  ])('refuses %s', async (_what, body, type, status, code) => {
    const response = await json('/v1/search', body, type);
    expect(response.status).toBe(status);
    expect((await response.json()).error.code).toBe(code);
  });

  it.each([
    ['topK 0', { query: { clipId: 'x' }, for: 'audio', topK: 0 }, 'topK'],
    ['topK 100000', { query: { clipId: 'x' }, for: 'audio', topK: 100_000 }, 'topK'],
    ['a misspelt option', { query: { clipId: 'x' }, for: 'audio', topk: 3 }, 'topk'],
    ['an unknown target', { query: { clipId: 'x' }, for: 'smell' }, 'for'],
    ['no query', { for: 'audio' }, 'query'],
    ['a query of no kind', { query: { nonsense: 1 }, for: 'audio' }, 'nonsense'],
    [
      'a vector with a hole',
      { query: { vector: [1, null], modality: 'audio', model: 'm' }, for: 'audio' },
      'vector.1',
    ],
  ])('names the field at fault: %s', async (_what, body, field) => {
    const response = await json('/v1/search', JSON.stringify(body));
    expect(response.status).toBe(400);
    const { error } = await response.json();
    expect(error.code).toBe('invalid_argument');
    expect(error.message).toContain(field);
  });

  it.each([
    ['file:///etc/passwd', 400, 'invalid_argument'],
    ['ftp://example.org/a.mp4', 400, 'invalid_argument'],
    ['not a url', 400, 'invalid_argument'],
    ['http://user:pw@example.org/', 400, 'invalid_argument'],
    ['http://127.0.0.1:1/a.mp4', 403, 'forbidden'],
    ['http://[::1]/a.mp4', 403, 'forbidden'],
    ['http://[::ffff:10.0.0.1]/a.mp4', 403, 'forbidden'],
    ['http://169.254.169.254/latest', 403, 'forbidden'],
    ['http://2130706433/', 403, 'forbidden'],
    ['http://localhost:1/a.mp4', 403, 'forbidden'],
  ])('does not fetch %s', async (url, status, code) => {
    const response = await json('/v1/clips', JSON.stringify({ url }));
    expect((await response.json()).error.code).toBe(code);
    expect(response.status).toBe(status);
  });
});

describe('where a server binds', () => {
  it('refuses addresses that others can reach unless that is said', async () => {
    const stub = { catalog: {} as never, logger: {} as never, dataDir: '/nowhere', version: '0' };
    const options = { ...stub, allowPublic: false, maxUploadBytes: 1 };
    await expect(startServer({ ...options, host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining('--allow-public'),
    });
  });
});
