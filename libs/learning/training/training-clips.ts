/** Which clips a run learns from, and which it is measured on while it learns. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { manifestHash, readManifest } from '../corpus/manifest.ts';
import type { CacheClip } from './clip-cache.ts';
import {
  type CandidateClip,
  describeSkipped,
  requireEnough,
  type SkipCounts,
  type UsableClip,
  usableClips,
} from './usable-clips.ts';

export interface TrainingClips {
  train: CacheClip[];
  validation: CacheClip[];
  /** Of the model that comes of it. */
  description: string;
  /** Where the clips are from; goes into the model's description of its training. */
  provenance: Record<string, unknown>;
}

/** Part of a user's own clips that is held out. */
const HELD_OUT_PART = 0.2;
/** Of a long clip, no more segments than this are learned from. */
const MAX_SEGMENTS = 12;

/**
 * The corpus's training and validation splits.
 *
 * @param maxClips only the first so many training clips
 * @throws EarshotError `file_not_found` without a corpus
 */
export async function corpusTrainingClips(corpus: string, maxClips?: number): Promise<TrainingClips> {
  const [train, validation, test] = await Promise.all(
    (['train', 'validation', 'test'] as const).map((split) => readManifest(corpus, split)),
  );
  const clipsOf = (entries: NonNullable<typeof train>) =>
    entries.map(({ id, file, label }) => ({ id, label, file: path.join(corpus, file) }));
  const [ofTrain, ofValidation, ofTest] = [train, validation, test].map((entries) => entries ?? []);
  return {
    train: clipsOf(ofTrain?.slice(0, maxClips) ?? []),
    validation: clipsOf(ofValidation ?? []),
    description: 'Two towers trained on the generated corpus of sounding objects.',
    provenance: {
      corpus: {
        train: manifestHash(ofTrain ?? []),
        validation: manifestHash(ofValidation ?? []),
        test: manifestHash(ofTest ?? []),
      },
    },
  };
}

/**
 * A user's own clips, split by their source: what comes from one recording stays together. Which sources are held out
 * follows from the seed and the sources' names alone.
 *
 * @param segmentSec length of what the towers see: longer clips give several segments to learn from, one to validate
 */
export function splitBySource(
  clips: readonly UsableClip[],
  options: { seed: number; segmentSec: number; maxClips?: number },
): { train: CacheClip[]; validation: CacheClip[]; heldOut: UsableClip[] } {
  const { heldOut, learned: all } = holdOut(clips, options.seed);
  const learned = all.slice(0, options.maxClips);
  return {
    train: learned.flatMap((clip) => segmentsOf(clip, options.segmentSec)),
    validation: heldOut.flatMap((clip) => segmentsOf(clip, options.segmentSec).slice(0, 1)),
    heldOut,
  };
}

/** A fifth of the sources, drawn by a hash of the seed and their names, and the clips of the others. */
export function holdOut(
  clips: readonly UsableClip[],
  seed: number,
): { heldOut: UsableClip[]; learned: UsableClip[] } {
  const rankOf = (source: string) => createHash('sha256').update(`${seed}:held-out:${source}`).digest('hex');
  const sources = [...new Set(clips.map((clip) => clip.source))]
    .map((source) => ({ source, rank: rankOf(source) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1));
  const held = new Set(
    sources.slice(0, Math.round(sources.length * HELD_OUT_PART)).map(({ source }) => source),
  );
  return {
    heldOut: clips.filter((clip) => held.has(clip.source)),
    learned: clips.filter((clip) => !held.has(clip.source)),
  };
}

export interface OwnClipsOptions {
  /** What they are called in messages and in the model's description. */
  where: string;
  /** Left out already, before any file was looked at. */
  skipped?: SkipCounts;
  seed: number;
  segmentSec: number;
  maxClips?: number;
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

export interface OwnClips extends TrainingClips {
  heldOut: UsableClip[];
  skipped: SkipCounts;
}

/**
 * A user's own clips alone.
 *
 * @throws EarshotError `not_enough_data` with fewer than 50 usable clips
 */
export async function ownTrainingClips(
  candidates: readonly CandidateClip[],
  options: OwnClipsOptions,
): Promise<OwnClips> {
  const looked = await usableClips(candidates, options);
  const skipped = { ...options.skipped, ...looked.skipped };
  requireEnough(looked.clips, skipped, options.where);
  const split = splitBySource(looked.clips, options);
  return {
    ...split,
    skipped,
    description: `Two towers trained on the clips of ${options.where}.`,
    provenance: {
      own: { from: options.where, clips: looked.clips.length, leftOut: describeSkipped(skipped) },
    },
  };
}

/** Further clips beside those that are there: each list keeps its own split. */
export async function withFurtherClips(
  clips: TrainingClips,
  candidates: readonly CandidateClip[],
  options: OwnClipsOptions,
): Promise<TrainingClips & { skipped: SkipCounts }> {
  const { clips: usable, skipped } = await usableClips(candidates, options);
  const { train, validation } = splitBySource(usable, options);
  return {
    train: [...clips.train, ...train],
    validation: [...clips.validation, ...validation],
    description: clips.description.replace(/\.$/, `, and on ${options.where}.`),
    provenance: {
      ...clips.provenance,
      [`also ${options.where}`]: { clips: usable.length, leftOut: describeSkipped(skipped) },
    },
    skipped,
  };
}

/** Whole segments one after another; a clip that is shorter is one segment. */
function segmentsOf({ id, file, labels, durationSec }: UsableClip, segmentSec: number): CacheClip[] {
  const count = Math.min(MAX_SEGMENTS, Math.max(1, Math.floor(durationSec / segmentSec + 1e-3)));
  return Array.from({ length: count }, (_, i) => ({
    id: count === 1 ? id : `${id}#${i}`,
    file,
    label: labels[0] ?? '',
    ...(i > 0 && { startSec: i * segmentSec }),
  }));
}
