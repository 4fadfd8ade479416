/** `PATCH /v1/clips/{id}`: changes what people have written about a clip, or its collection. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ApiApp, ApiContext } from '../context.ts';
import { readJson } from '../json-body.ts';
import {
  clipIdOf,
  clipParams,
  clipSchema,
  collectionField,
  errorAnswer,
  jsonAnswer,
  metadataField,
  tagsField,
  titleField,
} from '../schemas.ts';

const change = z
  .strictObject({
    title: titleField,
    tags: tagsField,
    labels: tagsField,
    metadata: metadataField,
    collection: collectionField,
  })
  .partial()
  .openapi('ClipChange');

const route = createRoute({
  method: 'patch',
  path: '/v1/clips/{id}',
  tags: ['clips'],
  summary: 'Change a clip',
  description: 'Fields that are left out stay; lists and metadata are replaced as a whole.',
  request: {
    params: clipParams,
    body: {
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/ClipChange' } } },
    },
  },
  responses: { 200: jsonAnswer(clipSchema, 'The clip as it is now'), default: errorAnswer },
});

export function registerUpdateClip(app: ApiApp, { catalog }: ApiContext): void {
  app.openAPIRegistry.register('ClipChange', change);
  app.openapi(route, async (c) => {
    const id = clipIdOf(c.req.valid('param'));
    return c.json(await catalog.updateClip(id, await readJson(c, change)), 200);
  });
}
