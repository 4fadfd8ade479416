/**
 * Keeps the phrases of the splits apart by construction: the first event of a phrase starts on a millisecond
 * whose remainder names the split, so no phrase of one split can equal a phrase of another, whatever the seeds.
 */

import { SPLITS, type Split } from '../performance.ts';

/** `leadMs` moved by less than one millisecond a split, onto the split's own remainder. */
export function leadOfSplit(leadMs: number, split: Split): number {
  const base = Math.floor(leadMs / SPLITS.length) * SPLITS.length;
  return base + SPLITS.indexOf(split);
}
