/** Failures of the Qdrant client as Earshot's: the client throws plain objects of four kinds. */
import { EarshotError } from '#core/errors';

/** The HTTP status of an answer that the client refused, or undefined where there was no answer. */
export function statusOf(error: unknown): number | undefined {
  const status = (error as { status?: unknown } | undefined)?.status;
  return typeof status === 'number' ? status : undefined;
}

/** What the server says is wrong; its sentences stand in `data.status.error`. */
function serverMessage(error: unknown): string {
  const said = (error as { data?: { status?: { error?: unknown } } } | undefined)?.data?.status?.error;
  if (typeof said === 'string') return said;
  return error instanceof Error ? error.message : String(error);
}

function fromStatus(status: number, collection: string, error: unknown): EarshotError {
  const message = serverMessage(error);
  if (status === 404) {
    return new EarshotError('not_found', `The vector index has no collection or alias "${collection}".`, {
      subject: collection,
      cause: error,
    });
  }
  if (status === 401 || status === 403) {
    return new EarshotError(
      'index_unavailable',
      'Qdrant refused the API key: check EARSHOT_QDRANT_API_KEY.',
      {
        subject: 'EARSHOT_QDRANT_API_KEY',
        cause: error,
      },
    );
  }
  if (status === 409) return new EarshotError('conflict', `Qdrant refused: ${message}`, { cause: error });
  if (status === 408 || status === 429 || status >= 500) {
    return new EarshotError('index_unavailable', `Qdrant can't answer now (${status}): ${message}`, {
      cause: error,
      retryable: true,
    });
  }
  return new EarshotError('invalid_argument', `Qdrant refused the request (${status}): ${message}`, {
    cause: error,
  });
}

/**
 * Runs a request to Qdrant.
 *
 * @param collection as the caller named it, for the message
 * @throws EarshotError `index_unavailable` (retryable unless the key is wrong), `not_found`, `conflict`,
 *   `invalid_argument`
 */
export async function callQdrant<Result>(
  collection: string,
  request: () => Promise<Result>,
): Promise<Result> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof EarshotError) throw error;
    const status = statusOf(error);
    if (status !== undefined) throw fromStatus(status, collection, error);
    // No answer: refused, reset, timed out, not a Qdrant, or asked to slow down.
    throw new EarshotError('index_unavailable', `Qdrant can't be reached: ${serverMessage(error)}.`, {
      subject: 'EARSHOT_QDRANT_URL',
      cause: error,
      retryable: true,
    });
  }
}
