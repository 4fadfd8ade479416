import { describe, expect, it } from 'vitest';
import { learnSynchronization } from '#learning/synchronization/learn-synchronization';
import { ShiftedClips } from '#learning/synchronization/shifted-clips';
import { MINI_CACHE } from '#learning/training/mini';

/** Clips in which nothing happens: what is learned from them is of no interest here. */
function quietClips(count: number): ShiftedClips {
  const { audio, steps, lumaSize } = MINI_CACHE;
  const clips = Array.from({ length: count }, (_, i) => ({ id: `${i}`, file: '', label: '' }));
  const luma = new Uint8Array(count * steps * lumaSize * lumaSize);
  const logMel = new Float32Array(count * audio.frames * audio.bands);
  const cache = { clips, framesPerClip: 0, spec: MINI_CACHE, frames: new Uint8Array(0), luma, logMel };
  return ShiftedClips.of(cache, [...clips.keys()]);
}

describe('learning the synchronisation head', () => {
  it('goes on from a head that was learned before, else from its seed', async () => {
    const clips = quietClips(2);
    const learn = async (options: Partial<Parameters<typeof learnSynchronization>[0]>) => {
      const base = { train: [clips], validation: [], steps: 1, batchSize: 2, peakLearningRate: 0, seed: 5 };
      return (await learnSynchronization({ ...base, ...options })).arrays;
    };
    const first = await learn({ seed: 4 });
    // Nothing is learned at a rate of 0: the arrays stay as they began.
    expect(await learn({ initial: first })).toEqual(first);
    expect(await learn({})).not.toEqual(first);
    expect(await learn({ initial: first, peakLearningRate: 0.01 })).not.toEqual(first);
  });
});
