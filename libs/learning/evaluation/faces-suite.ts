/**
 * Whether the map picks the speaking face: two real talking faces side by side, both of which speak, and the voice of
 * one of them. They look alike and stand alike, so that only who moves as the voice goes can tell.
 */
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import { readTwoTowerManifest } from '#model/checkpoint/checkpoint';
import type { EmbeddingModel, FrameBlock } from '#model/embedding-model';
import { type ClipMedia, decodeBeginning } from '../decode-beginning.ts';
import { TRUTH_SIDE } from '../localization/scene-clips.ts';
import { heldOutClips } from '../synchronization/synchronization-clips.ts';
import type { UsableClip } from '../training/usable-clips.ts';
import { followingCases } from './following-maps.ts';
import { type LocalizationEvaluation, openLocalizingModel } from './localization-suite.ts';
import { type FollowingClip, scoreFollowing } from './score-following.ts';

export interface FacesRequest {
  modelFolder: string;
  /** JSON lines of `{file, labels, source?}`: clips of one talking face in the middle of each. */
  list: string;
  cacheFolder: string;
  /** Pairs of clips; 100 unless told. */
  pairs?: number;
  signal?: AbortSignal;
  onProgress?(stage: string, done: number, total: number): void;
}

const PAIRS = 100;
/** Parts of a pair's length that are looked at. */
const PARTS = [0.2, 0.5, 0.8];
/** Of the pairs; the split of the list follows from the seed of the training. */
const SEED = 1;

/**
 * Only clips that the model's synchronisation head has not learned from are paired.
 *
 * @throws EarshotError `not_trained`, `not_enough_data`, `file_not_found`, `invalid_argument`, `cancelled`
 */
export async function evaluateFaces(request: FacesRequest): Promise<LocalizationEvaluation> {
  const { signal } = request;
  const { model } = await openLocalizingModel(request.modelFolder);
  const clips: FollowingClip[] = [];
  try {
    const { heads } = await readTwoTowerManifest(request.modelFolder);
    const trained = heads?.synchronization?.training.seed;
    const seed = typeof trained === 'number' ? trained : SEED;
    const listed = await heldOutClips(request.list, { ...request, seed });
    const pairs = pairsOf(listed, request.pairs ?? PAIRS);
    for (const [i, [left, right]] of pairs.entries()) {
      if (signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
      clips.push({ group: '', cases: await casesOf(left, right, model, signal) });
      request.onProgress?.('pairs', i + 1, pairs.length);
    }
  } finally {
    model.dispose();
  }
  if (clips.length < 2)
    throw new EarshotError('not_enough_data', 'At least four clips of faces are needed, to make two pairs.');
  const results = scoreFollowing(clips);
  return { suite: 'localization-faces', model: model.identity, n: clips.length, results };
}

/** Each clip in one pair at most; the same pairs for every suite. */
export function pairsOf(clips: readonly UsableClip[], most: number): [UsableClip, UsableClip][] {
  const order = new SeededRandom(`${SEED}/faces`).shuffle([...clips]);
  const count = Math.min(most, Math.floor(order.length / 2));
  return Array.from({ length: count }, (_, i) => [
    order[2 * i] as UsableClip,
    order[2 * i + 1] as UsableClip,
  ]);
}

async function casesOf(
  left: UsableClip,
  right: UsableClip,
  model: EmbeddingModel,
  signal: AbortSignal | undefined,
): Promise<FollowingClip['cases']> {
  const { segments, videoInput, audioInput } = model;
  const lengthSec = Math.min(segments.lengthSec, left.durationSec, right.durationSec);
  const options = { lengthSec, video: videoInput, ...audioInput, signal };
  const [a, b] = [await decodeBeginning(left.file, options), await decodeBeginning(right.file, options)];
  const block = sideBySide(a.block, b.block, videoInput);
  return followingCases(model, {
    block,
    frames: PARTS.map((part) => Math.floor(part * block.count)),
    places: [half('left'), half('right')],
    sounds: [a, b].map(({ samples }: ClipMedia) => samples) as [Float32Array, Float32Array],
  });
}

/** The middle halves of both pictures, so that faces keep their proportions. */
export function sideBySide(
  left: FrameBlock,
  right: FrameBlock,
  { width, height }: { width: number; height: number },
): FrameBlock {
  const count = Math.min(left.count, right.count);
  const [row, half, quarter] = [width * 3, (width >> 1) * 3, (width >> 2) * 3];
  const data = new Uint8Array(count * height * row);
  for (let at = 0; at < data.length; at += row) {
    data.set(left.data.subarray(at + quarter, at + quarter + half), at);
    data.set(right.data.subarray(at + quarter, at + quarter + half), at + half);
  }
  return { data, count };
}

function half(which: 'left' | 'right'): Uint8Array {
  const middle = TRUTH_SIDE / 2;
  return Uint8Array.from({ length: TRUTH_SIDE ** 2 }, (_, cell) =>
    cell % TRUTH_SIDE < middle === (which === 'left') ? 1 : 0,
  );
}
