/** Equal parts of a batch, and how what was computed of each becomes what is known of all. */
import { EarshotError } from '#core/errors';
import type { BatchStatistics } from '../layers/convolution.ts';
import { meanOf } from '../metrics/mean-of.ts';
import type { TrainingBatch } from './training-source.ts';

/**
 * How many pairs each thread gets.
 *
 * @throws EarshotError `invalid_argument` where the batch has no equal parts, or parts of a single pair, which has
 *   nothing to be told from
 */
export function shardSize(batchSize: number, threads: number): number {
  const size = batchSize / threads;
  const shared = Number.isInteger(size) && (threads === 1 || size >= 2);
  if (!Number.isInteger(threads) || threads < 1 || !shared) {
    throw new EarshotError(
      'invalid_argument',
      `A batch of ${batchSize} pairs can't be shared by ${threads} threads: each needs the same number, at least 2.`,
      { subject: 'threads' },
    );
  }
  return size;
}

/** The rows of one shard, copied; neighbours stay together. */
export function shardOf(batch: TrainingBatch, shard: number, shards: number): TrainingBatch {
  const part = <Rows extends Float32Array | Int8Array>(rows: Rows): Rows =>
    rows.slice((rows.length * shard) / shards, (rows.length * (shard + 1)) / shards) as Rows;
  return {
    ...batch,
    logMel: part(batch.logMel),
    frames: part(batch.frames),
    frameTimesSec: part(batch.frameTimesSec),
    motion: batch.motion && part(batch.motion),
    motionTimesSec: part(batch.motionTimesSec),
    lagSteps: part(batch.lagSteps),
  };
}

/**
 * Statistics of all rows from those of equal shards: the mean of the means, and by the law of total variance the mean
 * of the variances plus the variance of the means. It is the variance of the undivided batch.
 */
export function pooledStatistics(shards: readonly BatchStatistics[]): BatchStatistics {
  const mean = meanOf(shards.map((shard) => shard.mean));
  const variance = mean.map((center, channel) => {
    let sum = 0;
    for (const shard of shards) {
      const deviation = (shard.mean[channel] as number) - center;
      sum += (shard.variance[channel] as number) + deviation * deviation;
    }
    return sum / shards.length;
  });
  return { mean, variance };
}
