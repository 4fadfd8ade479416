/** What goes to the thread that prepares batches. */
import type { FrontEnds } from '#model/checkpoint/manifest';
import type { BatchRequest } from '#model/training/training-source';
import type { AugmentationOptions } from './cached-source.ts';
import type { ClipCache } from './clip-cache.ts';

/** By name, what each `CachedSource` of the thread is made from. */
export type SourceSpecs = Record<
  string,
  { cache: ClipCache; frontEnds: FrontEnds; motionSize: number; augmentation?: AugmentationOptions }
>;

export interface BatchTask {
  source: string;
  request: BatchRequest;
}
