/**
 * Whether stated probabilities come true.
 *
 * @see Guo et al. 2017, "On calibration of modern neural networks", section 2
 */
import { EarshotError } from '#core/errors';

export interface ReliabilityBin {
  /** Probabilities from `low` (inclusive) to `high` (exclusive; the last bin includes 1). */
  low: number;
  high: number;
  count: number;
  /** Mean stated probability; null in an empty bin. */
  confidence: number | null;
  /** Share that came true; null in an empty bin. */
  frequency: number | null;
}

/**
 * @param probabilities in [0, 1]
 * @param outcomes      whether each came true
 * @param binCount      bins of equal width
 * @throws EarshotError `shape_mismatch`; `invalid_argument` for what is no probability
 */
export function reliabilityBins(
  probabilities: readonly number[],
  outcomes: readonly boolean[],
  binCount = 15,
): ReliabilityBin[] {
  if (probabilities.length !== outcomes.length) {
    throw new EarshotError('shape_mismatch', 'Every probability needs its outcome.');
  }
  const bins = Array.from({ length: binCount }, () => ({ count: 0, sum: 0, hits: 0 }));
  probabilities.forEach((probability, i) => {
    if (!(probability >= 0 && probability <= 1)) {
      throw new EarshotError('invalid_argument', `${probability} is not a probability.`);
    }
    const bin = bins[Math.min(binCount - 1, Math.floor(probability * binCount))] as (typeof bins)[number];
    bin.count++;
    bin.sum += probability;
    if (outcomes[i]) bin.hits++;
  });
  return bins.map(({ count, sum, hits }, i) => ({
    low: i / binCount,
    high: (i + 1) / binCount,
    count,
    confidence: count === 0 ? null : sum / count,
    frequency: count === 0 ? null : hits / count,
  }));
}

/** Mean gap between stated probability and frequency, bins weighted by their counts (ECE); 0 of nothing. */
export function expectedCalibrationError(bins: readonly ReliabilityBin[]): number {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  const gaps = bins.map(({ count, confidence, frequency }) =>
    confidence === null || frequency === null ? 0 : count * Math.abs(confidence - frequency),
  );
  return total === 0 ? 0 : gaps.reduce((sum, gap) => sum + gap, 0) / total;
}
