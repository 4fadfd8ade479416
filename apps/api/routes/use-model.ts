/** `POST /v1/models/{id}/use`: embeds the catalog with another model in the background, then switches to it. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { errorAnswer, jobSchema, jsonAnswer, modelIdentitySchema, modelParams } from '../schemas.ts';

const useSchema = z
  .object({
    model: modelIdentitySchema,
    job: jobSchema.nullable().openapi({ description: 'Null where the model is live already' }),
  })
  .openapi('ModelUse');

const route = createRoute({
  method: 'post',
  path: '/v1/models/{id}/use',
  tags: ['models'],
  summary: 'Change to another model',
  description:
    'Searches are answered by the model before until every clip is embedded. Any other change under way is taken back.',
  request: { params: modelParams },
  responses: {
    200: jsonAnswer(useSchema, 'The model is live already'),
    202: jsonAnswer(useSchema, 'The job that embeds the clips and then switches'),
    default: errorAnswer,
  },
});

export function registerUseModel(app: ApiApp, { catalog }: ApiContext): void {
  app.openapi(route, async (c) => {
    const used = await catalog.useModel(c.req.valid('param').id);
    return used.job === null ? c.json(used, 200) : c.json(used, 202);
  });
}
