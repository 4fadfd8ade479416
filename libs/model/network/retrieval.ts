/** The nearest of an array of vectors: exact, for collections that fit into memory. */

import { dot } from './dot.ts';
import { checkCount, checkVector, refuse } from './inputs.ts';

export interface Match {
  /** In the database given. */
  index: number;
  /** Cosine, -1..1. */
  score: number;
}

/**
 * @param query    `[d]`
 * @param database vectors `[d]` of any length; only their direction counts
 * @returns the `topK` best, or all where there are fewer: best first, equal scores by index
 * @throws EarshotError `invalid_argument` or `shape_mismatch`, naming `topK`, the query or the vector
 */
export function nearest(query: Float32Array, database: readonly Float32Array[], topK: number): Match[] {
  checkCount(topK, 'topK');
  if (!Array.isArray(database))
    throw refuse('invalid_argument', 'database', 'database must be an array of vectors.');
  const queryLength = Math.sqrt(dot(query, query));
  const matches = database.map((vector: Float32Array, index) => {
    checkVector(vector, query.length, `database[${index}]`);
    const cosine = dot(query, vector) / (queryLength * Math.sqrt(dot(vector, vector)));
    return { index, score: Math.max(-1, Math.min(1, cosine)) };
  });
  return matches.sort((a, b) => b.score - a.score || a.index - b.index).slice(0, topK);
}
