/** `GET /v1/clips/{id}`: one clip. */
import { createRoute } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { clipIdOf, clipParams, clipSchema, errorAnswer, jsonAnswer } from '../schemas.ts';

const route = createRoute({
  method: 'get',
  path: '/v1/clips/{id}',
  tags: ['clips'],
  summary: 'Get a clip',
  request: { params: clipParams },
  responses: { 200: jsonAnswer(clipSchema, 'The clip'), default: errorAnswer },
});

export function registerGetClip(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => c.json(await catalog.getClip(clipIdOf(c.req.valid('param'))), 200));
}
