import { ShiftedClips } from '#learning/synchronization/shifted-clips';
import { MINI_CACHE } from '#learning/training/mini';

/** Clips in which nothing happens, of which so many seconds were recorded (default: all that a cache holds). */
export function quietClips(count: number, recordedSec = Number.POSITIVE_INFINITY): ShiftedClips {
  const { audio, steps, lumaSize } = MINI_CACHE;
  const clips = Array.from({ length: count }, (_, i) => ({ id: `${i}`, file: '', label: '' }));
  const luma = new Uint8Array(count * steps * lumaSize * lumaSize);
  const logMel = new Float32Array(count * audio.frames * audio.bands);
  const cache = { clips, framesPerClip: 0, spec: MINI_CACHE, frames: new Uint8Array(0), luma, logMel };
  return ShiftedClips.of(cache, [...clips.keys()], () => recordedSec);
}
