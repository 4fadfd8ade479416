/** The synchronisation head as part of the network: what it is asked, and how it travels with the weights. */
import { EarshotError } from '#core/errors';
import type { FrontEnds, ModelManifest } from '../checkpoint/manifest.ts';
import type { StoredSynchronization } from '../checkpoint/synchronization.ts';
import { lumaFrame } from '../front-ends/motion.ts';
import type { NamedArray } from '../layers/parameters.ts';
import { LUMA_SIZE } from '../synchronization/cell-motion.ts';
import {
  checkSynchronization,
  type SynchronizationAnswer,
} from '../synchronization/check-synchronization.ts';
import { SOUND_RATE_HZ, VIDEO_RATE_HZ } from '../synchronization/head-input.ts';
import { SynchronizationHead } from '../synchronization/synchronization-head.ts';
import type { VideoFrames } from './inputs.ts';

/** How the names of the head's arrays begin where they lie among a network's own. */
const PREFIX = 'synchronization/';

/**
 * @param samples at the model's rate, from the first frame on
 * @param frames  of the model's size and rate
 * @throws EarshotError `too_short`, `not_trained` for a model whose rates are not the head's
 */
export function checkScene(
  { head, leastSynchronizability }: StoredSynchronization,
  samples: Float32Array,
  frames: VideoFrames,
  { audio, video }: FrontEnds,
): SynchronizationAnswer {
  const { width, height, rateHz } = video;
  if (
    audio.sampleRateHz !== SOUND_RATE_HZ ||
    rateHz !== VIDEO_RATE_HZ ||
    width % LUMA_SIZE !== 0 ||
    height % LUMA_SIZE !== 0
  ) {
    const message = `The synchronization head hears ${SOUND_RATE_HZ} Hz and sees ${VIDEO_RATE_HZ} frames a second in multiples of ${LUMA_SIZE} pixels; this model's input is another.`;
    throw new EarshotError('not_trained', message, { subject: 'checkSynchronization' });
  }
  const pixels = LUMA_SIZE * LUMA_SIZE;
  const luma = new Float32Array(frames.count * pixels);
  for (let i = 0; i < frames.count; i++)
    lumaFrame(frames.data, i * width * height * 3, width, height, LUMA_SIZE, luma, i * pixels);
  return checkSynchronization(head, { samples, luma, count: frames.count }, leastSynchronizability);
}

/** @returns none without a head */
export function packedSynchronization(stored: StoredSynchronization | null): NamedArray[] {
  return (stored?.head.arrays ?? []).map((array) => ({ ...array, name: PREFIX + array.name }));
}

/**
 * The head among a serialized network's arrays, or null where its description names none.
 *
 * @throws EarshotError `checkpoint_invalid` naming an array that is missing
 */
export function unpackedSynchronization(
  arrays: readonly NamedArray[],
  { heads }: Pick<ModelManifest, 'heads'>,
): StoredSynchronization | null {
  if (!heads?.synchronization) return null;
  const own = arrays
    .filter(({ name }) => name.startsWith(PREFIX))
    .map((array) => ({ ...array, name: array.name.slice(PREFIX.length) }));
  const { leastSynchronizability } = heads.synchronization;
  return { head: new SynchronizationHead(own), leastSynchronizability };
}
