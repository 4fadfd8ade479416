/** `/openapi.json`, and `/docs`: the reference page, served from this machine so that it works offline. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { html } from 'hono/html';
import { EarshotError, ERROR_CODES } from '#core/errors';
import type { ApiApp } from '../context.ts';
import { statusOf } from '../error-response.ts';

/** Only these files are given out, whatever a path asks for. */
const ASSETS: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const START_SCRIPT = `SwaggerUIBundle({
  url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null,
});
`;

export function registerDocs(app: ApiApp, version: string): void {
  const assetDir = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  app.get('/openapi.json', (c) => c.json(openApiDocument(app, version)));
  app.get('/docs', (c) => c.html(referencePage()));
  app.get('/docs/errors', (c) => c.html(errorsPage()));
  app.get('/docs/start.js', (c) =>
    c.body(START_SCRIPT, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }),
  );
  app.get('/docs/:asset', async (c) => {
    const asset = c.req.param('asset');
    const contentType = Object.hasOwn(ASSETS, asset) ? ASSETS[asset] : undefined;
    if (contentType === undefined) throw new EarshotError('not_found', `There is no page /docs/${asset}.`);
    const bytes = await readFile(join(assetDir, asset));
    return c.body(new Uint8Array(bytes), 200, {
      'Content-Type': contentType,
      'Cache-Control': 'max-age=3600',
    });
  });
}

function openApiDocument(app: ApiApp, version: string) {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Earshot',
      version,
      description:
        'Finds sounds by video and footage by sound. Failures share one envelope; ' +
        '[the codes and their statuses](/docs/errors).',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: '/' }],
  });
}

function referencePage() {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Earshot: HTTP reference</title>
    <link rel="icon" href="/docs/favicon-32x32.png" />
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>`;
}

function errorsPage() {
  const rows = ERROR_CODES.map(
    (code) => html`<tr id="${code}"><td><code>${code}</code></td><td>${statusOf(code)}</td></tr>`,
  );
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Earshot: error codes</title>
  </head>
  <body>
    <h1>Error codes</h1>
    <p>
      Every failure is answered with <code>{"error": {"code", "message", "docs", "requestId"}}</code>. The message
      says what is wrong and what to do; the code is what a program should look at. 503 answers carry Retry-After
      and may be sent again.
    </p>
    <table>
      <thead><tr><th>Code</th><th>Status</th></tr></thead>
      <tbody>${rows}</tbody>
    </table>
  </body>
</html>`;
}
