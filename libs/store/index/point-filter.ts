/** What a `PointFilter` means, for the adapters that evaluate it themselves. */
import type { PointFilter, PointPayload } from './vector-index.ts';

/** Whether some list that must be hit is empty, so that no point can match. */
export function matchesNothing(filter: PointFilter | undefined): boolean {
  return [filter?.collections, filter?.anyTag, filter?.clipIds].some((list) => list?.length === 0);
}

/**
 * The filter as a predicate; lists become sets once, so that long lists cost nothing for each point.
 * An empty `allTags` or `excludeClipIds` excludes nothing.
 */
export function compileFilter(filter: PointFilter | undefined): (payload: PointPayload) => boolean {
  if (filter === undefined) return () => true;
  const { anyTag, allTags } = filter;
  const collections = filter.collections && new Set(filter.collections);
  const clipIds = filter.clipIds && new Set(filter.clipIds);
  const excluded = new Set(filter.excludeClipIds);
  return (payload) =>
    (collections === undefined || collections.has(payload.collection)) &&
    (clipIds === undefined || clipIds.has(payload.clipId)) &&
    !excluded.has(payload.clipId) &&
    (anyTag === undefined || anyTag.some((tag) => payload.tags.includes(tag))) &&
    (allTags === undefined || allTags.every((tag) => payload.tags.includes(tag)));
}

/** The filter, with more clips excluded. */
export function excludingAlso(
  filter: PointFilter | undefined,
  clipIds: readonly string[],
): PointFilter | undefined {
  if (clipIds.length === 0) return filter;
  return { ...filter, excludeClipIds: [...(filter?.excludeClipIds ?? []), ...clipIds] };
}
