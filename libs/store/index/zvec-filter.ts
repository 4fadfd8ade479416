/**
 * A `PointFilter` in zvec's expression language. Users' strings never enter an expression: what is stored and
 * compared are keys of plain letters and digits, so nothing needs quoting.
 */
import type { PointFilter } from './vector-index.ts';

const PLAIN = /^[A-Za-z0-9_-]{1,64}$/;

/** The key under which a string is stored and found: `s...` for plain text, `x...` in hexadecimal for the rest. */
export function filterKey(text: string): string {
  return PLAIN.test(text) ? `s${text}` : `x${Buffer.from(text, 'utf8').toString('hex')}`;
}

function listOf(values: readonly string[]): string {
  return `(${[...new Set(values)].map((value) => `'${filterKey(value)}'`).join(',')})`;
}

/**
 * @param filter checked (zvec takes at most 20 000 values in a list), with no empty list among those that must be hit
 * @returns the expression, or undefined where every point passes
 */
export function toZvecFilter(filter: PointFilter | undefined): string | undefined {
  const conditions: string[] = [];
  const { collections, anyTag, allTags, clipIds, excludeClipIds } = filter ?? {};
  if (collections) conditions.push(`collection in ${listOf(collections)}`);
  if (clipIds) conditions.push(`clip in ${listOf(clipIds)}`);
  if (anyTag) conditions.push(`tags contain_any ${listOf(anyTag)}`);
  if (allTags?.length) conditions.push(`tags contain_all ${listOf(allTags)}`);
  if (excludeClipIds?.length) conditions.push(`clip not in ${listOf(excludeClipIds)}`);
  return conditions.length === 0 ? undefined : conditions.map((condition) => `(${condition})`).join(' and ');
}
