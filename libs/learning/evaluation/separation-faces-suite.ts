/**
 * Whether lips take a voice out of a mixture: two talking faces beside each other, both of which are heard, each asked for
 * by its own picture. Where both are one speaker's, neither looks nor timbre tell them apart, but movement alone.
 *
 * @see Ephrat et al. 2018, "Looking to listen at the cocktail party"
 */
import { EarshotError } from '#core/errors';
import { decodeSamples } from '#media/decode';
import type { PixelBlock } from '#model/front-ends/video-batch';
import { SeparationModel } from '#model/separation/separation-model';
import { LIST_SEED, LISTED_REGION } from '../separation/learning-clips.ts';
import { heldOutClips } from '../synchronization/synchronization-clips.ts';
import type { UsableClip } from '../training/usable-clips.ts';
import { pairsOf } from './faces-suite.ts';
import { type SdrRow, type SeparationResults, sdrRows, summarise } from './score-separation.ts';
import { frozen, guideFrames, heardOf, mixtureOf, STEM_RATE_HZ } from './separation-questions.ts';

export interface SeparationFacesRequest {
  modelFolder: string;
  /** JSON lines of `{file, labels, source?}`: clips of one talking face in the middle of each. */
  list: string;
  cacheFolder: string;
  /** Pairs of clips; 40 unless told. */
  pairs?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?(stage: string, done: number, total: number): void;
}

const PAIRS = 40;

/**
 * Only clips that heads trained on the list hold out are paired. Beside the answer by the own face against the other
 * (`own`): by the own face alone (`own.alone`), by its still picture (`frozen`), without its motion (`appearance`), and by
 * the other's face against the own (`swapped`), which must lose what lips have gained.
 *
 * @throws EarshotError `not_enough_data`, `file_not_found`, `invalid_argument`, `model_not_found`, `cancelled`
 */
export async function evaluateSeparationFaces(request: SeparationFacesRequest): Promise<SeparationResults> {
  const { signal } = request;
  const listed = await heldOutClips(request.list, { ...request, seed: LIST_SEED });
  const pairs = pairsOf(listed, request.pairs ?? PAIRS);
  if (pairs.length < 2)
    throw new EarshotError('not_enough_data', 'At least four clips of faces are needed, to make two pairs.');
  const model = await SeparationModel.load(request.modelFolder);
  try {
    const rows: SdrRow[] = [];
    for (const [i, pair] of pairs.entries()) {
      if (signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
      rows.push(...(await scorePair(pair, model, i, signal)));
      request.onProgress?.('pairs', i + 1, pairs.length);
    }
    const { id, version } = model.manifest;
    return { suite: 'separation-faces', model: { id, version }, n: rows.length, results: summarise(rows) };
  } finally {
    await model.dispose();
  }
}

async function scorePair(
  pair: readonly [UsableClip, UsableClip],
  model: SeparationModel,
  index: number,
  signal?: AbortSignal,
): Promise<SdrRow[]> {
  const faces: PixelBlock[] = [];
  const voices: Float32Array[] = [];
  for (const { file } of pair) {
    // As the face would stand in one half of a picture of two.
    faces.push(await guideFrames(file, LISTED_REGION, model, { signal }));
    voices.push((await decodeSamples(file, { sampleRateHz: STEM_RATE_HZ, signal })).data);
  }
  const { stems, sum } = mixtureOf(voices);
  const heard = (frames: PixelBlock, rest: PixelBlock | null, isInStep = true) =>
    heardOf(model, sum, { frames, rest, isInStep });
  const ways: Record<string, Float32Array[]> = {};
  const add = async (way: string, sound: Promise<Float32Array>) => {
    ways[way] = [...(ways[way] ?? []), await sound];
  };
  for (const source of stems.keys()) {
    const own = faces[source] as PixelBlock;
    const other = faces[1 - source] as PixelBlock;
    await add('own', heard(own, other));
    await add('own.alone', heard(own, null));
    await add('appearance', heard(own, other, false));
    await add('frozen', heard(frozen(own), frozen(other)));
    await add('swapped', heard(other, own));
  }
  return sdrRows(stems, sum, ways, index);
}
