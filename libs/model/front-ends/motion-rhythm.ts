/**
 * What a picture's motion lets one expect of its sound: how often something strikes, and how loud it may be. Motion is the
 * change of luma from frame to frame; a stroke is a burst of it.
 */
import { EarshotError } from '#core/errors';
import { lumaFrame } from './motion.ts';

export interface MotionRhythm {
  /** Bursts of motion a second. */
  onsetsPerSec: number;
  /** When they begin. */
  onsetsSec: number[];
  /** Mean change of luma, of full scale a second: 0 for a still picture. */
  motionPerSec: number;
}

/** Luma frames are at most so wide and high: what moves matters, not its texture. */
const LUMA_SIZE = 48;
/** Two strokes are at least so far apart. */
const MIN_GAP_SEC = 0.12;
/** A burst stands out of its neighbourhood of so much to either side by this many of its mean deviations. */
const NEIGHBOURHOOD_SEC = 0.6;
const PROMINENCE = 1;
/** Less change than this, of full scale from frame to frame, is the coding's own noise. */
const NOISE = 4e-4;

/**
 * @param data   `[count, height, width, 3]` RGB bytes, or floats in 0..1; width and height of a common divisor
 * @param rateHz of the frames: strokes that come more than half as often can't be told apart
 * @throws EarshotError `shape_mismatch` when the data is not `count` frames
 * @see Bello et al. 2005, "A tutorial on onset detection in music signals", for picking peaks against a moving threshold
 */
export function motionRhythm(
  data: Uint8Array | Float32Array,
  shape: { count: number; width: number; height: number },
  rateHz: number,
): MotionRhythm {
  const { count, width, height } = shape;
  if (data.length !== count * width * height * 3) {
    const message = `${count} frames of ${width}x${height} RGB are ${count * width * height * 3} values, not ${data.length}.`;
    throw new EarshotError('shape_mismatch', message, { subject: 'frames' });
  }
  const changes = lumaChanges(data, shape);
  const gap = Math.max(1, Math.round(MIN_GAP_SEC * rateHz));
  const reach = Math.max(gap + 1, Math.round(NEIGHBOURHOOD_SEC * rateHz));
  const onsets: number[] = [];
  changes.forEach((change, i) => {
    const near = changes.subarray(Math.max(0, i - reach), i + reach + 1);
    const mean = near.reduce((sum, value) => sum + value, 0) / near.length;
    const deviation = near.reduce((sum, value) => sum + Math.abs(value - mean), 0) / near.length;
    const isPeak = isLargest(changes, i, gap) && change > NOISE && change > mean + PROMINENCE * deviation;
    if (isPeak) onsets.push(i / rateHz);
  });
  const durationSec = count / rateHz;
  const total = changes.reduce((sum, value) => sum + value, 0);
  return {
    onsetsPerSec: onsets.length / durationSec,
    onsetsSec: onsets,
    motionPerSec: count > 1 ? (total / (count - 1)) * rateHz : 0,
  };
}

/** `[count]`: mean absolute change of luma since the frame before, 0 for the first. */
function lumaChanges(
  data: Uint8Array | Float32Array,
  { count, width, height }: { count: number; width: number; height: number },
): Float64Array {
  const size = commonSize(width, height);
  const pixels = size * size;
  let before = new Float32Array(pixels);
  const changes = new Float64Array(count);
  for (let frame = 0; frame < count; frame++) {
    const luma = new Float32Array(pixels);
    lumaFrame(data, frame * width * height * 3, width, height, size, luma, 0);
    let sum = 0;
    for (let i = 0; i < pixels; i++) sum += Math.abs((luma[i] as number) - (before[i] as number));
    if (frame > 0) changes[frame] = sum / pixels;
    before = luma;
  }
  return changes;
}

/** The largest side up to `LUMA_SIZE` that divides both. */
function commonSize(width: number, height: number): number {
  for (let size = Math.min(LUMA_SIZE, width, height); size > 1; size--)
    if (width % size === 0 && height % size === 0) return size;
  return 1;
}

/** Of equal neighbours the first counts. */
function isLargest(values: Float64Array, i: number, gap: number): boolean {
  for (let k = Math.max(0, i - gap); k <= Math.min(values.length - 1, i + gap); k++) {
    const other = values[k] as number;
    const own = values[i] as number;
    if (other > own || (other === own && k < i)) return false;
  }
  return true;
}
