/**
 * Keeps the phrases of the splits apart by construction: the first event of a phrase starts on a millisecond
 * whose remainder names the split, so no phrase of one split can equal a phrase of another, whatever the seeds.
 */

import type { Split } from '../performance.ts';

const SPLIT_ORDER: readonly Split[] = ['train', 'validation', 'test'];

/** `leadMs` moved by at most 2 ms, onto the split's own remainder. */
export function leadOfSplit(leadMs: number, split: Split): number {
  const base = Math.floor(leadMs / SPLIT_ORDER.length) * SPLIT_ORDER.length;
  return base + SPLIT_ORDER.indexOf(split);
}
