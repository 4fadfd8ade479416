/** The Range header of RFC 9110, for one range; players ask for no more than one. */
import { EarshotError } from '#core/errors';

export interface ByteRange {
  /** First and last byte, both included. */
  start: number;
  end: number;
}

/**
 * What to send of a file.
 *
 * @returns null for the whole file: no header, another unit, several ranges, or a malformed one, all of which the
 *   standard lets a server ignore
 * @throws EarshotError `range_not_satisfiable` when the range lies behind the end
 */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (!match) return null;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return null;
  if (first === '') {
    const suffix = Number(last);
    if (suffix === 0 || sizeBytes === 0) throw notSatisfiable(sizeBytes);
    return { start: Math.max(0, sizeBytes - suffix), end: sizeBytes - 1 };
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== '' && Number(last) < start) return null;
  if (start >= sizeBytes) throw notSatisfiable(sizeBytes);
  return { start, end };
}

function notSatisfiable(sizeBytes: number): EarshotError {
  return new EarshotError('range_not_satisfiable', `The range lies outside the file's ${sizeBytes} bytes.`, {
    subject: 'range',
  });
}
