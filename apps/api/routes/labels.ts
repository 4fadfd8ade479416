/** `GET`, `POST` and `DELETE /v1/labels`, `DELETE /v1/labels/{name}`: what scenes are told apart by. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { readJson } from '../json-body.ts';
import { clipIdsField, errorAnswer, jsonAnswer, labelSchema, pageQuery } from '../schemas.ts';

const newLabel = z
  .strictObject({ name: z.string(), clipIds: clipIdsField.optional() })
  .openapi('NewLabel', { description: '`clipIds`: clips that show what the label means' });

const list = createRoute({
  method: 'get',
  path: '/v1/labels',
  tags: ['labels'],
  summary: 'List labels',
  request: { query: z.object(pageQuery) },
  responses: {
    200: jsonAnswer(
      z.object({ items: z.array(labelSchema), nextCursor: z.string().nullable() }),
      'A page of labels, by name',
    ),
    default: errorAnswer,
  },
});

const create = createRoute({
  method: 'post',
  path: '/v1/labels',
  tags: ['labels'],
  summary: 'Make a label',
  description: 'One that is there already gets the examples in addition.',
  request: {
    body: {
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/NewLabel' } } },
    },
  },
  responses: { 200: jsonAnswer(labelSchema, 'The label as it is now'), default: errorAnswer },
});

const removal = {
  method: 'delete' as const,
  tags: ['labels'],
  summary: 'Delete a label',
  description: 'Its example clips stay in the catalog.',
  responses: { 204: { description: 'It is gone' }, default: errorAnswer },
};
const name = z.string().openapi({ description: "The label's name" });

const remove = createRoute({ ...removal, path: '/v1/labels', request: { query: z.object({ name }) } });

const removeByPath = createRoute({
  ...removal,
  path: '/v1/labels/{name}',
  request: { params: z.object({ name }) },
});

export function registerLabels(app: ApiApp, { catalog }: ApiContext): void {
  app.openAPIRegistry.register('NewLabel', newLabel);
  app.openapi(list, async (c) => c.json(await catalog.listLabels(c.req.valid('query')), 200));
  app.openapi(create, async (c) => {
    const { name, clipIds = [] } = await readJson(c, newLabel);
    return c.json(await catalog.addExamples(name, clipIds), 200);
  });
  app.openapi(remove, async (c) => {
    await catalog.deleteLabel(c.req.valid('query').name);
    return c.body(null, 204);
  });
  app.openapi(removeByPath, async (c) => {
    await catalog.deleteLabel(c.req.valid('param').name);
    return c.body(null, 204);
  });
}
