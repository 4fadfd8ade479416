/** Clips of a user's own, looked at before they are learned from: what lacks sound or picture is left out and counted. */
import path from 'node:path';
import { z } from 'zod';
import { EarshotError } from '#core/errors';
import { probe } from '#media/probe';
import { readListedFiles } from '../listed-files.ts';

/** Shorter ones say too little to tell two instants apart. */
const MIN_CLIP_SEC = 0.5;
/** Fewer clips than this teach nothing that holds for others. */
const MIN_OWN_CLIPS = 50;

export interface CandidateClip {
  id: string;
  file: string;
  labels: readonly string[];
  /** Clips of one source are never split between training and validation. */
  source: string;
}

export interface UsableClip extends CandidateClip {
  durationSec: number;
}

/** How many clips were left out, by reason. */
export type SkipCounts = Record<string, number>;

const FIELDS = { labels: z.array(z.string()), source: z.string().min(1).optional() };

/**
 * A list of `{file, labels, source?}` as JSON lines, files relative to the list; what `evaluate --pairs` reads, with
 * the source beside it.
 *
 * @throws EarshotError `file_not_found`, `invalid_argument` naming the line at fault
 */
export async function readClipList(list: string): Promise<CandidateClip[]> {
  const lines = await readListedFiles(list, FIELDS, '{"file": "...", "labels": ["..."], "source": "..."}');
  return lines.map((clip) => ({ ...clip, source: clip.source ?? sourceOf(clip.id) }));
}

/** The file's name without a take at its end: `dog-3.mp4`, `dog_take2.mp4` and `dog (1).mp4` are all of `dog`. */
export function sourceOf(file: string): string {
  const name = path.basename(file, path.extname(file));
  const plain = name.replace(/[\s._-]*(?:\(\d+\)|(?:take|part|seg|segment|clip)?[\s._-]*\d+)$/i, '');
  return path.join(path.dirname(file), plain === '' ? name : plain);
}

/** Probes every file. */
export async function usableClips(
  candidates: readonly CandidateClip[],
  options: { signal?: AbortSignal; onProgress?(done: number, total: number): void },
): Promise<{ clips: UsableClip[]; skipped: SkipCounts }> {
  const clips: UsableClip[] = [];
  const skipped: SkipCounts = {};
  for (const [index, candidate] of candidates.entries()) {
    if (options.signal?.aborted) throw new EarshotError('cancelled', 'Looking at the clips was stopped.');
    const looked = await look(candidate.file, options.signal);
    if ('reason' in looked) skipped[looked.reason] = (skipped[looked.reason] ?? 0) + 1;
    else clips.push({ ...candidate, durationSec: looked.durationSec });
    options.onProgress?.(index + 1, candidates.length);
  }
  return { clips, skipped };
}

async function look(
  file: string,
  signal?: AbortSignal,
): Promise<{ durationSec: number } | { reason: string }> {
  try {
    const { audio, video, durationSec } = await probe(file, { signal });
    if (!audio) return { reason: 'no sound' };
    if (!video) return { reason: 'no picture' };
    return durationSec < MIN_CLIP_SEC ? { reason: 'too short' } : { durationSec };
  } catch (error) {
    if (signal?.aborted || !(error instanceof EarshotError) || error.code === 'ffmpeg_missing') throw error;
    return { reason: 'unreadable' };
  }
}

/** @throws EarshotError `not_enough_data` with fewer than 50 clips, counting what was left out and why */
export function requireEnough(clips: readonly UsableClip[], skipped: SkipCounts, where: string): void {
  if (clips.length >= MIN_OWN_CLIPS) return;
  const reasons = describeSkipped(skipped);
  throw new EarshotError(
    'not_enough_data',
    `${where} has ${clips.length} clips with both sound and picture, but at least ${MIN_OWN_CLIPS} are needed${
      reasons === '' ? '' : ` (left out: ${reasons})`
    }: ingest more, or train on the generated corpus.`,
  );
}

/** `3 no sound, 1 too short`; empty where nothing was left out. */
export function describeSkipped(skipped: SkipCounts): string {
  return Object.entries(skipped)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ');
}
