/** Payloads of a collection in memory, by point and by clip: what an in-process adapter knows beside its vectors. */
import { compileFilter } from './point-filter.ts';
import type { Modality, PointFilter, PointPayload } from './vector-index.ts';

export interface TableRow {
  payload: PointPayload;
  modalities: ReadonlySet<Modality>;
}

const MODALITY_SETS: Record<string, ReadonlySet<Modality>> = {
  audio: new Set(['audio']),
  video: new Set(['video']),
  both: new Set(['audio', 'video']),
};

/** One shared set for each combination: a set of its own for each point would outweigh the payload. */
function modalitySet(modalities: Iterable<Modality>): ReadonlySet<Modality> {
  const given = [...modalities];
  const key = given.includes('audio') && given.includes('video') ? 'both' : given[0];
  return MODALITY_SETS[key ?? 'both'] as ReadonlySet<Modality>;
}

export class PointTable {
  readonly #rows = new Map<string, TableRow>();
  readonly #clips = new Map<string, Set<string>>();
  #sortedIds: string[] | null = null;

  get size(): number {
    return this.#rows.size;
  }

  get(id: string): TableRow | undefined {
    return this.#rows.get(id);
  }

  set(id: string, payload: PointPayload, modalities: Iterable<Modality>): void {
    const previous = this.#rows.get(id);
    if (previous === undefined) this.#sortedIds = null;
    else if (previous.payload.clipId !== payload.clipId) this.#forgetInClip(id, previous.payload.clipId);
    const { clipId, segmentIndex, startSec, endSec, collection, tags } = payload;
    const own = { clipId, segmentIndex, startSec, endSec, collection, tags: [...tags] };
    this.#rows.set(id, { payload: own, modalities: modalitySet(modalities) });
    const ids = this.#clips.get(clipId);
    if (ids === undefined) this.#clips.set(clipId, new Set([id]));
    else ids.add(id);
  }

  delete(id: string): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#rows.delete(id);
    this.#forgetInClip(id, row.payload.clipId);
    this.#sortedIds = null;
  }

  idsOfClip(clipId: string): string[] {
    return [...(this.#clips.get(clipId) ?? [])];
  }

  *rows(): Iterable<[string, TableRow]> {
    yield* this.#rows;
  }

  count(modality: Modality | undefined, filter: PointFilter | undefined): number {
    const matches = compileFilter(filter);
    let count = 0;
    for (const row of this.#candidates(filter)) {
      if ((modality === undefined || row.modalities.has(modality)) && matches(row.payload)) count++;
    }
    return count;
  }

  /** At most `limit` ids after `afterId`, ascending. */
  idsAfter(afterId: string | undefined, limit: number): string[] {
    this.#sortedIds ??= [...this.#rows.keys()].sort();
    const ids = this.#sortedIds;
    let low = 0;
    let high = afterId === undefined ? 0 : ids.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ids[middle] as string) <= (afterId as string)) low = middle + 1;
      else high = middle;
    }
    return ids.slice(low, low + limit);
  }

  /** Rows that may match: those of the asked clips where clips are asked for, else all. */
  *#candidates(filter: PointFilter | undefined): Iterable<TableRow> {
    if (filter?.clipIds === undefined) {
      yield* this.#rows.values();
      return;
    }
    for (const clipId of new Set(filter.clipIds)) {
      for (const id of this.#clips.get(clipId) ?? []) yield this.#rows.get(id) as TableRow;
    }
  }

  #forgetInClip(id: string, clipId: string): void {
    const ids = this.#clips.get(clipId);
    ids?.delete(id);
    if (ids?.size === 0) this.#clips.delete(clipId);
  }
}
