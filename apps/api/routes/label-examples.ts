/** `POST` and `DELETE /v1/labels/{name}/examples`: the clips that show what a label means. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { readJson } from '../json-body.ts';
import { clipIdsField, errorAnswer, jsonAnswer, labelSchema } from '../schemas.ts';

const examples = z.strictObject({ clipIds: clipIdsField }).openapi('LabelExamples');

const shared = {
  path: '/v1/labels/{name}/examples',
  tags: ['labels'],
  request: {
    params: z.object({ name: z.string().openapi({ description: "The label's name, percent-encoded" }) }),
    body: {
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/LabelExamples' } } },
    },
  },
  responses: { 200: jsonAnswer(labelSchema, 'The label as it is now'), default: errorAnswer },
};

const add = createRoute({
  ...shared,
  method: 'post',
  summary: 'Add examples to a label',
  description: 'All of them or none; a label that is not there is made.',
});

const remove = createRoute({
  ...shared,
  method: 'delete',
  summary: 'Take examples from a label',
  description: 'Clips that are none of its examples are passed over.',
});

export function registerLabelExamples(app: ApiApp, { catalog }: ApiContext): void {
  app.openAPIRegistry.register('LabelExamples', examples);
  app.openapi(add, async (c) => {
    const { clipIds } = await readJson(c, examples);
    return c.json(await catalog.addExamples(c.req.valid('param').name, clipIds), 200);
  });
  app.openapi(remove, async (c) => {
    const { clipIds } = await readJson(c, examples);
    return c.json(await catalog.removeExamples(c.req.valid('param').name, clipIds), 200);
  });
}
