/** `GET /v1/results/{id}/{name}`: a file that an answer refers to. */
import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { resultFile } from '../results.ts';
import { errorAnswer } from '../schemas.ts';

const MIME_TYPES: Record<string, string> = {
  '.png': 'image/png',
  '.mp4': 'video/mp4',
  '.wav': 'audio/wav',
};

const route = createRoute({
  method: 'get',
  path: '/v1/results/{id}/{name}',
  tags: ['analysis'],
  summary: 'A file of an answer: a map, a picture or a film',
  description: 'It can be fetched for an hour.',
  request: { params: z.object({ id: z.string().max(100), name: z.string().max(100) }) },
  responses: {
    200: {
      description: 'The file',
      content: { '*/*': { schema: { type: 'string' as const, format: 'binary' } } },
    },
    default: errorAnswer,
  },
});

export function registerResultFile(app: ApiApp, { resultDir }: ApiContext): void {
  app.openapi(route, async (c) => {
    const { id, name } = c.req.valid('param');
    const { path, sizeBytes } = await resultFile(resultDir, id, name);
    c.header('Content-Type', MIME_TYPES[extname(name)] ?? 'application/octet-stream');
    c.header('Content-Length', String(sizeBytes));
    c.header('Cache-Control', 'private, max-age=3600');
    return c.body(Readable.toWeb(createReadStream(path)) as ReadableStream, 200);
  });
}
