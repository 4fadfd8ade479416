/** `DELETE /v1/models/{id}`: drops the vectors that the catalog keeps of a retired model. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { errorAnswer, jsonAnswer, modelParams } from '../schemas.ts';

const route = createRoute({
  method: 'delete',
  path: '/v1/models/{id}',
  tags: ['models'],
  summary: "Drop a retired model's vectors",
  description: "From database and index. The model's files stay.",
  request: { params: modelParams },
  responses: {
    200: jsonAnswer(z.object({ removedPoints: z.number().int() }), 'How many points are gone'),
    default: errorAnswer,
  },
});

export function registerDeleteModel(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => c.json(await catalog.removeModel(c.req.valid('param').id), 200));
}
