/** Of one picture and one of the sounds that it might have, the maps that must follow the sound, and those that can't. */
import { EarshotError } from '#core/errors';
import type { EmbeddingModel, FrameBlock } from '#model/embedding-model';
import { resizeMap } from '#model/localization/resize-map';
import { centreGaussianMap } from '#model/metrics/localization';
import { meanOf } from '#model/metrics/mean-of';
import { TRUTH_SIDE } from '../localization/scene-clips.ts';
import { movementMap } from './localization-suite.ts';
import { FOLLOWING_KINDS, type FollowingClip, followsSound } from './score-following.ts';

export interface TwoPlaces {
  block: FrameBlock;
  /** In which frames to look. */
  frames: number[];
  /** `[TRUTH_SIDE * TRUTH_SIDE]` each, 1 where the place is. */
  places: [ArrayLike<number>, ArrayLike<number>];
  /** What sounds in each place, by itself. */
  sounds: [Float32Array, Float32Array];
}

/**
 * The picture with the sound of the one place, then with that of the other.
 *
 * @throws EarshotError `not_trained` for a model without maps
 */
export async function followingCases(
  model: EmbeddingModel,
  { block, frames, places, sounds }: TwoPlaces,
): Promise<FollowingClip['cases']> {
  const cases: FollowingClip['cases'] = [];
  const movement = movementMap(block, model.videoInput.width);
  const deaf = {
    movement: inGrid(movement.map, movement.side),
    centre: centreGaussianMap(TRUTH_SIDE, TRUTH_SIDE),
  };
  for (const [i, waveform] of sounds.entries()) {
    const maps = { ...deaf, ...(await mapsOf(model, { block, frames }, waveform)) };
    const [own, other] = i === 0 ? places : [places[1], places[0]];
    const followed = FOLLOWING_KINDS.map((kind) => [kind, followsSound(maps[kind], TRUTH_SIDE, own, other)]);
    cases.push(Object.fromEntries(followed) as FollowingClip['cases'][number]);
  }
  return cases;
}

/** Those that listen. */
async function mapsOf(
  model: EmbeddingModel,
  { block, frames }: Pick<TwoPlaces, 'block' | 'frames'>,
  waveform: Float32Array,
): Promise<Record<'model' | 'withoutSynchrony', Float32Array>> {
  const { localize, identity } = model;
  if (!localize)
    throw new EarshotError('not_trained', `${identity.id} has no maps.`, { subject: identity.id });
  const usual = async (synchrony: boolean) => {
    const { maps, side } = await localize.call(model, { waveform, block, frames, query: null, synchrony });
    return inGrid(meanOf(maps), side);
  };
  return { model: await usual(true), withoutSynchrony: await usual(false) };
}

function inGrid(map: Float32Array, side: number): Float32Array {
  return resizeMap(map, side, TRUTH_SIDE, TRUTH_SIDE);
}
