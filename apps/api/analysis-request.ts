/**
 * Requests that ask something of one clip or file: JSON with a `clipId`, or a form with a `file`; of either a part, from
 * `startSec` to `endSec`. Some questions take a second subject, as a file of the form or as `<field>ClipId`.
 */
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { AnalysisSubject } from '#catalog/catalog-service';
import { underOwnName } from '#catalog/own-name';
import { EarshotError } from '#core/errors';
import type { ApiApp, ApiContext, AppEnv } from './context.ts';
import { bodyKind, parseJson, readJson, unsupportedBody, validate } from './json-body.ts';
import { type ReceivedForm, receiveForm, withUploadFolder } from './uploads.ts';

const second = z.number().min(0).max(1e6);

/** Fields of the part that is asked about, for a route's schema. */
const partFields = { startSec: second.optional(), endSec: second.optional() };

export interface AnalysisQuestion<Shape extends z.ZodRawShape> {
  /** Of its schema in the OpenAPI document. */
  name: string;
  /** Fields beside the subject. In a form, those that are no strings are JSON. */
  fields: Shape;
  /** Fields of the form that may hold another file beside `file`; each may be given as `<field>ClipId` instead. */
  others?: readonly string[];
}

export interface AskedAnalysis<Shape extends z.ZodRawShape> {
  subject: AnalysisSubject;
  fields: z.output<z.ZodObject<Shape>>;
  /** The other subjects that were given, by their field. */
  others: ReadonlyMap<string, AnalysisSubject>;
}

/**
 * Reads such a request and answers it; uploads are gone afterwards, and failures call them by their own names.
 *
 * @throws EarshotError `invalid_argument`, `malformed_json`, `unsupported_media_type`, `payload_too_large`
 */
export async function answerAnalysis<Shape extends z.ZodRawShape, T>(
  c: Context<AppEnv>,
  context: ApiContext,
  question: AnalysisQuestion<Shape>,
  answer: (asked: AskedAnalysis<Shape>) => Promise<T>,
): Promise<T> {
  const kind = bodyKind(c);
  if (kind === null) throw unsupportedBody('application/json or multipart/form-data');
  if (kind === 'json') {
    const body = await readJson(c, schemaOf(question));
    return answer(askedBy(body, new Map(), question));
  }
  return withUploadFolder(context, async (folder) => {
    const form = await receiveForm(c, context, folder, ['file', ...(question.others ?? [])]);
    const asked = askedBy(readFields(form, question), form.files, question);
    const names = [...form.files.values()];
    return names.reduce<() => Promise<T>>(
      (work, { fileName, path }) =>
        () =>
          underOwnName({ fileName, places: [path] }, work),
      () => answer(asked),
    )();
  });
}

/**
 * The body of a route of this kind, for its definition. The schema is only referred to, or the framework would read the
 * body before `answerAnalysis` can: register it with `registerAnalysisSchema`.
 */
export function analysisBody<Shape extends z.ZodRawShape>(question: AnalysisQuestion<Shape>) {
  const binary = { type: 'string' as const, format: 'binary' };
  const others = Object.fromEntries((question.others ?? []).map((field) => [field, binary]));
  const text = { type: 'string' as const };
  const fields = Object.fromEntries(Object.keys(schemaOf(question).shape).map((field) => [field, text]));
  return {
    required: true,
    content: {
      'application/json': { schema: { $ref: `#/components/schemas/${question.name}` } },
      'multipart/form-data': {
        schema: { type: 'object' as const, properties: { ...fields, file: binary, ...others } },
      },
    },
  };
}

/** Puts the question's schema into the OpenAPI document. */
export function registerAnalysisSchema<Shape extends z.ZodRawShape>(
  app: ApiApp,
  question: AnalysisQuestion<Shape>,
): void {
  app.openAPIRegistry.register(question.name, schemaOf(question));
}

function schemaOf<Shape extends z.ZodRawShape>({ fields, others = [] }: AnalysisQuestion<Shape>) {
  const id = z.string().max(200);
  const ofOthers = others.flatMap((field) => [
    [`${field}ClipId`, id.optional()],
    [`${field}StartSec`, second.optional()],
    [`${field}EndSec`, second.optional()],
  ]);
  return z.strictObject({
    clipId: id.optional(),
    ...partFields,
    ...Object.fromEntries(ofOthers),
    ...fields,
  });
}

function readFields<Shape extends z.ZodRawShape>(
  form: ReceivedForm,
  question: AnalysisQuestion<Shape>,
): Record<string, unknown> {
  const schema = schemaOf(question);
  const values: Record<string, unknown> = {};
  for (const [name, [text = '']] of form.fields) {
    const field = (schema.shape as Record<string, z.ZodType | undefined>)[name];
    const isText = field === undefined || field.safeParse(text).success;
    values[name] = isText ? text : parseJson(text, z.unknown(), name);
  }
  return validate(values, schema) as Record<string, unknown>;
}

function askedBy<Shape extends z.ZodRawShape>(
  body: Record<string, unknown>,
  files: ReceivedForm['files'],
  question: AnalysisQuestion<Shape>,
): AskedAnalysis<Shape> {
  const subject = subjectOf(body, files, '');
  if (subject === null) {
    const message = 'Say what is asked about: a "clipId", or a file in the field "file" of a form.';
    throw new EarshotError('invalid_argument', message, { subject: 'clipId' });
  }
  const others = new Map<string, AnalysisSubject>();
  for (const field of question.others ?? []) {
    const other = subjectOf(body, files, field);
    if (other) others.set(field, other);
  }
  const own = Object.keys(question.fields).map((name) => [name, body[name]]);
  return { subject, fields: Object.fromEntries(own), others };
}

/** @param field that the subject's file is sent in; empty for the one that the question is about */
function subjectOf(
  body: Record<string, unknown>,
  files: ReceivedForm['files'],
  field: string,
): AnalysisSubject | null {
  const named = (name: string) => (field === '' ? name : `${field}${name[0]?.toUpperCase()}${name.slice(1)}`);
  const file = files.get(field === '' ? 'file' : field);
  const clipId = body[named('clipId')] as string | undefined;
  const part = {
    startSec: body[named('startSec')] as number | undefined,
    endSec: body[named('endSec')] as number | undefined,
  };
  if (file && clipId !== undefined) {
    const message = `Give either a file or "${named('clipId')}", not both.`;
    throw new EarshotError('invalid_argument', message, { subject: named('clipId') });
  }
  if (file) return { file: file.path, ...part };
  return clipId === undefined ? null : { clipId, ...part };
}
