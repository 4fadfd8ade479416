/** `POST /v1/embeddings`: the vectors of a file, without adding it to the catalog. */
import { createRoute, z } from '@hono/zod-openapi';
import { underOwnName } from '#catalog/own-name';
import { EarshotError } from '#core/errors';
import type { ApiApp, ApiContext } from '../context.ts';
import { bodyKind, unsupportedBody, validate } from '../json-body.ts';
import { errorAnswer, jsonAnswer, modalitySchema, modelIdentitySchema } from '../schemas.ts';
import { receiveForm, withUploadFolder } from '../uploads.ts';

const fieldsSchema = z.strictObject({ modality: modalitySchema.optional() });

const answer = z
  .object({
    model: modelIdentitySchema,
    segments: z.array(
      z.object({
        modality: modalitySchema,
        startSec: z.number(),
        endSec: z.number(),
        vector: z.array(z.number()).openapi({ description: 'Unit length' }),
      }),
    ),
  })
  .openapi('Embeddings');

const route = createRoute({
  method: 'post',
  path: '/v1/embeddings',
  tags: ['search'],
  summary: 'Embed a file',
  description: 'A multipart form with `file`, and `modality` to embed only its sound or only its picture.',
  request: {
    body: {
      required: true,
      content: {
        'multipart/form-data': {
          schema: {
            type: 'object' as const,
            required: ['file'],
            properties: {
              file: { type: 'string' as const, format: 'binary' },
              modality: { type: 'string' as const, enum: ['audio', 'video'] },
            },
          },
        },
      },
    },
  },
  responses: { 200: jsonAnswer(answer, "Each segment's unit vectors"), default: errorAnswer },
});

export function registerEmbeddings(app: ApiApp, context: ApiContext): void {
  app.openapi(route, async (c) => {
    if (bodyKind(c) !== 'multipart') throw unsupportedBody('multipart/form-data');
    const embedded = await withUploadFolder(context, async (folder) => {
      const form = await receiveForm(c, context, folder);
      const given = [...form.fields].map(([name, [text = '']]) => [name, text] as const);
      const { modality } = validate(Object.fromEntries(given), fieldsSchema);
      const file = form.files.get('file');
      if (!file) {
        throw new EarshotError('invalid_argument', 'The form has no file: send it in the field "file".', {
          subject: 'file',
        });
      }
      const options = { modality, signal: c.req.raw.signal };
      return underOwnName({ fileName: file.fileName, places: [file.path] }, () =>
        context.catalog.embedFile(file.path, options),
      );
    });
    return c.json(embedded, 200);
  });
}
