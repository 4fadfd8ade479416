/** The clips that the synchronisation head learns from and is measured on: the generated corpus, and lists of one's own. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomically } from '#model/checkpoint/checkpoint';
import { type ManifestEntry, manifestHash, readManifest } from '../corpus/manifest.ts';
import type { Split } from '../corpus/performance.ts';
import { type BuildOptions, openClipCache } from '../training/clip-cache.ts';
import { MINI_CACHE } from '../training/mini.ts';
import { type CandidateClip, readClipList, type UsableClip, usableClips } from '../training/usable-clips.ts';
import { ShiftedClips } from './shifted-clips.ts';

export interface ClipsOptions extends Pick<BuildOptions, 'signal'> {
  cacheFolder: string;
  onProgress?(stage: string, done: number, total: number): void;
}

/** Of a list, the parts that are measured on and that thresholds are fitted on. */
const TEST_PART = 0.2;
const VALIDATION_PART = 0.1;
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
  const usable = await lookedAt(await readClipList(list), name, options);
  const clips = usable.map(({ id, labels, file }) => ({ id, label: labels[0] ?? '', file }));
  const cache = await openClipCache(clips, MINI_CACHE, cacheOptions(name, options));
  const ranks = rankSources(usable, options.seed);
  const part = (from: number, to: number) => {
    const chosen = usable.flatMap((clip, i) => {
      const rank = ranks.get(clip.source) as number;
      return rank >= from && rank < to ? [i] : [];
    });
    return ShiftedClips.of(cache, chosen, (clip) => (usable[clip] as UsableClip).durationSec);
  };
  const fitted = TEST_PART + VALIDATION_PART;
  return { test: part(0, TEST_PART), validation: part(TEST_PART, fitted), train: part(fitted, 1) };
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
  const usable = await lookedAt(await readClipList(list), path.basename(list), options);
  const ranks = rankSources(usable, options.seed);
  return usable.filter(({ source }) => (ranks.get(source) as number) < TEST_PART);
}

/** As `usableClips`, but no file is looked at twice: what was found lies beside the decoded clips. */
async function lookedAt(
  candidates: readonly CandidateClip[],
  name: string,
  options: ClipsOptions,
): Promise<UsableClip[]> {
  const digest = createHash('sha256').update(JSON.stringify(candidates)).digest('hex').slice(0, 16);
  const file = path.join(options.cacheFolder, `${digest}.usable.json`);
  const known = await readFile(file, 'utf8').catch(() => null);
  if (known !== null) return JSON.parse(known) as UsableClip[];
  const { clips } = await usableClips(candidates, {
    signal: options.signal,
    onProgress: (done, total) => options.onProgress?.(`look at ${name}`, done, total),
  });
  await mkdir(options.cacheFolder, { recursive: true });
  await writeFileAtomically(file, JSON.stringify(clips));
  return clips;
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

/** Each source's place, 0..1, in an order drawn from the seed. */
function rankSources(clips: readonly UsableClip[], seed: number): Map<string, number> {
  const digestOf = (source: string) =>
    createHash('sha256')
      .update(`${seed}:synchronization:${path.basename(source)}`)
      .digest('hex');
  const sources = [...new Set(clips.map(({ source }) => source))]
    .map((source) => ({ source, digest: digestOf(source) }))
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
  return new Map(sources.map(({ source }, i) => [source, i / sources.length]));
}
