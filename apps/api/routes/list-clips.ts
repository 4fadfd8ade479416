/** `GET /v1/clips`: the clips, newest first, a page at a time. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { clipSchema, clipStatusSchema, errorAnswer, jsonAnswer, pageQuery } from '../schemas.ts';

const route = createRoute({
  method: 'get',
  path: '/v1/clips',
  tags: ['clips'],
  summary: 'List clips',
  request: {
    query: z.object({
      collection: z.string().max(200).optional(),
      tag: z.string().max(200).optional(),
      status: clipStatusSchema.optional(),
      ...pageQuery,
    }),
  },
  responses: {
    200: jsonAnswer(
      z.object({ items: z.array(clipSchema), nextCursor: z.string().nullable() }).openapi('ClipPage'),
      'One page of clips',
    ),
    default: errorAnswer,
  },
});

export function registerListClips(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => c.json(await catalog.listClips(c.req.valid('query')), 200));
}
