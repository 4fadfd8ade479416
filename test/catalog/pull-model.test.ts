import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { proxyFor } from '#catalog/download/http-get';
import { pullModel } from '#catalog/pull-model';
import type { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import { CONCEPT_FILES, type SourceFile } from '#model/concepts/sources';
import { loadEmbeddingModel, readModelInfo } from '#model/load-model';
import { sharedData } from '../support/shared-data.ts';

const models = sharedData('models');
const PROXY_FREE = {};

let dataDir: string;
let server: http.Server;
let baseUrl: string;
/** Every request's path and range. */
let requests: { url: string; range: string | undefined }[];
/** What the server does with a request; tests set their own. */
let answer: (request: http.IncomingMessage, response: http.ServerResponse) => void;
let contents: Map<string, Buffer>;

/** Stand-ins of a quarter of a megabyte, under the real names. */
function standIns(): SourceFile[] {
  const random = new SeededRandom(1);
  return CONCEPT_FILES.map(({ file, licence }) => {
    const bytes = Buffer.from(Uint8Array.from({ length: 250_000 }, () => random.integer(0, 256)));
    contents.set(`/${file}`, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { file, url: `${baseUrl}/${file}`, bytes: bytes.length, sha256, licence };
  });
}

/** Answers like a good file server: whole, or from where the range begins. */
function serve(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  limit = Number.POSITIVE_INFINITY,
) {
  const bytes = contents.get(new URL(request.url ?? '/', baseUrl).pathname);
  if (bytes === undefined) {
    response.writeHead(404).end();
    return;
  }
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const rest = bytes.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length });
  if (rest.length <= limit) response.end(rest);
  else response.write(rest.subarray(0, limit), () => response.destroy());
}

beforeEach(async () => {
  dataDir = await mkdtemp(path.join(os.tmpdir(), 'earshot-pull-'));
  requests = [];
  contents = new Map();
  answer = serve;
  server = http.createServer((request, response) => {
    requests.push({ url: request.url ?? '', range: request.headers.range });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(dataDir, { recursive: true, force: true });
});

const inModels = async () => (await readdir(path.join(dataDir, 'models')).catch(() => [])).sort();
const folder = () => path.join(dataDir, 'models', 'concept');

describe('fetching a model', () => {
  it('brings every file and model.json, and asks nothing when all is there', async () => {
    const files = standIns();
    const seen: number[] = [];
    const options = { dataDir, files, env: PROXY_FREE };
    const pulled = await pullModel('concept', { ...options, onProgress: (bytes) => seen.push(bytes) });
    expect(pulled).toEqual({ name: 'concept', folder: folder(), bytes: 1_000_000, alreadyThere: false });
    expect(await inModels()).toEqual(['concept']);
    expect((await readdir(folder())).sort()).toEqual([...files.map(({ file }) => file), 'model.json'].sort());
    expect(await readModelInfo(folder())).toMatchObject({ identity: { id: 'concept' }, hasTextTower: true });
    expect(seen.at(-1)).toBe(1_000_000);
    requests = [];
    expect(await pullModel('concept', options)).toMatchObject({ alreadyThere: true });
    expect(requests).toEqual([]);
  });

  it('goes on where a broken connection left off, with no half model in between', async () => {
    const files = standIns();
    answer = (request, response) => serve(request, response, requests.length === 2 ? 100_000 : undefined);
    const options = { dataDir, files, env: PROXY_FREE };
    const broken: EarshotError = await pullModel('concept', options).then(
      () => expect.unreachable(),
      (error) => error,
    );
    expect(broken.code).toBe('server_unreachable');
    // How much of it gets through before the connection is gone is up to the network.
    const came = /(\d+) of 250000 bytes of .*run the command again/.exec(broken.message)?.[1];
    expect(Number(came)).toBeGreaterThan(0);
    expect(await inModels()).toEqual(['.concept.partial']);
    // A server that is overloaded in between costs nothing of what came.
    answer = (_, response) => response.writeHead(503).end();
    await expect(pullModel('concept', options)).rejects.toMatchObject({ code: 'server_unreachable' });
    requests = [];
    answer = serve;
    await pullModel('concept', options);
    // The first file is not asked for again, the second from the middle on.
    expect(requests.map(({ range }) => range)).toEqual([`bytes=${came}-`, undefined, undefined]);
    for (const { file } of files) {
      expect(
        Buffer.compare(await readFile(path.join(folder(), file)), contents.get(`/${file}`) as Buffer),
      ).toBe(0);
    }
    expect(await inModels()).toEqual(['concept']);
  });

  it('continues after being stopped by its user', async () => {
    const files = standIns();
    const stop = new AbortController();
    const options = { dataDir, files, env: PROXY_FREE };
    const stopped = pullModel('concept', {
      ...options,
      signal: stop.signal,
      onProgress: (bytes) => bytes >= 250_000 && stop.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
    expect(await inModels()).toEqual(['.concept.partial']);
    await pullModel('concept', options);
    expect(await inModels()).toEqual(['concept']);
  });

  it.each([
    ['knows no ranges', false],
    ['refuses them', true],
  ])('begins anew where the server %s', async (_, refuses) => {
    const files = standIns();
    answer = (request, response) => {
      if (refuses && request.headers.range !== undefined) return response.writeHead(416).end();
      delete request.headers.range;
      return serve(request, response, requests.length === 1 ? 50_000 : undefined);
    };
    const options = { dataDir, files, env: PROXY_FREE };
    await expect(pullModel('concept', options)).rejects.toMatchObject({ code: 'server_unreachable' });
    await pullModel('concept', options);

    expect(requests.at(1)?.range).toMatch(/^bytes=[1-9]/);
    expect(await inModels()).toEqual(['concept']);
  });

  it.each([
    ['other bytes of the same length', 'checkpoint_invalid', /another checksum/, 0],
    ['more bytes than there should be', 'checkpoint_invalid', /more than the 250000 bytes/, 10],
  ])('throws away %s', async (_, code, message, extra) => {
    const files = standIns();
    contents.set(`/${files[0]?.file}`, Buffer.alloc(250_000 + extra));
    await expect(pullModel('concept', { dataDir, files, env: PROXY_FREE })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(await inModels()).toEqual([]);
  });

  it('says what to do about a file that is gone and about a server that fails', async () => {
    const files = standIns();
    contents.delete(`/${files[1]?.file}`);
    const options = { dataDir, files, env: PROXY_FREE };
    await expect(pullModel('concept', options)).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringMatching(/no longer has yamnet_class_map.csv.*--from/),
    });
    expect(await inModels()).toEqual([]);
    answer = (_, response) => response.writeHead(503).end();
    await expect(pullModel('concept', options)).rejects.toMatchObject({
      code: 'server_unreachable',
      message: expect.stringMatching(/answers 503/),
    });
  });

  it('says what to do without a network, and leaves the model in use alone', async () => {
    const files = standIns();
    await pullModel('concept', { dataDir, files, env: PROXY_FREE });
    await writeFile(path.join(folder(), 'imagenet_labels.txt'), 'damaged');
    const unreachable = files.map((file) => ({ ...file, url: `http://127.0.0.1:9/${file.file}` }));
    await expect(
      pullModel('concept', { dataDir, files: unreachable, env: PROXY_FREE }),
    ).rejects.toMatchObject({
      code: 'server_unreachable',
      message: expect.stringMatching(/127.0.0.1:9 can't be reached \(ECONNREFUSED\).*proxy.*--from/),
    });
    expect(await readFile(path.join(folder(), 'imagenet_labels.txt'), 'utf8')).toBe('damaged');
    // A damaged model is replaced whole.
    expect(await pullModel('concept', { dataDir, files, env: PROXY_FREE })).toMatchObject({
      alreadyThere: false,
    });
    expect(await inModels()).toEqual(['concept']);
    expect((await readFile(path.join(folder(), 'imagenet_labels.txt'))).length).toBe(250_000);
  });

  it('refuses a name that it does not know', async () => {
    await expect(pullModel('nothing', { dataDir })).rejects.toMatchObject({
      code: 'model_not_found',
      message: expect.stringMatching(/there is concept/),
    });
  });
});

describe('from a folder', () => {
  it('names the file that is missing or damaged, and leaves nothing', async () => {
    const files = standIns();
    const from = path.join(dataDir, 'usb');
    await mkdir(from);
    await expect(pullModel('concept', { dataDir, files, from })).rejects.toMatchObject({
      code: 'file_not_found',
      message: expect.stringMatching(/has no yamnet_spectra_in.tflite: it must hold .*imagenet_labels.txt/),
    });
    for (const { file } of files) await writeFile(path.join(from, file), contents.get(`/${file}`) as Buffer);
    await writeFile(path.join(from, 'imagenet_labels.txt'), 'cut');
    await expect(pullModel('concept', { dataDir, files, from })).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringMatching(/imagenet_labels.txt is damaged.*sha256 must be/),
    });
    expect(await inModels()).toEqual([]);
    await writeFile(path.join(from, 'imagenet_labels.txt'), contents.get('/imagenet_labels.txt') as Buffer);
    await pullModel('concept', { dataDir, files, from });
    expect(await inModels()).toEqual(['concept']);
    expect(requests).toEqual([]);
  });

  it.skipIf(!models)(
    `makes a model that loads, out of the real files${models ? '' : ' (skipped: no shared data)'}`,
    async () => {
      await pullModel('concept', { dataDir, from: models as string });
      const model = await loadEmbeddingModel(folder());
      const noise = new Float32Array(80_000).map((_, i) => Math.sin(i * i));
      const [heard] = await model.embedAudio([noise]);
      const { width, height } = model.videoInput;
      const grey = { count: 2, data: new Uint8Array(2 * width * height * 3).fill(120) };
      const [seen] = await model.embedVideo([grey]);
      const [read] = (await model.embedText?.(['a dog barking in the rain'])) ?? [];
      for (const vector of [heard, seen, read?.vector]) {
        expect(vector).toHaveLength(model.identity.dimension);
        expect(Math.hypot(...(vector as Float32Array))).toBeCloseTo(1, 4);
      }
      await expect(model.embedVideo([{ count: 1, data: new Uint8Array(12) }])).rejects.toMatchObject({
        code: 'shape_mismatch',
      });
      model.dispose();
      await rm(path.join(folder(), 'imagenet_labels.txt'));
      await expect(loadEmbeddingModel(folder())).rejects.toMatchObject({ code: 'checkpoint_invalid' });
    },
  );
});

describe('proxies', () => {
  it('are read from the environment as other programs do', () => {
    const proxy = (url: string, env: NodeJS.ProcessEnv) => proxyFor(new URL(url), env)?.href ?? null;
    expect(proxy('https://a.example/x', {})).toBeNull();
    expect(proxy('https://a.example/x', { HTTPS_PROXY: 'http://p:1' })).toBe('http://p:1/');
    expect(proxy('https://a.example/x', { https_proxy: 'p:2', HTTPS_PROXY: 'http://p:1' })).toBe(
      'http://p:2/',
    );
    expect(proxy('http://a.example/x', { HTTPS_PROXY: 'http://p:1' })).toBeNull();
    expect(proxy('http://a.example/x', { ALL_PROXY: 'http://p:1' })).toBe('http://p:1/');
    const env = { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'b.example, .c.example:8443 10.0.0.1' };
    expect(proxy('https://b.example/', env)).toBeNull();
    expect(proxy('https://x.b.example/', env)).toBeNull();
    expect(proxy('https://notb.example/', env)).toBe('http://p:1/');
    expect(proxy('https://x.c.example/', env)).toBe('http://p:1/');
    expect(proxy('https://x.c.example:8443/', env)).toBeNull();
    expect(proxy('https://10.0.0.1/', env)).toBeNull();
    expect(() => proxy('https://a.example/', { HTTPS_PROXY: 'socks5://p:1' })).toThrow(/socks5.*HTTPS_PROXY/);
  });

  it('carry plain requests whole, with their credentials', async () => {
    const files = standIns().map((file) => ({ ...file, url: `http://models.invalid/${file.file}` }));
    const authorizations: (string | undefined)[] = [];
    answer = (request, response) => {
      authorizations.push(request.headers['proxy-authorization']);
      serve(request, response);
    };
    const env = { HTTP_PROXY: baseUrl.replace('//', '//user:secret@') };
    await pullModel('concept', { dataDir, files, env });
    expect(requests[0]?.url).toBe('http://models.invalid/yamnet_spectra_in.tflite');
    expect(authorizations[0]).toBe(`Basic ${Buffer.from('user:secret').toString('base64')}`);
    await access(path.join(folder(), 'model.json'));
  });

  it('are asked for a tunnel to https hosts; a refusal is passed on', async () => {
    const files = standIns().map((file) => ({ ...file, url: `https://models.invalid/${file.file}` }));
    const tunnels: (string | undefined)[] = [];
    server.on('connect', (request, socket) => {
      tunnels.push(request.url);
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    });
    await expect(
      pullModel('concept', { dataDir, files, env: { HTTPS_PROXY: baseUrl } }),
    ).rejects.toMatchObject({
      code: 'server_unreachable',
      message: expect.stringMatching(/proxy .* answers 407/),
    });
    expect(tunnels).toEqual(['models.invalid:443']);
  });
});
