/** `GET /v1/clips/{id}/media`: the stored file, whole or in part, as players ask for it. */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { createRoute, z } from '@hono/zod-openapi';
import { type ByteRange, parseRange } from '../byte-range.ts';
import type { ApiApp, ApiContext } from '../context.ts';
import { clipIdOf, clipParams, errorAnswer } from '../schemas.ts';

const binary = { schema: { type: 'string' as const, format: 'binary' } };

const route = createRoute({
  method: 'get',
  path: '/v1/clips/{id}/media',
  tags: ['clips'],
  summary: "A clip's media file",
  description: 'Answers one byte range (206), HEAD and If-None-Match.',
  request: {
    params: clipParams,
    query: z.object({ download: z.enum(['0', '1']).optional().openapi({ description: '1 to save it' }) }),
  },
  responses: {
    200: { description: 'The whole file', content: { '*/*': binary } },
    206: { description: 'The range asked for', content: { '*/*': binary } },
    304: { description: 'Unchanged since the ETag that was sent' },
    416: { ...errorAnswer, description: 'The range lies outside the file' },
    default: errorAnswer,
  },
});

export function registerClipMedia(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => {
    const id = clipIdOf(c.req.valid('param'));
    const [clip, media] = await Promise.all([catalog.getClip(id), catalog.clipMedia(id)]);
    const etag = `"${clip.sha256}"`;
    c.header('ETag', etag);
    c.header('Accept-Ranges', 'bytes');
    // The bytes of a clip never change, but it may be deleted: ask again, and be told 304.
    c.header('Cache-Control', 'private, no-cache');
    if (matches(c.req.header('if-none-match'), etag)) return c.body(null, 304);
    c.header('Content-Type', media.mimeType);
    c.header('Content-Disposition', disposition(media.fileName, c.req.valid('query').download === '1'));
    const ifRange = c.req.header('if-range');
    const wanted = ifRange === undefined || ifRange === etag ? c.req.header('range') : undefined;
    let range: ByteRange | null;
    try {
      range = parseRange(wanted, media.sizeBytes);
    } catch (error) {
      c.header('Content-Range', `bytes */${media.sizeBytes}`);
      throw error;
    }
    const { start, end } = range ?? { start: 0, end: media.sizeBytes - 1 };
    c.header('Content-Length', String(end - start + 1));
    if (range) c.header('Content-Range', `bytes ${start}-${end}/${media.sizeBytes}`);
    const status = range ? 206 : 200;
    if (c.req.method === 'HEAD') return c.body(null, status);
    const stream = createReadStream(media.path, { start, end });
    return c.body(Readable.toWeb(stream) as ReadableStream, status);
  });
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((entry) => ['*', etag, `W/${etag}`].includes(entry.trim()));
}

function disposition(fileName: string, download: boolean): string {
  const kind = download ? 'attachment' : 'inline';
  const plain = fileName.replace(/[^\x20-\x7e]|["\\]/g, '_');
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(fileName)}`;
}
