/**
 * Whether the map follows the sound from one half of a duet to the other: the picture of both, with what the one plays
 * alone, then with what the other one plays alone. Both move all the time, so that movement says nothing.
 */
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { readWav } from '#media/wav';
import type { EmbeddingModel } from '#model/embedding-model';
import { type ManifestEntry, readGroundTruth, readManifest } from '../corpus/manifest.ts';
import { objectTruths } from '../localization/scene-clips.ts';
import { followingCases } from './following-maps.ts';
import { firstSegment, type LocalizationEvaluation, openLocalizingModel } from './localization-suite.ts';
import { type FollowingClip, scoreFollowing } from './score-following.ts';

export interface SwapRequest {
  modelFolder: string;
  corpus: string;
  /** So many of each kind of duet. */
  clips?: number;
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

const GROUPS = { unlike: 'test-duets-unlike', like: 'test-duets-like' } as const;
/** Times of a clip that are looked at. */
const TIMES_SEC = [0.96, 2.4, 3.84];

/** @throws EarshotError `not_trained`, `not_enough_data`, `file_not_found` without duets, `cancelled` */
export async function evaluateSwap(request: SwapRequest): Promise<LocalizationEvaluation> {
  const { corpus, signal } = request;
  const { model } = await openLocalizingModel(request.modelFolder);
  const clips: FollowingClip[] = [];
  try {
    const duets: { group: string; entry: ManifestEntry }[] = [];
    for (const [group, split] of Object.entries(GROUPS)) {
      const entries = (await readManifest(corpus, split)).slice(0, request.clips);
      duets.push(...entries.map((entry) => ({ group, entry })));
    }
    for (const [i, { group, entry }] of duets.entries()) {
      if (signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
      const cases = await casesOf(corpus, entry, model, signal);
      if (cases) clips.push({ group, cases });
      request.onProgress?.(i + 1, duets.length);
    }
  } finally {
    model.dispose();
  }
  if (clips.length < 2)
    throw new EarshotError('not_enough_data', 'At least two duets are needed whose sources are both seen.');
  const results = scoreFollowing(clips);
  return { suite: 'localization-swap', model: model.identity, n: clips.length, results };
}

/** Null for a duet of which one source is not in the picture. */
async function casesOf(
  corpus: string,
  entry: ManifestEntry,
  model: EmbeddingModel,
  signal: AbortSignal | undefined,
): Promise<FollowingClip['cases'] | null> {
  const truth = await readGroundTruth(corpus, entry);
  const [first, second] = truth.sources;
  if (!first || !second || first.object === null || second.object === null) return null;
  const objects = [first.object, second.object];
  const masks = (await objectTruths(corpus, entry, truth, objects, TIMES_SEC)).map(anyTime);
  const { block, samples } = await firstSegment(path.join(corpus, entry.file), model, signal);
  const folder = path.join(corpus, path.dirname(entry.groundTruth));
  const stem = async (file: string) => {
    const sound = new Float32Array(samples.length);
    sound.set((await readWav(path.join(folder, file))).samples.subarray(0, sound.length));
    return sound;
  };
  return followingCases(model, {
    block,
    frames: TIMES_SEC.map((time) => Math.round(time * model.videoInput.rateHz)),
    places: masks as [Uint8Array, Uint8Array],
    sounds: [await stem(first.stem), await stem(second.stem)],
  });
}

/** Where an object is at one of the times at least. */
function anyTime(truths: readonly { mask: Uint8Array }[]): Uint8Array {
  return Uint8Array.from(truths[0]?.mask ?? [], (_, cell) => (truths.some(({ mask }) => mask[cell]) ? 1 : 0));
}
