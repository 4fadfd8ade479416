/** What a run builds: the shape of `mini` from its first weights, or a model that it goes on from. */
import { EarshotError } from '#core/errors';
import { readTwoTowerManifest, readWeights } from '#model/checkpoint/checkpoint';
import type { FrontEnds, ModelManifest } from '#model/checkpoint/manifest';
import type { NamedArray } from '#model/layers/parameters';
import { AUDIO_TIME_STRIDE } from '#model/towers/audio-tower';
import { MINI_TOWERS, type TwoTowerOptions } from '#model/towers/two-tower';
import type { CacheSpec } from './clip-cache.ts';
import { MINI_CACHE, MINI_SEGMENTS, miniFrontEnds } from './mini.ts';

export interface ModelShape {
  towers: TwoTowerOptions;
  segments: { lengthSec: number; hopSec: number };
  cache: CacheSpec;
  /** @param audio mean and deviation of the training clips' log-mels, which a base's own take the place of */
  frontEnds(audio: { mean: number; deviation: number }): FrontEnds;
  base: { id: string; version: string; weights: NamedArray[] } | null;
}

export const MINI_SHAPE: ModelShape = {
  towers: MINI_TOWERS,
  segments: MINI_SEGMENTS,
  cache: MINI_CACHE,
  frontEnds: miniFrontEnds,
  base: null,
};

/** Side of the cached frames beside the tower's input: room for crops. */
const CROP_ROOM = 7 / 6;

/**
 * A model's own shape, front ends and weights.
 *
 * @throws EarshotError `invalid_argument` for a model that no run can go on from, `model_not_found`, `model_invalid`,
 *   `checkpoint_invalid`
 */
export async function shapeOfModel(folder: string): Promise<ModelShape> {
  const manifest = await readTwoTowerManifest(folder);
  const { id, version, towers, segments, frontEnds } = manifest;
  return {
    towers: { audio: towers.audio, video: towers.video },
    segments,
    cache: cacheOf(manifest),
    frontEnds: () => frontEnds,
    base: { id, version, weights: await readWeights(folder, manifest) },
  };
}

function cacheOf({ id, towers, segments, frontEnds }: ModelManifest): CacheSpec {
  const { normalization: _audio, ...audio } = frontEnds.audio;
  const { normalization: _video, views: _views, ...video } = frontEnds.video;
  const motionSize = towers.video.motion?.size ?? 0;
  const stepSec = audio.hopSec * AUDIO_TIME_STRIDE;
  const fits = video.width === video.height && video.width % motionSize === 0;
  if (!fits || Math.abs(video.rateHz * stepSec - 1) > 1e-3) {
    const message = `${id} sees no motion, or not at the rate of its sound: no run can go on from it.`;
    throw new EarshotError('invalid_argument', message, { subject: 'base' });
  }
  const lumaSize = Math.round(motionSize * CROP_ROOM);
  return {
    audio,
    video,
    segmentSec: segments.lengthSec,
    frameSize: lumaSize * (video.width / motionSize),
    lumaSize,
    steps: audio.frames / AUDIO_TIME_STRIDE,
  };
}
