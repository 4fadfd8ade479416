/** Which frames of a clip are localized in which segment: each in one only, a segment as long as the towers see. */
import type { SegmentPlan } from '../embedding-model.ts';

export interface PlannedSegment {
  startSec: number;
  /** The segment's frames among the clip's. */
  firstFrame: number;
  frameCount: number;
  /** Which of the segment's frames are to be localized in, counted within the segment; in order of time. */
  chosen: number[];
}

/**
 * @param frameCount of the clip
 * @param wanted     frames of the clip, in order of time
 */
export function planLocalization(
  frameCount: number,
  wanted: readonly number[],
  rateHz: number,
  { lengthSec }: SegmentPlan,
): PlannedSegment[] {
  const length = Math.max(1, Math.round(lengthSec * rateHz));
  const count = Math.max(1, Math.ceil(frameCount / length));
  return Array.from({ length: count }, (_, i) => {
    // The last segment is whole as well: it begins where it has to, and answers what is left.
    const firstFrame = Math.max(0, Math.min(i * length, frameCount - length));
    const from = i * length;
    const chosen = wanted
      .filter((frame) => frame >= from && frame < from + length)
      .map((frame) => frame - firstFrame);
    const here = Math.min(length, frameCount - firstFrame);
    return { startSec: firstFrame / rateHz, firstFrame, frameCount: here, chosen };
  }).filter(({ chosen }) => chosen.length > 0);
}

/** So many frames a second, out of all of a clip's. */
export function framesAt(frameCount: number, rateHz: number, mapsPerSec: number): number[] {
  const step = Math.max(1, rateHz / mapsPerSec);
  return Array.from({ length: Math.ceil(frameCount / step) }, (_, i) =>
    Math.min(frameCount - 1, Math.round(i * step)),
  ).filter((frame, i, all) => frame !== all[i - 1]);
}
