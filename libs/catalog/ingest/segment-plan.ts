/**
 * How a clip is cut into segments: a fixed length on a fixed hop, so that a segment's index gives its start. A
 * clip shorter than one segment is one segment; what is left at the end becomes a shorter segment of its own only
 * when it holds enough that no earlier segment has seen.
 */
import type { SegmentPlan } from '#model/embedding-model';

export interface SegmentWindow {
  index: number;
  startSec: number;
  endSec: number;
}

/** Less new material than this at a clip's end is not worth a segment: it would say what the one before says. */
const MIN_NEW_SEC = 1;

/** Slack for durations that come out of rounded time stamps. */
const EPSILON_SEC = 1e-3;

/** Where the segment of this index would lie in an endless clip. */
export function windowAt(plan: SegmentPlan, index: number): SegmentWindow {
  const startSec = index * plan.hopSec;
  return { index, startSec, endSec: startSec + plan.lengthSec };
}

/** Whether a full segment of this index ends within the duration. */
export function isComplete(window: SegmentWindow, durationSec: number): boolean {
  return window.endSec <= durationSec + EPSILON_SEC;
}

/** How much material that no earlier segment has seen makes a segment worth its place, seconds. */
export function minNewSec(plan: SegmentPlan): number {
  return Math.min(MIN_NEW_SEC, plan.hopSec);
}

/**
 * The segment at the end, once the duration is known: null when full segments already cover the clip well enough.
 *
 * @param nextIndex how many full segments lie before it
 */
export function tailWindow(plan: SegmentPlan, nextIndex: number, durationSec: number): SegmentWindow | null {
  const window = windowAt(plan, nextIndex);
  if (nextIndex === 0) return { ...window, endSec: durationSec };
  const coveredSec = windowAt(plan, nextIndex - 1).endSec;
  if (durationSec - coveredSec < minNewSec(plan) - EPSILON_SEC) return null;
  return { ...window, endSec: durationSec };
}
