/** Cursors of lists that run from new to old: the creation time and id of the last row of the page before. */
import { validate } from 'uuid';
import { EarshotError } from '#core/errors';

export interface Page<T> {
  items: T[];
  /** Null on the last page. */
  nextCursor: string | null;
}

export interface Position {
  createdAt: Date;
  id: string;
}

function encode(position: Position): string {
  return Buffer.from(JSON.stringify([position.createdAt.getTime(), position.id])).toString('base64url');
}

/** @throws EarshotError `invalid_argument` for a string that no page has answered */
export function decodeCursor(cursor: string): Position {
  try {
    const [time, id]: unknown[] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const createdAt = new Date(Number(time));
    if (Number.isNaN(createdAt.getTime()) || typeof id !== 'string' || !validate(id)) throw new RangeError();
    return { createdAt, id };
  } catch (cause) {
    throw new EarshotError(
      'invalid_argument',
      'The cursor is not one that a page has answered: leave it out to start again.',
      {
        subject: 'cursor',
        cause,
      },
    );
  }
}

/** The page within `rows`, which hold one row more than `limit` when there is another page. */
export function pageOf<T extends Position>(rows: T[], limit: number): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last ? encode(last) : null };
}
