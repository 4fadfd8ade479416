/** What separation is asked about when it is measured: mixtures whose stems are known, and pictures of their sources. */
import { decodeFrames } from '#media/decode';
import type { PictureRegion } from '#media/filters';
import type { PixelBlock } from '#model/front-ends/video-batch';
import { type SeparationGuide, separateAudioByVisual } from '#model/separation/separate-audio-by-visual';
import type { SeparationModel } from '#model/separation/separation-model';
import { addUp } from '../corpus/mix.ts';

/** Of the stems that mixtures are made of. */
export const STEM_RATE_HZ = 16_000;

export interface KnownMixture {
  /** As long as the shortest of them. */
  stems: Float32Array[];
  sum: Float32Array;
}

export function mixtureOf(stems: readonly Float32Array[]): KnownMixture {
  const length = Math.min(...stems.map((stem) => stem.length));
  return { stems: stems.map((stem) => stem.subarray(0, length)), sum: addUp(stems, length) };
}

/** The target alone. @param mixture mono at `STEM_RATE_HZ` */
export async function heardOf(
  model: SeparationModel,
  mixture: Float32Array,
  guide: SeparationGuide,
): Promise<Float32Array> {
  const { target } = await separateAudioByVisual(model, [mixture], STEM_RATE_HZ, guide);
  return target[0] as Float32Array;
}

/**
 * Frames as the model's guide takes them, of a region or (null) of the whole picture.
 *
 * @param atLeastSec what is shown after the file's end is its last frame
 */
export async function guideFrames(
  file: string,
  region: PictureRegion | null,
  model: SeparationModel,
  { atLeastSec = 0, signal }: { atLeastSec?: number; signal?: AbortSignal | undefined } = {},
): Promise<PixelBlock> {
  const { video, steps } = model.manifest.guide;
  const { rateHz, width, height, fit } = video;
  const endSec = Math.max(atLeastSec, steps / rateHz);
  const { data, count } = await decodeFrames(file, { rateHz, width, height, fit, region, endSec, signal });
  return { data, count };
}

/** The picture stands still: whatever is left comes from appearance. */
export function frozen({ data, count }: PixelBlock): PixelBlock {
  const first = data.subarray(0, data.length / count);
  const still = new Uint8Array(data.length);
  for (let i = 0; i < count; i++) still.set(first as Uint8Array, i * first.length);
  return { data: still, count };
}
