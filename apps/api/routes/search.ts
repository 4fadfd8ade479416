/** `POST /v1/search`: sounds for a picture, pictures for a sound; by clip, by vector, by words, or by an uploaded file. */
import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { SearchPage, SearchRequest } from '#catalog/catalog-service';
import { underOwnName } from '#catalog/own-name';
import { EarshotError } from '#core/errors';
import type { ApiApp, ApiContext, AppEnv } from '../context.ts';
import { bodyKind, parseJson, readJson, unsupportedBody, validate } from '../json-body.ts';
import {
  clipSchema,
  errorAnswer,
  filterSchema,
  jsonAnswer,
  modalitySchema,
  modelIdentitySchema,
} from '../schemas.ts';
import { receiveForm, withUploadFolder } from '../uploads.ts';

const targetSchema = z.enum(['audio', 'video', 'clip']);
const second = z.number().min(0).max(1e6);

const querySchema = z.union([
  z.strictObject({
    clipId: z.string().max(200),
    startSec: second.optional(),
    endSec: second.optional(),
    modality: modalitySchema.optional(),
  }),
  z.strictObject({
    vector: z.array(z.number()).min(1).max(8192),
    modality: modalitySchema,
    model: z.string().min(1).max(500),
  }),
  z.strictObject({ text: z.string().min(1).max(2000) }),
]);

const options = {
  for: targetSchema,
  topK: z.number().int().min(1).max(1000).optional().openapi({ description: '1..1000, default 10' }),
  minScore: z.number().min(-1).max(1).optional(),
  groupBy: z.enum(['clip', 'segment']).optional().openapi({ description: 'Default: clip' }),
  filter: filterSchema.optional(),
  cursor: z.string().max(4096).optional().openapi({ description: '`nextCursor` of the page before' }),
};
const requestSchema = z.strictObject({ query: querySchema, ...options }).openapi('SearchRequest');
const formSchema = z.strictObject({
  modality: modalitySchema.optional(),
  ...options,
  for: targetSchema.optional(),
});

const answer = z
  .object({
    results: z.array(
      z.object({
        clip: clipSchema,
        segment: z.object({ index: z.number().int(), startSec: z.number(), endSec: z.number() }),
        score: z.number().openapi({ description: 'Cosine similarity, -1..1' }),
        modality: modalitySchema,
      }),
    ),
    total: z.number().int().openapi({ description: 'How many pass filter and threshold' }),
    totalIsLowerBound: z.boolean(),
    nextCursor: z.string().nullable(),
    model: modelIdentitySchema,
    text: z
      .object({ understood: z.array(z.string()), unknownWords: z.array(z.string()) })
      .optional()
      .openapi({
        description: 'Of a query in words: what it was taken to mean, and what of it was left out',
      }),
    tookMs: z.number(),
  })
  .openapi('SearchPage');

const route = createRoute({
  method: 'post',
  path: '/v1/search',
  tags: ['search'],
  summary: 'Search across modalities',
  description:
    'JSON with a query by `clipId`, by `vector` or by `text` (where the model has a text tower), or a multipart form with a `file` and `query` = ' +
    '`{"modality": "video" | "audio"}`; the form takes `for`, `topK`, `minScore`, `groupBy`, `filter` and `cursor` ' +
    'inside `query` or as fields of their own. Without `for`, a form asks for the other modality. A clip that asks ' +
    'without a `modality` does so with its sound for `video`, with its picture for the rest, or with what it has. ' +
    'It is among the answers where the other modality is found, and left out where it would only find itself: ' +
    'when `for` is the modality it asks with, or `clip`. `filter.excludeClipIds` leaves it out everywhere.',
  request: {
    body: {
      required: true,
      content: {
        'application/json': { schema: { $ref: '#/components/schemas/SearchRequest' } },
        'multipart/form-data': { schema: multipartSchema() },
      },
    },
  },
  responses: { 200: jsonAnswer(answer, 'One page of results, best first'), default: errorAnswer },
});

export function registerSearch(app: ApiApp, context: ApiContext): void {
  app.openAPIRegistry.register('SearchRequest', requestSchema);
  app.openapi(route, async (c) => {
    const kind = bodyKind(c);
    if (kind === null) throw unsupportedBody('application/json or multipart/form-data');
    const page = kind === 'json' ? await searchByJson(c, context) : await searchByFile(c, context);
    return c.json(page, 200);
  });
}

async function searchByJson(c: Context<AppEnv>, context: ApiContext): Promise<SearchPage> {
  const { query, ...rest } = await readJson(c, requestSchema);
  if ('text' in query) return search(c, context, 'text', { query, ...rest });
  if ('vector' in query) {
    const vector = Float32Array.from(query.vector);
    return search(c, context, 'vector', { query: { ...query, vector }, ...rest });
  }
  return search(c, context, 'clip', { query, ...rest });
}

function searchByFile(c: Context<AppEnv>, context: ApiContext): Promise<SearchPage> {
  return withUploadFolder(context, async (folder) => {
    const form = await receiveForm(c, context, folder);
    const file = form.files.get('file');
    if (!file) {
      throw new EarshotError('invalid_argument', 'The form has no file: send it in the field "file".', {
        subject: 'file',
      });
    }
    const { modality, for: target, ...rest } = readForm(form.fields);
    if (!target && !modality) {
      const message = 'Say what the file is (query={"modality": "video"}) or what to find (for=audio).';
      throw new EarshotError('invalid_argument', message, { subject: 'query' });
    }
    const wanted = target ?? (modality === 'video' ? 'audio' : 'video');
    const request = { query: { file: file.path, modality }, for: wanted, ...rest };
    return underOwnName({ fileName: file.fileName, places: [file.path] }, () =>
      search(c, context, 'file', request),
    );
  });
}

async function search(
  c: Context<AppEnv>,
  context: ApiContext,
  kind: string,
  request: SearchRequest,
): Promise<SearchPage> {
  const stop = context.metrics.searchSeconds.startTimer({ kind, target: request.for });
  const page = await context.catalog.search(request, { signal: c.req.raw.signal });
  stop();
  return page;
}

/** Fields of the form laid over the members of its `query`; numbers and objects are JSON there. */
function readForm(fields: Map<string, string[]>): z.output<typeof formSchema> {
  const values: Record<string, unknown> = {};
  const query = fields.get('query')?.[0];
  if (query !== undefined)
    Object.assign(values, parseJson(query, z.record(z.string(), z.unknown()), 'query'));
  for (const [name, [text = '']] of fields) {
    if (name === 'query' || text === '') continue;
    const isJson = ['topK', 'minScore', 'filter'].includes(name);
    values[name] = isJson ? parseJson(text, z.unknown(), name) : text;
  }
  return validate(values, formSchema);
}

function multipartSchema() {
  const text = { type: 'string' as const };
  return {
    type: 'object' as const,
    required: ['file'],
    properties: {
      file: { type: 'string' as const, format: 'binary' },
      query: { ...text, description: 'JSON: `{"modality": "video"}` or `{"modality": "audio"}`' },
      for: { ...text, enum: ['audio', 'video', 'clip'] },
      topK: { type: 'integer' as const, minimum: 1, maximum: 1000 },
      minScore: { type: 'number' as const },
      groupBy: { ...text, enum: ['clip', 'segment'] },
      filter: { ...text, description: 'A ClipFilter as JSON' },
      cursor: text,
    },
  };
}
