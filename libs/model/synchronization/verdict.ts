/**
 * What people notice of an offset between sound and picture, and the classes that offsets are scored in.
 *
 * @see ITU-R BT.1359-1, "Relative timing of sound and vision for broadcasting", figure 2
 */
import { EarshotError } from '#core/errors';

export type OffsetVerdict = 'in_sync' | 'detectable' | 'out_of_sync';

/** Sound that comes early is noticed sooner than sound that comes late, as it does from afar. */
const DETECTABLE_SEC = { audioAhead: 0.045, audioBehind: 0.125 } as const;
const UNACCEPTABLE_SEC = { audioAhead: 0.09, audioBehind: 0.185 } as const;

/**
 * @param offsetSec positive: audio ahead
 * @throws EarshotError `invalid_argument` for an offset that is not finite
 */
export function offsetVerdict(offsetSec: number): OffsetVerdict {
  if (!Number.isFinite(offsetSec)) {
    throw new EarshotError('invalid_argument', `${offsetSec} is not an offset.`);
  }
  const side = offsetSec > 0 ? 'audioAhead' : 'audioBehind';
  const size = Math.abs(offsetSec);
  if (size > UNACCEPTABLE_SEC[side]) return 'out_of_sync';
  return size > DETECTABLE_SEC[side] ? 'detectable' : 'in_sync';
}
