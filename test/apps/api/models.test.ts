import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RemoteCatalog } from '#apps/api/client';
import { OPEN_MS } from '../../catalog/support/test-catalog.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
}, OPEN_MS);

afterAll(() => server.stop(), OPEN_MS);

const ask = (method: string, path: string) => fetch(`${server.url}/v1/models/${path}`, { method });

describe('changing the model over HTTP', () => {
  it('answers 200 for the model that is live, and names no job', async () => {
    // The fake model is the same in every folder.
    const answer = await ask('POST', 'mini/use');
    expect(answer.status).toBe(200);
    const used = { model: { id: 'fake', version: '1', dimension: 8 }, job: null };
    expect(await answer.json()).toEqual(used);
    expect(await new RemoteCatalog(server.url).useModel('mini')).toEqual(used);
  });

  it('refuses what is not there, what is a path, and dropping the vectors in use', async () => {
    for (const [method, path, status, code] of [
      ['POST', 'nowhere/use', 404, 'model_not_found'],
      ['POST', `${encodeURIComponent('/etc/model')}/use`, 400, 'invalid_argument'],
      ['DELETE', 'nowhere', 404, 'model_not_found'],
      ['DELETE', 'fake', 409, 'conflict'],
    ] as const) {
      const answer = await ask(method, path);
      expect(answer.status, path).toBe(status);
      expect(await answer.json()).toMatchObject({ error: { code } });
    }
    await expect(new RemoteCatalog(server.url).removeModel('fake')).rejects.toMatchObject({
      code: 'conflict',
    });
  });
});
