/**
 * Masks that need the true sources: the separation networks' training targets, and the ceiling (and floor) that their
 * scores are read against.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels", section 3.3; Wang & Chen 2018, "Supervised speech separation based on
 *   deep learning", for ideal binary and ratio masks
 */
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';

/** Where sources cancel each other their share of the mixture has no bound; the networks' has. */
const RATIO_MASK_LIMIT = 5;

/**
 * One where a source's own magnitude is the largest, zero elsewhere; equal magnitudes go to the first of them, so the
 * masks add up to one everywhere.
 *
 * @param magnitudes of every source, `[frames, bins]` each
 * @throws EarshotError `shape_mismatch`
 */
export function idealBinaryMasks(magnitudes: readonly Float32Array[]): Float32Array[] {
  checkSameLength(magnitudes);
  const masks = magnitudes.map(({ length }) => new Float32Array(length));
  const length = magnitudes[0]?.length ?? 0;
  for (let i = 0; i < length; i++) {
    let loudest = 0;
    for (let source = 1; source < magnitudes.length; source++) {
      if ((magnitudes[source]?.[i] as number) > (magnitudes[loudest]?.[i] as number)) loudest = source;
    }
    (masks[loudest] as Float32Array)[i] = 1;
  }
  return masks;
}

/**
 * A source's magnitude over the mixture's, from 0 to 5; zero where the mixture has none.
 *
 * @param own     `[frames, bins]`
 * @param mixture `[frames, bins]`
 * @throws EarshotError `shape_mismatch`
 */
export function idealRatioMask(own: Float32Array, mixture: Float32Array): Float32Array {
  checkSameLength([own, mixture]);
  return own.map((value, i) => {
    const whole = mixture[i] as number;
    return whole > 0 ? Math.min(RATIO_MASK_LIMIT, value / whole) : 0;
  });
}

/** What guessing does: `ratio` uniform in 0..1, `binary` by the toss of a coin. */
export function randomMask(kind: 'binary' | 'ratio', length: number, seed: number | string): Float32Array {
  const random = new SeededRandom(seed);
  return Float32Array.from({ length }, () => {
    const value = random.next();
    return kind === 'ratio' ? value : Math.round(value);
  });
}

function checkSameLength(arrays: readonly Float32Array[]): void {
  const length = arrays[0]?.length;
  if (length === undefined || arrays.some((array) => array.length !== length)) {
    throw new EarshotError('shape_mismatch', 'Magnitudes of one and the same shape are needed.');
  }
}
