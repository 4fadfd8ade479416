/** `/`: the built page and its assets. Without a build it says how to make one. */
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { ApiApp, ApiContext } from '../context.ts';

const CONTENT_TYPES: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

const NOT_BUILT =
  'The page is not built yet: run "npm run build:web" in the folder of Earshot and load this address again.\n' +
  'The API answers all the same; its reference is at /docs.\n';

export function registerPage(app: ApiApp, { webDir }: ApiContext): void {
  app.get('/', async (c) => {
    const page = await readFile(join(webDir, 'index.html'), 'utf8').catch(() => null);
    if (page === null) return c.text(NOT_BUILT, 200);
    c.header('Cache-Control', 'no-cache');
    return c.html(page);
  });
  // File names are one plain word with an extension, so no name can lead out of the folder.
  app.get('/assets/:file{[\\w-]+(\\.[\\w-]+)*\\.[a-z0-9]+}', async (c, next) => {
    const file = c.req.param('file');
    const contentType = CONTENT_TYPES[extname(file)];
    const bytes =
      contentType === undefined ? null : await readFile(join(webDir, 'assets', file)).catch(() => null);
    if (bytes === null || contentType === undefined) return next();
    const headers = { 'Content-Type': contentType, 'Cache-Control': 'public, max-age=31536000, immutable' };
    return c.body(new Uint8Array(bytes), 200, headers);
  });
}
