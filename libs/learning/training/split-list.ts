/** A list of one's own clips, split by source: the parts follow from the seed and the sources' names alone. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomically } from '#model/checkpoint/checkpoint';
import { type CandidateClip, readClipList, type UsableClip, usableClips } from './usable-clips.ts';

export interface SplitListOptions {
  seed: number;
  /** Where it is remembered what was found in the files. */
  cacheFolder: string;
  signal?: AbortSignal | undefined;
  onProgress?(stage: string, done: number, total: number): void;
}

export type ListPart = 'train' | 'validation' | 'test';

/** Of a list, the parts that are measured on and that thresholds are fitted on. */
const TEST_PART = 0.2;
const VALIDATION_PART = 0.1;

/**
 * The usable clips of a list of JSON lines `{file, labels, source?}`, and the part that each belongs to. Every head that
 * is trained with one seed holds out the same clips.
 *
 * @throws EarshotError `file_not_found`, `invalid_argument` naming the line at fault, `cancelled`
 */
export async function splitList(
  list: string,
  options: SplitListOptions,
): Promise<{ clips: UsableClip[]; parts: ListPart[] }> {
  const clips = await lookedAt(await readClipList(list), path.basename(list), options);
  const ranks = rankSources(clips, options.seed);
  return { clips, parts: clips.map(({ source }) => partOf(ranks.get(source) as number)) };
}

function partOf(rank: number): ListPart {
  if (rank < TEST_PART) return 'test';
  return rank < TEST_PART + VALIDATION_PART ? 'validation' : 'train';
}

/** As `usableClips`, but no file is looked at twice: what was found lies beside the decoded clips. */
async function lookedAt(
  candidates: readonly CandidateClip[],
  name: string,
  options: SplitListOptions,
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

/** Each source's place, 0..1, in an order drawn from the seed. */
function rankSources(clips: readonly UsableClip[], seed: number): Map<string, number> {
  const digestOf = (source: string) =>
    createHash('sha256')
      // The name of the head that lists were first split for; another one would deal the clips anew.
      .update(`${seed}:synchronization:${path.basename(source)}`)
      .digest('hex');
  const sources = [...new Set(clips.map(({ source }) => source))]
    .map((source) => ({ source, digest: digestOf(source) }))
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
  return new Map(sources.map(({ source }, i) => [source, i / sources.length]));
}
