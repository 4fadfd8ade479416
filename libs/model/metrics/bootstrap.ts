/** Percentile bootstrap: the interval that a score would fall into if other clips had been drawn. */
import { SeededRandom } from '#core/random';

export interface Estimate {
  value: number;
  ci95: [number, number];
}

/**
 * @param samples   one number a source clip
 * @param statistic of a resample; the mean unless told
 */
export function bootstrap(
  samples: readonly number[],
  statistic: (values: readonly number[]) => number = mean,
  options: { resamples?: number; seed?: number } = {},
): Estimate {
  const { resamples = 1000, seed = 1 } = options;
  const random = new SeededRandom(seed);
  const values: number[] = [];
  for (let i = 0; i < resamples; i++) {
    values.push(statistic(samples.map(() => samples[random.integer(0, samples.length)] as number)));
  }
  values.sort((a, b) => a - b);
  const at = (quantile: number) =>
    values[Math.min(resamples - 1, Math.floor(quantile * resamples))] as number;
  return { value: statistic(samples), ci95: [at(0.025), at(0.975)] };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
