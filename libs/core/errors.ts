/**
 * The one error class. Every failure a user can meet carries a code from this closed list; the API maps codes
 * to HTTP statuses in one exhaustive switch and the command line to exit codes.
 */
export const ERROR_CODES = [
  // the request
  'invalid_argument',
  'malformed_json',
  'unknown_clip',
  'unknown_job',
  'unknown_collection',
  'vector_dimension_mismatch',
  'model_mismatch',
  'modality_missing',
  'not_implemented',
  'unauthorized',
  'forbidden',
  'payload_too_large',
  'unsupported_media_type',
  'range_not_satisfiable',
  'not_found',
  // the media
  'file_not_found',
  'file_unreadable',
  'media_empty',
  'media_unrecognised',
  'media_truncated',
  'media_too_long',
  'media_too_large',
  'media_too_many_streams',
  'media_no_streams',
  'decode_failed',
  'decode_timeout',
  'ffmpeg_missing',
  // the model
  'model_not_found',
  'model_invalid',
  'checkpoint_invalid',
  'not_trained',
  'too_short',
  'shape_mismatch',
  'training_diverged',
  'not_enough_data',
  // the stores
  'data_folder_in_use',
  'disk_full',
  'database_unavailable',
  'index_unavailable',
  'storage_failed',
  'migration_failed',
  'conflict',
  // the process
  'configuration_invalid',
  'overloaded',
  'server_unreachable',
  'cancelled',
  'timeout',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface EarshotErrorOptions {
  /** The field, file or variable at fault, when there is one. */
  subject?: string;
  cause?: unknown;
  /** Whether the same call may succeed later without being changed. */
  retryable?: boolean;
}

export class EarshotError extends Error {
  readonly code: ErrorCode;
  readonly subject: string | undefined;
  readonly retryable: boolean;

  /**
   * @param code    from the closed list
   * @param message one sentence that says what is wrong and what to do
   */
  constructor(code: ErrorCode, message: string, options: EarshotErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EarshotError';
    this.code = code;
    this.subject = options.subject;
    this.retryable = options.retryable ?? false;
  }
}

/** Any thrown value as an EarshotError; unknown failures become `internal`, a full disk `disk_full`. */
export function asEarshotError(error: unknown): EarshotError {
  if (error instanceof EarshotError) return error;
  const errno = (error as NodeJS.ErrnoException | undefined)?.code;
  const message = error instanceof Error ? error.message : String(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    return new EarshotError('disk_full', 'The disk is full: free some space and try again.', {
      cause: error,
      retryable: true,
    });
  }
  return new EarshotError('internal', message, { cause: error });
}
