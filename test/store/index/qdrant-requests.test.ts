/**
 * Checks the form of the requests that the Qdrant index sends, against Qdrant's own OpenAPI description. A loopback
 * server records them and answers from a script, so this says nothing about how a Qdrant behaves: the contract suite
 * in `qdrant.test.ts` does, on a real one.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QdrantIndex } from '#store/index/qdrant-index';
import { type OpenApiDocument, OpenApiValidator, type SentRequest } from '../../support/openapi-validator.ts';
import { axis, clipId, MODEL, point, pointId, randomPoints, request } from './points.ts';

const DESCRIPTION = join(import.meta.dirname, '../../../../shared/data/qdrant/openapi-1.18.json');
const isThere = existsSync(DESCRIPTION);

interface Recorded extends SentRequest {
  headers: Record<string, string | string[] | undefined>;
}

/** What the script answers to a request; the last that matches counts. */
type Script = { method: string; path: RegExp; status?: number; result: unknown }[];

const INFO = {
  status: 'green',
  optimizer_status: 'ok',
  segments_count: 1,
  config: { params: {}, metadata: { earshot: MODEL } },
  payload_schema: {},
};
const UPDATED = { operation_id: 1, status: 'completed' };

function defaultScript(): Script {
  return [
    {
      method: 'GET',
      path: /^\/collections$/,
      result: { collections: [{ name: 't-mini-1' }, { name: 'foreign' }] },
    },
    { method: 'GET', path: /^\/collections\/[^/]+$/, result: INFO },
    { method: 'PUT', path: /^\/collections\/[^/]+$/, result: true },
    { method: 'DELETE', path: /^\/collections\/[^/]+$/, result: true },
    { method: 'POST', path: /^\/collections\/aliases$/, result: true },
    {
      method: 'GET',
      path: /^\/aliases$/,
      result: { aliases: [{ alias_name: 't-live', collection_name: 't-mini-1' }] },
    },
    { method: 'PUT', path: /\/(index|points)$/, result: UPDATED },
    { method: 'POST', path: /\/points\/(delete|payload)$/, result: UPDATED },
    { method: 'POST', path: /\/points\/count$/, result: { count: 3 } },
    {
      method: 'POST',
      path: /\/points\/scroll$/,
      result: { points: [{ id: pointId(1) }], next_page_offset: null },
    },
    { method: 'POST', path: /\/points\/query$/, result: { points: [] } },
  ];
}

describe.skipIf(!isThere)('requests of the Qdrant index (their form only; needs shared/data/qdrant)', () => {
  let server: Server;
  let sent: Recorded[];
  let script: Script;
  let index: QdrantIndex;
  const validator = isThere
    ? new OpenApiValidator(JSON.parse(readFileSync(DESCRIPTION, 'utf8')) as OpenApiDocument)
    : null;

  beforeEach(async () => {
    sent = [];
    script = defaultScript();
    server = createServer(async (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString('utf8');
      const { method = '', url = '', headers } = incoming;
      sent.push({ method, url, headers, body: text === '' ? undefined : JSON.parse(text) });
      const path = url.split('?')[0] ?? '';
      const answer = script.findLast((one) => one.method === method && one.path.test(path));
      outgoing.writeHead(answer?.status ?? (answer ? 200 : 404), { 'content-type': 'application/json' });
      outgoing.end(JSON.stringify({ time: 0, status: 'ok', result: answer?.result ?? null }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    index = new QdrantIndex({
      url: `http://127.0.0.1:${port}`,
      apiKey: 'secret',
      namePrefix: 't-',
      timeoutMs: 9_500,
    });
  });

  afterEach(async () => {
    await index.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** All requests so far are described, and carry the key. */
  function expectWellFormed(): string[] {
    expect(sent.length).toBeGreaterThan(0);
    return sent.map((one) => {
      const { operationId, problems } = validator?.check(one) ?? { operationId: null, problems: [] };
      expect(problems, `${one.method} ${one.url} ${JSON.stringify(one.body)?.slice(0, 300)}`).toEqual([]);
      expect(one.headers['api-key']).toBe('secret');
      return String(operationId);
    });
  }

  function bodiesOf(path: RegExp, method = 'POST'): Record<string, unknown>[] {
    const matching = sent.filter((one) => one.method === method && path.test(one.url.split('?')[0] ?? ''));
    return matching.map((one) => one.body as Record<string, unknown>);
  }

  it('creates a collection with both vectors, its model and an index on each filtered field', async () => {
    script.push({ method: 'GET', path: /^\/collections$/, result: { collections: [] } });
    await index.ensureCollection('mini-1', MODEL);
    expect(expectWellFormed()).toEqual(expect.arrayContaining(['create_collection', 'create_field_index']));
    const vector = { size: MODEL.dimension, distance: 'Cosine' };
    expect(bodiesOf(/^\/collections\/t-mini-1$/, 'PUT')).toEqual([
      { vectors: { audio: vector, video: vector }, metadata: { earshot: MODEL } },
    ]);
    expect(bodiesOf(/\/index$/, 'PUT').map((body) => body.field_name)).toEqual([
      'clipId',
      'collection',
      'tags',
    ]);
  });

  it('swaps an alias in one request', async () => {
    await index.setAlias('live', 'mini-1');
    expect(expectWellFormed()).toContain('update_aliases');
    expect(bodiesOf(/aliases$/)).toEqual([
      {
        actions: [
          { delete_alias: { alias_name: 't-live' } },
          { create_alias: { alias_name: 't-live', collection_name: 't-mini-1' } },
        ],
      },
    ]);
  });

  it('lists, describes and drops collections', async () => {
    expect(await index.listCollections()).toEqual([{ name: 'mini-1', model: MODEL, pointCount: 3 }]);
    await index.describeCollection('live');
    await index.optimize('mini-1');
    await index.dropCollection('mini-1');
    expect(expectWellFormed()).toEqual(
      expect.arrayContaining(['get_collections', 'count_points', 'delete_collection']),
    );
  });

  it('upserts in batches and waits for each', async () => {
    await index.upsert('mini-1', randomPoints(300, 1));
    expect(expectWellFormed()).toContain('upsert_points');
    const sizes = bodiesOf(/\/points$/, 'PUT').map((body) => (body.points as unknown[]).length);
    expect(sizes.sort((a, b) => b - a)).toEqual([128, 128, 44]);
    for (const one of sent.filter(({ method }) => method === 'PUT')) expect(one.url).toContain('wait=true');
  });

  it('leaves out the vector that a point lacks', async () => {
    await index.upsert('mini-1', [point(1, { vectors: { audio: axis(0) } })]);
    expectWellFormed();
    expect(bodiesOf(/\/points$/, 'PUT')).toMatchObject([{ points: [{ vector: { audio: [...axis(0)] } }] }]);
  });

  it('deletes points and clips, changes payloads, and waits', async () => {
    await index.deletePoints('mini-1', [pointId(1), pointId(2)]);
    await index.deleteClips('mini-1', [clipId(1)]);
    await index.updateClipPayload('mini-1', clipId(1), { collection: 'moved', tags: ['a'] });
    expect(expectWellFormed()).toEqual(expect.arrayContaining(['delete_points', 'set_payload']));
    for (const one of sent.filter(({ url }) => url.includes('/points/')))
      expect(one.url).toContain('wait=true');
  });

  it.each(['segment', 'clip'] as const)(
    'searches by %s with a full filter and a threshold',
    async (groupBy) => {
      const filter = {
        collections: ['a', 'b'],
        anyTag: ['x'],
        allTags: ['y', 'z'],
        clipIds: [clipId(1)],
        excludeClipIds: [clipId(2)],
      };
      expect(
        await index.search('live', request({ groupBy, filter, minScore: 0.5, modality: 'video' })),
      ).toEqual([]);
      expect(expectWellFormed()).toContain('query_points');
      const [body] = bodiesOf(/\/points\/query$/);
      expect(body).toMatchObject({ using: 'video', with_payload: true, query: [...axis(0)] });
      expect(body?.limit).toBeGreaterThan(10);
      expect(sent.at(-1)?.url).toBe('/collections/t-mini-1/points/query?timeout=10');
    },
  );

  it('asks on until a tie at the cut is complete, and leaves out clips that are certain', async () => {
    const hit = (n: number, score: number) => ({
      id: pointId(n),
      version: 1,
      score,
      payload: point(n).payload,
    });
    const first = Array.from({ length: 16 }, (_, n) => hit(n, n === 0 ? 0.9 : 0.5));
    script.push({ method: 'POST', path: /\/points\/query$/, result: { points: first } });
    await index.search('mini-1', request({ topK: 2, groupBy: 'clip' }));
    expectWellFormed();
    const bodies = bodiesOf(/\/points\/query$/);
    expect(bodies).toHaveLength(2);
    expect(bodies[1]).toMatchObject({
      filter: { must_not: [{ key: 'clipId', match: { any: [clipId(0)] } }] },
    });
  });

  it('counts exactly, by vector and filter, and scrolls ids without payloads', async () => {
    await index.count('mini-1');
    await index.count('mini-1', { modality: 'audio', filter: { anyTag: ['x'] } });
    await index.listPointIds('mini-1', { limit: 10 });
    await index.listPointIds('mini-1', { limit: 10, afterId: pointId(1) });
    expect(expectWellFormed()).toEqual(expect.arrayContaining(['count_points', 'scroll_points']));
    for (const body of bodiesOf(/\/count$/)) expect(body.exact).toBe(true);
  });

  it('asks nothing of the server for a filter that nothing can match', async () => {
    await index.count('mini-1');
    const before = sent.length;
    expect(await index.search('mini-1', request({ filter: { clipIds: [] } }))).toEqual([]);
    expect(await index.count('mini-1', { filter: { anyTag: [] } })).toBe(0);
    expect(sent.length).toBe(before);
  });

  it.each([
    [401, 'index_unavailable', false],
    [404, 'not_found', false],
    [429, 'index_unavailable', true],
    [500, 'index_unavailable', true],
    [400, 'invalid_argument', false],
  ])('turns an answer %i into %s', async (status, code, retryable) => {
    script.push({ method: 'POST', path: /\/points\/query$/, status, result: null });
    await expect(index.search('mini-1', request())).rejects.toMatchObject({ code, retryable });
  });
});

describe.skipIf(!isThere)('the OpenAPI validator', () => {
  it('finds what is wrong with a request', () => {
    const validator = new OpenApiValidator(JSON.parse(readFileSync(DESCRIPTION, 'utf8')) as OpenApiDocument);
    const check = (method: string, url: string, body?: unknown) =>
      validator.check({ method, url, body }).problems;
    expect(check('POST', '/collections/a/points/query', { limit: 1 })).toEqual([]);
    expect(check('POST', '/collections/a/points/query', { limit: 0 })).not.toEqual([]);
    expect(check('POST', '/collections/a/points/query', { limits: 1 })).not.toEqual([]);
    expect(check('POST', '/collections/a/points/query?timeout=0', {})).not.toEqual([]);
    expect(check('POST', '/collections/a/points/query?wait=true', {})).not.toEqual([]);
    expect(check('POST', '/collections/a/points/query', { filter: { must: [{ kee: 'x' }] } })).not.toEqual(
      [],
    );
    expect(
      check('PUT', '/collections/a/points?wait=true', { points: [{ id: 'no-uuid', vector: {} }] }),
    ).not.toEqual([]);
    expect(check('GET', '/nowhere')).not.toEqual([]);
  });
});
