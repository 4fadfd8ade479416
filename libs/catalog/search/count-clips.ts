/** How many clips a grouped search without a threshold can answer: a question for SQL, not for nearest neighbours. */
import {
  and,
  arrayContains,
  arrayOverlaps,
  countDistinct,
  eq,
  inArray,
  isNotNull,
  notInArray,
  or,
} from 'drizzle-orm';
import { validate } from 'uuid';
import type { Session } from '#store/database';
import type { ModelIdentity } from '#store/index/vector-index';
import { clips, embeddings } from '#store/schema';
import type { ClipFilter, Modality } from '../catalog-service.ts';

/** Clips that pass the filter and carry a vector of at least one of the modalities. */
export async function countClips(
  session: Session,
  model: ModelIdentity,
  targets: readonly Modality[],
  filter: ClipFilter = {},
): Promise<number> {
  const rows = await session.db
    .select({ clips: countDistinct(embeddings.clipId) })
    .from(embeddings)
    .innerJoin(clips, eq(clips.id, embeddings.clipId))
    .where(
      and(
        eq(embeddings.modelId, model.id),
        eq(embeddings.modelVersion, model.version),
        or(...targets.map((target) => isNotNull(embeddings[target]))),
        filter.collections && inArray(clips.collection, filter.collections),
        filter.anyTag && (filter.anyTag.length > 0 ? arrayOverlaps(clips.tags, filter.anyTag) : never()),
        filter.allTags && filter.allTags.length > 0 ? arrayContains(clips.tags, filter.allTags) : undefined,
        filter.clipIds && inArray(clips.id, filter.clipIds.filter(validate)),
        filter.excludeClipIds && notInArray(clips.id, filter.excludeClipIds.filter(validate)),
      ),
    );
  return rows[0]?.clips ?? 0;
}

/** A condition that nothing meets: an empty list of alternatives. */
function never() {
  return inArray(clips.id, []);
}
