import { describe, expect, it } from 'vitest';
import { learnSynchronization } from '#learning/synchronization/learn-synchronization';
import { quietClips } from './quiet-clips.ts';

describe('learning the synchronisation head', () => {
  it('goes on from a head that was learned before, else from its seed', async () => {
    // What is learned from them is of no interest here.
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
