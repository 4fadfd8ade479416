/** The clips that the synchronisation head learns from and is measured on: the generated corpus, and lists of one's own. */
import path from 'node:path';
import { type ManifestEntry, manifestHash, readManifest } from '../corpus/manifest.ts';
import type { Split } from '../corpus/performance.ts';
import { type BuildOptions, openClipCache } from '../training/clip-cache.ts';
import { MINI_CACHE } from '../training/mini.ts';
import { type ListPart, splitList } from '../training/split-list.ts';
import type { UsableClip } from '../training/usable-clips.ts';
import { ShiftedClips } from './shifted-clips.ts';

export interface ClipsOptions extends Pick<BuildOptions, 'signal'> {
  cacheFolder: string;
  onProgress?(stage: string, done: number, total: number): void;
}

const CONCURRENCY = 2;

/**
 * A split of the corpus.
 *
 * @param maxClips only the first so many; the cache holds all of them, so that it can be shared with other runs
 * @returns with the split's entries, of which the first are those of the clips
 */
export async function corpusShiftedClips(
  corpus: string,
  split: Split,
  options: ClipsOptions & { maxClips?: number },
): Promise<{ clips: ShiftedClips; hash: string; entries: ManifestEntry[] }> {
  const entries = await readManifest(corpus, split);
  const clips = entries.map(({ id, file, label }) => ({ id, label, file: path.join(corpus, file) }));
  const cache = await openClipCache(clips, MINI_CACHE, cacheOptions(split, options));
  const chosen = clips.slice(0, options.maxClips ?? clips.length).map((_, i) => i);
  return { clips: ShiftedClips.of(cache, chosen), hash: manifestHash(entries), entries };
}

export interface ListSplits {
  train: ShiftedClips;
  validation: ShiftedClips;
  test: ShiftedClips;
}

/**
 * A list of JSON lines `{file, labels, source?}`, split by source: which clips are in which part follows from the seed
 * and the sources' names alone.
 *
 * @throws EarshotError `file_not_found`, `invalid_argument` naming the line at fault
 */
export async function listShiftedClips(
  list: string,
  options: ClipsOptions & { seed: number },
): Promise<ListSplits> {
  const name = path.basename(list);
  const { clips: usable, parts } = await splitList(list, options);
  const clips = usable.map(({ id, labels, file }) => ({ id, label: labels[0] ?? '', file }));
  const cache = await openClipCache(clips, MINI_CACHE, cacheOptions(name, options));
  const of = (part: ListPart) => {
    const chosen = parts.flatMap((one, i) => (one === part ? [i] : []));
    return ShiftedClips.of(cache, chosen, (clip) => (usable[clip] as UsableClip).durationSec);
  };
  return { test: of('test'), validation: of('validation'), train: of('train') };
}

/**
 * Of a list, the clips that a head trained on it with this seed has not learned from.
 *
 * @throws EarshotError as `listShiftedClips`
 */
export async function heldOutClips(
  list: string,
  options: ClipsOptions & { seed: number },
): Promise<UsableClip[]> {
  const { clips, parts } = await splitList(list, options);
  return clips.filter((_, i) => parts[i] === 'test');
}

function cacheOptions(stage: string, options: ClipsOptions): BuildOptions {
  return {
    folder: options.cacheFolder,
    concurrency: CONCURRENCY,
    withoutFrames: true,
    signal: options.signal,
    onProgress: (done, total) => options.onProgress?.(`decode ${stage}`, done, total),
  };
}
