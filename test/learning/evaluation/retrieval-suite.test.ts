import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { scoreColourControl } from '#learning/evaluation/colour-control';
import { type ScoredClip, scoreRetrieval } from '#learning/evaluation/retrieval-suite';
import type { ClipCache } from '#learning/training/clip-cache';
import { MINI_CACHE } from '#learning/training/mini';

function clips(
  count: number,
  vectorsOf: (i: number) => { audio: Float32Array; video: Float32Array },
): ScoredClip[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `c${i}`,
    labels: [`class${i % 4}`],
    ...vectorsOf(i),
  }));
}

describe('the retrieval suite', () => {
  it('gives a perfect model full marks with N and chance beside them', () => {
    const { n, results } = scoreRetrieval(
      clips(12, (i) => {
        const vector = new Float32Array(12);
        vector[i] = 1;
        return { audio: vector, video: vector };
      }),
    );
    expect(n).toBe(12);
    expect(results['videoToAudio.r1']).toEqual({
      value: 1,
      chance: expect.closeTo(1 / 12, 9),
      ci95: [1, 1],
      // Four classes of three clips: who knows the class alone guesses among three.
      classOracle: expect.closeTo(1 / 3, 9),
    });
    expect(results['audioToVideo.medianRank']).toMatchObject({ value: 1, chance: 6.5 });
  });

  it('calls constant embeddings chance, in every metric and direction', () => {
    const same = Float32Array.of(1, 0, 0);
    const { results } = scoreRetrieval(clips(40, () => ({ audio: same, video: same })));
    for (const { value, chance } of Object.values(results)) expect(value).toBeCloseTo(chance, 9);
  });

  it('counts clips that share one of several labels as right answers', () => {
    const along = (x: number) => Float32Array.of(Math.cos(x), Math.sin(x));
    const scored = scoreRetrieval([
      { id: 'a', labels: ['dog', 'rain'], audio: along(0), video: along(0) },
      { id: 'b', labels: ['rain'], audio: along(0.1), video: along(0.1) },
      { id: 'c', labels: [], audio: along(2), video: along(2) },
    ]);
    // Every clip's relevant items come first, unlabelled clips match themselves.
    expect(scored.results['videoToAudio.map']?.value).toBe(1);
  });
});

describe('the colour control', () => {
  /** Clips of four classes; `colourOf` and the mel band of the class make picture and sound. */
  function cache(seed: number, colourOf: (c: number, random: SeededRandom) => number): ClipCache {
    const random = new SeededRandom(seed);
    const spec = { ...MINI_CACHE, frameSize: 4, audio: { ...MINI_CACHE.audio, frames: 8 } };
    const count = 80;
    const frames = new Uint8Array(count * 4 * 4 * 3);
    const logMel = new Float32Array(count * 8 * spec.audio.bands);
    for (let clip = 0; clip < count; clip++) {
      const colour = colourOf(clip % 4, random);
      for (let i = 0; i < 48; i++)
        frames[clip * 48 + i] = i % 3 === 0 ? colour + random.integer(0, 10) : random.integer(0, 255);
      for (let i = 0; i < 8 * 64; i++)
        logMel[clip * 512 + i] = ((i % 64) >> 4 === clip % 4 ? 2 : 0) + 0.2 * random.normal();
    }
    const list = Array.from({ length: count }, (_, i) => ({
      id: `${seed}-${i}`,
      file: '',
      label: `class${i % 4}`,
    }));
    return { clips: list, framesPerClip: 1, spec, frames, luma: new Uint8Array(0), logMel };
  }

  it('catches a corpus whose colour gives the class away', () => {
    const tell = (c: number) => 20 + 60 * c;
    const { results } = scoreColourControl(cache(1, tell), cache(2, tell));
    expect(results['videoToAudio.map']?.value).toBeGreaterThan(0.4);
  });

  it('stays near chance where colour is drawn by lot', () => {
    const lot = (_: number, random: SeededRandom) => random.integer(0, 245);
    const { results } = scoreColourControl(cache(1, lot), cache(2, lot));
    const { value, chance } = results['videoToAudio.map'] as { value: number; chance: number };
    expect(value).toBeLessThan(chance + 0.08);
  });
});
