/** Whether a clip has something to synchronise by, from what is known of it rather than from what a model made of it. */
import type { GroundTruth } from '../corpus/manifest.ts';

/** Of onsets that a sound and a picture must share, for their offset to be told from them. */
const LEAST_ONSETS = 3;
/** Softer events drown in the venue's noise. */
const LEAST_VELOCITY = 0.2;
/** Evenly spaced onsets fit as well a beat later: the longest interval must be so many times the shortest. */
const LEAST_UNEVENNESS = 1.25;
/** What begins this near an end of the shared part is cut in one of the two windows. */
const MARGIN_SEC = 0.04;
/** Onsets closer to each other than a step of the picture are one. */
const APART_SEC = 0.08;

/**
 * True where at least three onsets, not evenly spaced, of sources that are in the picture fall into the part of the clip
 * that is both heard and seen.
 */
export function hasOnsetsInCommon(
  { sources }: Pick<GroundTruth, 'sources'>,
  { startSec, endSec }: { startSec: number; endSec: number },
): boolean {
  const onsets = sources
    .filter(({ object }) => object !== null)
    .flatMap(({ events }) => events.filter(({ velocity }) => velocity >= LEAST_VELOCITY))
    .map((event) => event.startSec)
    .filter((sec) => sec >= startSec + MARGIN_SEC && sec <= endSec - MARGIN_SEC)
    .sort((a, b) => a - b);
  const distinct: number[] = [];
  for (const sec of onsets) if (sec - (distinct.at(-1) ?? -Infinity) >= APART_SEC) distinct.push(sec);
  if (distinct.length < LEAST_ONSETS) return false;
  const intervals = distinct.slice(1).map((sec, i) => sec - (distinct[i] as number));
  return Math.max(...intervals) >= LEAST_UNEVENNESS * Math.min(...intervals);
}
