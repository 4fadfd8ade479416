/** `GET /v1/clips/{id}/thumbnail`: one picture of a clip. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { clipIdOf, clipParams, errorAnswer } from '../schemas.ts';

const DEFAULT_WIDTH = 320;

const route = createRoute({
  method: 'get',
  path: '/v1/clips/{id}/thumbnail',
  tags: ['clips'],
  summary: 'A picture of a clip',
  request: {
    params: clipParams,
    query: z.object({
      width: z.coerce.number().int().min(16).max(1920).optional(),
      atSec: z.coerce.number().min(0).max(1e6).optional(),
    }),
  },
  responses: {
    200: {
      description: 'JPEG',
      content: { 'image/jpeg': { schema: { type: 'string' as const, format: 'binary' } } },
    },
    default: errorAnswer,
  },
});

export function registerClipThumbnail(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => {
    const { width = DEFAULT_WIDTH, atSec } = c.req.valid('query');
    const jpeg = await catalog.clipThumbnail(clipIdOf(c.req.valid('param')), { width, atSec });
    c.header('Content-Type', 'image/jpeg');
    c.header('Cache-Control', 'private, max-age=86400');
    return c.body(new Uint8Array(jpeg), 200);
  });
}
