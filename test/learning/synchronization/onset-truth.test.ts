import { describe, expect, it } from 'vitest';
import { hasOnsetsInCommon } from '#learning/synchronization/onset-truth';

type Sources = Parameters<typeof hasOnsetsInCommon>[0]['sources'];

function sources(starts: readonly number[], changed: Partial<Sources[number]> = {}, velocity = 0.7): Sources {
  const events = starts.map((startSec) => ({ startSec, endSec: startSec + 0.1, pitchMidi: 60, velocity }));
  return [{ events, object: 0, ...changed } as Sources[number]];
}

const SHARED = { startSec: 1, endSec: 3 };

describe('having something to synchronise by', () => {
  it('takes three uneven onsets of what is seen', () => {
    expect(hasOnsetsInCommon({ sources: sources([1.2, 1.7, 2.6]) }, SHARED)).toBe(true);
  });

  it.each([
    ['two onsets', sources([1.2, 2.6])],
    ['onsets beyond the part in common', sources([0.2, 0.9, 1.01, 1.7, 2.6, 2.99, 4])],
    ['onsets as even as a clock', sources([1.2, 1.7, 2.2, 2.7])],
    ['onsets within one step', sources([1.2, 1.23, 1.26, 2.6])],
    ['what is not in the picture', sources([1.2, 1.7, 2.6], { object: null })],
    ['what can hardly be heard', sources([1.2, 1.7, 2.6], {}, 0.05)],
  ])('is not %s', (_, of) => {
    expect(hasOnsetsInCommon({ sources: of }, SHARED)).toBe(false);
  });
});
