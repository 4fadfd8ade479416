/** Long sounds and pictures are looked at in segments of the length that the towers learned on. */
import type { SegmentPlan } from '../embedding-model.ts';

/** Less new material than this at the end is not worth a segment. */
const MIN_NEW_SEC = 1;

export interface Segment {
  /** In samples or frames. */
  start: number;
  length: number;
}

/**
 * Segments of one length on the plan's hop; the last is moved back to end with the clip. A clip no longer than one
 * segment is one segment.
 *
 * @param total  samples or frames
 * @param rateHz of them
 */
export function segmentsOf(total: number, rateHz: number, plan: SegmentPlan): Segment[] {
  const length = Math.max(1, Math.round(plan.lengthSec * rateHz));
  if (total <= length) return [{ start: 0, length: total }];
  const hop = Math.max(1, Math.round(plan.hopSec * rateHz));
  const segments: Segment[] = [];
  for (let start = 0; start + length <= total; start += hop) segments.push({ start, length });
  const covered = (segments.at(-1) as Segment).start + length;
  if (total - covered >= Math.min(MIN_NEW_SEC, plan.hopSec) * rateHz)
    segments.push({ start: total - length, length });
  return segments;
}
