/** `GET /v1/collections`: the collections, and how many clips are in each. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { errorAnswer, jsonAnswer } from '../schemas.ts';

const collectionSchema = z
  .object({
    name: z.string(),
    clips: z.number().int().openapi({ description: 'Clips of any status, 1 at least' }),
  })
  .openapi('Collection');

const route = createRoute({
  method: 'get',
  path: '/v1/collections',
  tags: ['clips'],
  summary: 'List collections',
  description: 'Every collection that has a clip, by name: a collection begins with its first clip.',
  responses: {
    200: jsonAnswer(z.object({ items: z.array(collectionSchema) }), 'The collections'),
    default: errorAnswer,
  },
});

export function registerListCollections(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => c.json({ items: await catalog.listCollections() }, 200));
}
