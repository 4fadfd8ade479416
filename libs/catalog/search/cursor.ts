/**
 * Search cursors: the place in a ranking where the next page begins, bound to the request that made it. A cursor
 * is opaque to clients and carries all it needs, so any server can answer the next page.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { EarshotError } from '#core/errors';

const schema = z.object({
  /** Digest of the request. */
  d: z.string(),
  /** Results before this place. */
  o: z.number().int().min(1),
  /** Score and id of the last result before it. */
  s: z.number(),
  i: z.string(),
  /** The ranking's total, as the first page counted it. */
  t: z.number().int().min(0),
  l: z.boolean(),
});

export interface SearchCursor {
  offset: number;
  lastScore: number;
  lastId: string;
  total: number;
  totalIsLowerBound: boolean;
}

/** Digest of everything that shapes a ranking; keys are sorted so that the same request always gives the same. */
export function requestDigest(request: unknown): string {
  return createHash('sha256').update(canonicalJson(request)).digest('base64url').slice(0, 22);
}

export function encodeCursor(cursor: SearchCursor, digest: string): string {
  const { offset, lastScore, lastId, total, totalIsLowerBound } = cursor;
  const packed = { d: digest, o: offset, s: lastScore, i: lastId, t: total, l: totalIsLowerBound };
  return Buffer.from(JSON.stringify(packed)).toString('base64url');
}

/** @throws EarshotError `invalid_argument` when the cursor is malformed or belongs to another request */
export function decodeCursor(text: string, digest: string): SearchCursor {
  const parsed = schema.safeParse(parseJson(Buffer.from(text, 'base64url').toString('utf8')));
  if (!parsed.success) {
    throw new EarshotError(
      'invalid_argument',
      'The cursor is malformed: pass nextCursor of the page before.',
      {
        subject: 'cursor',
      },
    );
  }
  const { d, o, s, i, t, l } = parsed.data;
  if (d !== digest) {
    const message =
      'The cursor belongs to another search: repeat the request of the first page and change only the cursor and topK.';
    throw new EarshotError('invalid_argument', message, { subject: 'cursor' });
  }
  return { offset: o, lastScore: s, lastId: i, total: t, totalIsLowerBound: l };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
