/** JSON bodies: bounded, of the right type, well-formed and valid, or refused with the code that says which. */
import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { EarshotError } from '#core/errors';
import type { AppEnv } from './context.ts';
import { invalidArgument } from './error-response.ts';

const MAX_JSON_BYTES = 2 * 2 ** 20;

/** `json`, `multipart`, or null for a body of any other type. */
export function bodyKind(c: Context<AppEnv>): 'json' | 'multipart' | null {
  const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json' || type.endsWith('+json')) return 'json';
  return type === 'multipart/form-data' ? 'multipart' : null;
}

/** @throws EarshotError `unsupported_media_type`, `payload_too_large`, `malformed_json`, `invalid_argument` */
export async function readJson<S extends z.ZodType>(c: Context<AppEnv>, schema: S): Promise<z.output<S>> {
  if (bodyKind(c) !== 'json') throw unsupportedBody('application/json');
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_JSON_BYTES) {
      throw new EarshotError('payload_too_large', 'A JSON body may have at most 2 MiB.');
    }
    chunks.push(Buffer.from(chunk));
  }
  return parseJson(Buffer.concat(chunks).toString('utf8'), schema);
}

/**
 * @param field the form field that the text came in, if it came in one
 * @throws EarshotError `malformed_json`, `invalid_argument`
 */
export function parseJson<S extends z.ZodType>(text: string, schema: S, field?: string): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const where = field === undefined ? 'The body' : `The field "${field}"`;
    throw new EarshotError('malformed_json', `${where} is not well-formed JSON.`, { subject: field, cause });
  }
  return validate(value, schema);
}

/** @throws EarshotError `invalid_argument` */
export function validate<S extends z.ZodType>(value: unknown, schema: S): z.output<S> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalidArgument(parsed.error);
  return parsed.data;
}

export function unsupportedBody(expected: string): EarshotError {
  return new EarshotError(
    'unsupported_media_type',
    `This route takes ${expected}; set the Content-Type to it.`,
    {
      subject: 'content-type',
    },
  );
}
