/** A full disk as the databases tell of it, each in its own way and deep inside a driver's error. */
import { EarshotError } from '#core/errors';

/** SQLSTATE `disk_full` of a statement; the names Node has for no space and for a quota that is used up. */
const FULL_CODES = new Set(['53100', 'ENOSPC', 'EDQUOT']);
/** The same two as WebAssembly's numbers: the embedded database's files speak of them without a name. */
const FULL_WASI_ERRNOS = new Set([51, 19]);

/** `disk_full` where that is what stands behind the failure; any other failure as it is. */
export function namingFullDisk(error: unknown): unknown {
  if (error instanceof EarshotError) return error;
  for (let e: unknown = error; typeof e === 'object' && e !== null; e = (e as { cause?: unknown }).cause) {
    const { code, errno, name } = e as { code?: unknown; errno?: unknown; name?: unknown };
    const isFull =
      (typeof code === 'string' && FULL_CODES.has(code)) ||
      (name === 'ErrnoError' && typeof errno === 'number' && FULL_WASI_ERRNOS.has(errno));
    if (!isFull) continue;
    const message = "The database's disk is full: free some space and try again.";
    return new EarshotError('disk_full', message, { cause: error, retryable: true });
  }
  return error;
}

/** Runs `work`; a full disk is named as such. */
export async function withFullDiskNamed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw namingFullDisk(error);
  }
}
