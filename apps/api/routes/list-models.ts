/** `GET /v1/models`: the models at hand, and which one embeds this catalog. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { errorAnswer, jsonAnswer } from '../schemas.ts';

const modelSchema = z
  .object({
    name: z.string(),
    id: z.string(),
    version: z.string(),
    dimension: z.number().int(),
    active: z.boolean().openapi({ description: 'Whether searches are answered with it' }),
    state: z.enum(['live', 'building', 'retired', 'unused']).openapi({
      description:
        'building: goes live when every clip is embedded with it; retired: its vectors are kept; unused: there are none',
    }),
    installed: z.boolean().openapi({ description: 'Whether its files are at hand' }),
    hasTextTower: z.boolean().openapi({ description: 'Whether it can be searched with words' }),
    description: z.string(),
  })
  .openapi('Model');

const route = createRoute({
  method: 'get',
  path: '/v1/models',
  tags: ['models'],
  summary: 'List models',
  responses: {
    200: jsonAnswer(z.object({ items: z.array(modelSchema) }), 'The models'),
    default: errorAnswer,
  },
});

export function registerListModels(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => c.json({ items: await catalog.listModels() }, 200));
}
