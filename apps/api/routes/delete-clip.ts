/** `DELETE /v1/clips/{id}`: removes a clip, its file, its vectors and its jobs. */
import { createRoute } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { clipIdOf, clipParams, errorAnswer } from '../schemas.ts';

const route = createRoute({
  method: 'delete',
  path: '/v1/clips/{id}',
  tags: ['clips'],
  summary: 'Delete a clip',
  request: { params: clipParams },
  responses: { 204: { description: 'Gone' }, default: errorAnswer },
});

export function registerDeleteClip(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => {
    await catalog.deleteClip(clipIdOf(c.req.valid('param')));
    return c.body(null, 204);
  });
}
