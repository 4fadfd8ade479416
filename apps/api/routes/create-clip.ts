/** `POST /v1/clips`: adds a file, uploaded or fetched from a URL. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createRoute, z } from '@hono/zod-openapi';
import type { AddedClip } from '#catalog/catalog-service';
import { EarshotError } from '#core/errors';
import type { ApiApp, ApiContext } from '../context.ts';
import { bodyKind, parseJson, readJson, unsupportedBody, validate } from '../json-body.ts';
import { fetchToFile } from '../remote-source.ts';
import {
  clipSchema,
  collectionField,
  errorAnswer,
  jobSchema,
  jsonAnswer,
  metadataField,
  tagsField,
  titleField,
} from '../schemas.ts';
import { type ReceivedFile, type ReceivedForm, receiveForm, withUploadFolder } from '../uploads.ts';

const details = {
  collection: collectionField.optional(),
  title: titleField.optional(),
  tags: tagsField.optional(),
  labels: tagsField.optional(),
  metadata: metadataField.optional(),
};
const formFields = z.strictObject({ ...details, sourcePath: z.string().max(4096).optional() });
const urlBody = z.strictObject({ url: z.string().max(4096), ...details }).openapi('NewClipFromUrl');
const answer = z.object({ clip: clipSchema, job: jobSchema.nullable() }).openapi('AddedClip');

const route = createRoute({
  method: 'post',
  path: '/v1/clips',
  tags: ['clips'],
  summary: 'Add a clip',
  description:
    'A multipart form with `file`, or JSON with the `url` of one. `tags` and `labels` may be repeated, or be one ' +
    'JSON array. The same bytes in the same collection are stored once: the answer is then 200 with the clip ' +
    'that is there.',
  request: {
    body: {
      required: true,
      content: {
        'multipart/form-data': { schema: multipartSchema() },
        'application/json': { schema: { $ref: '#/components/schemas/NewClipFromUrl' } },
      },
    },
  },
  responses: {
    202: jsonAnswer(answer, 'Accepted: the job indexes the clip'),
    200: jsonAnswer(answer, 'These bytes were there already'),
    default: errorAnswer,
  },
});

export function registerCreateClip(app: ApiApp, context: ApiContext): void {
  app.openAPIRegistry.register('NewClipFromUrl', urlBody);
  app.openapi(route, async (c) => {
    const kind = bodyKind(c);
    if (kind === null) throw unsupportedBody('multipart/form-data or application/json');
    const signal = c.req.raw.signal;
    const added = await withUploadFolder(context, async (folder) => {
      if (kind === 'multipart') {
        const form = await receiveForm(c, context, folder);
        const fields = readFields(form);
        const file = form.files.get('file');
        if (!file) throw missingFile();
        return add(context, file, fields, signal);
      }
      const { url, ...fields } = await readJson(c, urlBody);
      const file = await fetchToFile(url, join(folder, 'download'), context, signal);
      context.metrics.uploadedBytes.inc(file.sizeBytes);
      return add(context, file, fields, signal);
    });
    context.metrics.clipsAdded.inc({ outcome: added.created ? 'created' : 'there_already' });
    const { clip, job } = added;
    // A clip that had failed is tried again: that work is accepted, not done.
    return job === null || !added.created ? c.json({ clip, job }, 200) : c.json({ clip, job }, 202);
  });
}

function add(
  context: ApiContext,
  file: ReceivedFile,
  { sourcePath, ...fields }: z.output<typeof formFields>,
  signal: AbortSignal,
): Promise<AddedClip> {
  const source = { stream: createReadStream(file.path), fileName: file.fileName, sourcePath };
  return context.catalog.addClip({ source, ...fields }, { signal });
}

function readFields(form: ReceivedForm): z.output<typeof formFields> {
  const values: Record<string, unknown> = {};
  for (const [name, entries] of form.fields) {
    const [first = ''] = entries;
    if (name === 'tags' || name === 'labels') values[name] = readList(name, entries);
    else if (name === 'metadata') values[name] = parseJson(first, z.unknown(), name);
    else if (entries.length > 1) throw repeated(name);
    // An empty input of an HTML form means "not given".
    else if (first !== '') values[name] = first;
  }
  return validate(values, formFields);
}

function readList(name: string, entries: string[]): string[] {
  const [first = ''] = entries;
  if (entries.length === 1 && first.trimStart().startsWith('[')) return parseJson(first, tagsField, name);
  return entries.filter((entry) => entry.trim() !== '');
}

function repeated(name: string): EarshotError {
  return new EarshotError('invalid_argument', `The field "${name}" is given more than once.`, {
    subject: name,
  });
}

function missingFile(): EarshotError {
  return new EarshotError('invalid_argument', 'The form has no file: send it in the field "file".', {
    subject: 'file',
  });
}

function multipartSchema() {
  const list = { type: 'array' as const, items: { type: 'string' as const } };
  return {
    type: 'object' as const,
    required: ['file'],
    properties: {
      file: { type: 'string' as const, format: 'binary' },
      collection: { type: 'string' as const },
      title: { type: 'string' as const },
      tags: list,
      labels: list,
      metadata: { type: 'string' as const, description: 'A JSON object' },
      sourcePath: {
        type: 'string' as const,
        description: 'Where the file lies with its sender: shown with the clip, never opened by the server',
      },
    },
  };
}
