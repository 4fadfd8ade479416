/** The one error envelope of the API, and the one place where error codes become HTTP statuses. */
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { asEarshotError, EarshotError, ERROR_CODES, type ErrorCode } from '#core/errors';
import type { AppEnv } from './context.ts';

export const errorSchema = z
  .object({
    error: z.object({
      code: z.enum(ERROR_CODES),
      message: z.string().openapi({ description: 'What is wrong and what to do, for a person.' }),
      docs: z.string().openapi({ description: 'Where the code is explained, relative to this server.' }),
      requestId: z.string().openapi({ description: 'The same id stands in the log of the server.' }),
    }),
  })
  .openapi('Error');

type ErrorStatus = 400 | 401 | 403 | 404 | 409 | 413 | 415 | 416 | 422 | 500 | 501 | 503 | 504 | 507;

/** HTTP status of an error code. Exhaustive: a new code doesn't compile until it has its status here. */
export function statusOf(code: ErrorCode): ErrorStatus {
  switch (code) {
    case 'invalid_argument':
    case 'malformed_json':
      return 400;
    case 'unauthorized':
      return 401;
    case 'forbidden':
      return 403;
    case 'unknown_clip':
    case 'unknown_job':
    case 'unknown_collection':
    case 'not_found':
    case 'file_not_found':
    case 'model_not_found':
      return 404;
    case 'conflict':
      return 409;
    case 'payload_too_large':
    case 'media_too_large':
      return 413;
    case 'unsupported_media_type':
      return 415;
    case 'range_not_satisfiable':
      return 416;
    case 'vector_dimension_mismatch':
    case 'model_mismatch':
    case 'modality_missing':
    case 'file_unreadable':
    case 'media_empty':
    case 'media_unrecognised':
    case 'media_truncated':
    case 'media_too_long':
    case 'media_too_many_streams':
    case 'media_no_streams':
    case 'decode_failed':
    case 'decode_timeout':
    case 'too_short':
    case 'not_enough_data':
      return 422;
    case 'not_implemented':
    case 'not_trained':
      return 501;
    case 'overloaded':
    case 'ffmpeg_missing':
    case 'data_folder_in_use':
    case 'database_unavailable':
    case 'index_unavailable':
    case 'cancelled':
    case 'server_unreachable':
      return 503;
    case 'timeout':
      return 504;
    case 'disk_full':
      return 507;
    case 'model_invalid':
    case 'checkpoint_invalid':
    case 'shape_mismatch':
    case 'training_diverged':
    case 'storage_failed':
    case 'migration_failed':
    case 'configuration_invalid':
    case 'internal':
      return 500;
    default:
      return unreachable(code);
  }
}

function unreachable(code: never): never {
  throw new Error(`no status for ${String(code)}`);
}

/** Seconds after which a refused request may be worth sending again. */
const RETRY_AFTER_SEC = 2;

/** Answers any thrown value in the envelope; what a user can't mend is logged with its cause. */
export function answerError(thrown: unknown, c: Context<AppEnv>): Response {
  const error = thrown instanceof HTTPException ? fromHttpException(thrown) : asEarshotError(thrown);
  const status = statusOf(error.code);
  const log = c.var.logger;
  // A model without a head, and a client that went away, are no faults of the server.
  const isFault = status >= 500 && status !== 501 && error.code !== 'cancelled';
  if (isFault) log.error({ err: error, code: error.code }, 'request failed');
  else log.info({ code: error.code, subject: error.subject }, error.message);
  if (status === 503) c.header('Retry-After', String(RETRY_AFTER_SEC));
  const requestId = c.var.requestId;
  // The text of an unforeseen failure may name paths and queries: it belongs in the log only.
  const message =
    error.code === 'internal'
      ? `Something went wrong inside the server; its log tells more under request ${requestId}.`
      : error.message;
  const body = { error: { code: error.code, message, docs: `/docs/errors#${error.code}`, requestId } };
  return c.json(body, status);
}

function fromHttpException(exception: HTTPException): EarshotError {
  const code: ErrorCode =
    exception.status === 413
      ? 'payload_too_large'
      : exception.status === 415
        ? 'unsupported_media_type'
        : exception.status === 404
          ? 'not_found'
          : exception.status < 500
            ? 'invalid_argument'
            : 'internal';
  return new EarshotError(code, exception.message, { cause: exception });
}

/** A zod failure as one sentence that names every field at fault. */
export function invalidArgument(error: z.ZodError): EarshotError {
  const faults = flatten(error.issues, []).map(({ field, message }) =>
    field === '' ? message : `${field}: ${message}`,
  );
  return new EarshotError('invalid_argument', `The request is not valid: ${faults.join('; ')}.`, {
    subject: error.issues[0]?.path.join('.'),
  });
}

type Issue = z.core.$ZodIssue;

/** Of the alternatives of a union, the one with the fewest faults is what the client most likely meant. */
function flatten(
  issues: readonly Issue[],
  prefix: readonly PropertyKey[],
): { field: string; message: string }[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path];
    if (issue.code === 'invalid_union') {
      const [closest] = [...issue.errors].sort((a, b) => a.length - b.length);
      if (closest && closest.length > 0) return flatten(closest, path);
    }
    return [{ field: path.join('.'), message: issue.message }];
  });
}
