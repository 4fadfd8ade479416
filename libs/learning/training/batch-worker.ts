/** One thread that cuts training batches out of the caches it shares with the thread that trains. */
import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';
import type { TrainingBatch } from '#model/training/training-source';
import type { BatchTask, SourceSpecs } from './batch-task.ts';
import { CachedSource } from './cached-source.ts';

const sources = new Map(
  Object.entries(workerData as SourceSpecs).map(([name, { cache, frontEnds, motionSize, augmentation }]) => [
    name,
    new CachedSource(cache, frontEnds, motionSize, augmentation),
  ]),
);

/** The batch, its arrays handed over rather than copied. */
export default async function prepareBatch({ source, request }: BatchTask): Promise<TrainingBatch> {
  const found = sources.get(source);
  if (!found) throw new RangeError(`This thread has no source ${source}.`);
  const batch = await found.batch(request);
  const buffers = Object.values(batch).flatMap((value) =>
    value instanceof Float32Array ? [value.buffer] : [],
  );
  return move({ [transferableSymbol]: buffers, [valueSymbol]: batch }) as unknown as TrainingBatch;
}
