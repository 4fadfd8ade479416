import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchToFile } from '#apps/api/remote-source';
import { removeFolder, temporaryFolder } from '../../catalog/support/test-catalog.ts';

describe('fetchToFile', () => {
  const context = { maxUploadBytes: 1000, allowPrivateUrls: true };
  let server: Server;
  let base: string;
  let folder: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://x');
      if (pathname === '/big.bin') response.end(Buffer.alloc(5000));
      else if (pathname === '/moved') response.writeHead(302, { location: '/a%20b.mp4' }).end();
      else if (pathname === '/loop') response.writeHead(302, { location: '/loop' }).end();
      else if (pathname === '/to-file') response.writeHead(302, { location: 'file:///etc/passwd' }).end();
      else if (pathname === '/cut')
        response.writeHead(200, { 'content-length': '10' }).write('abc', () => response.destroy());
      else if (pathname === '/a%20b.mp4') response.end('media');
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.close();
    await removeFolder(folder);
  });

  it('follows redirects and takes the name of the file from the last one', async () => {
    const path = join(folder, 'got');
    const file = await fetchToFile(`${base}/moved`, path, context);
    expect(file).toEqual({ path, fileName: 'a b.mp4', sizeBytes: 5 });
    expect(await readFile(path, 'utf8')).toBe('media');
  });

  it.each([
    ['/missing', 'file_unreadable'],
    ['/loop', 'file_unreadable'],
    ['/cut', 'file_unreadable'],
    ['/to-file', 'invalid_argument'],
    ['/big.bin', 'payload_too_large'],
  ])('refuses %s as %s', async (path, code) => {
    await expect(fetchToFile(base + path, join(folder, 'bad'), context)).rejects.toMatchObject({ code });
  });
});
