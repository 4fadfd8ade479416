import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { CachedSource, DEFAULT_AUGMENTATION } from '#learning/training/cached-source';
import type { ClipCache } from '#learning/training/clip-cache';
import { MINI_CACHE, miniFrontEnds } from '#learning/training/mini';

const SIZE = MINI_CACHE.frameSize;
const FRAME = SIZE * SIZE * 3;
const MEL = MINI_CACHE.audio.frames * MINI_CACHE.audio.bands;
const frontEnds = miniFrontEnds({ mean: -2, deviation: 2 });

/** Two clips: one black and silent, one white and loud. */
function twoClips(): ClipCache {
  const framesPerClip = 20;
  const frames = new Uint8Array(2 * framesPerClip * FRAME);
  frames.fill(255, framesPerClip * FRAME);
  const logMel = new Float32Array(2 * MEL);
  logMel.fill(Math.log(0.001), 0, MEL);
  logMel.fill(2, MEL);
  const clips = ['a', 'b'].map((id) => ({ id, file: id, label: id }));
  return { clips, framesPerClip, spec: MINI_CACHE, frames, logMel };
}

describe('the cached training source', () => {
  it('answers all frames, normalised and unchanged, without augmentation', () => {
    const source = new CachedSource(twoClips(), frontEnds);
    const batch = source.batch([0, 1], [0, 1]);
    expect(batch.framesPerClip).toBe(20);
    expect(batch.frames).toHaveLength(2 * 20 * 96 * 96 * 3);
    expect(batch.frames[0]).toBeCloseTo(-0.45 / 0.25, 5);
    expect(batch.frames.at(-1)).toBeCloseTo(0.55 / 0.25, 5);
    expect(batch.logMel[0]).toBeCloseTo((Math.log(0.001) + 2) / 2, 5);
    expect(batch.logMel.at(-1)).toBeCloseTo(2, 5);
    expect([...batch.frameTimesSec.slice(0, 3)]).toEqual([0, 0.25, 0.5]);
  });

  it('takes sounds and pictures by their own lists', () => {
    const batch = new CachedSource(twoClips(), frontEnds).batch([1, 1], [0, 0]);
    expect(batch.logMel[0]).toBeCloseTo(2, 5);
    expect(batch.frames[0]).toBeCloseTo(-0.45 / 0.25, 5);
  });

  it('augments within its bounds, the same way for the same draw', () => {
    const source = new CachedSource(twoClips(), frontEnds);
    const a = source.batch([1], [1], new SeededRandom(4));
    const b = source.batch([1], [1], new SeededRandom(4));
    const c = source.batch([1], [1], new SeededRandom(5));
    expect(a).toEqual(b);
    expect(a.frames).not.toEqual(c.frames);
    expect(a.framesPerClip).toBe(DEFAULT_AUGMENTATION.framesPerClip);
    expect([...a.frameTimesSec]).toEqual([...a.frameTimesSec].sort((x, y) => x - y));
    const loudest = (2 + (DEFAULT_AUGMENTATION.gainDb / 20) * Math.LN10 + 2) / 2;
    expect(a.logMel.reduce((max, value) => Math.max(max, value), -99)).toBeLessThanOrEqual(loudest + 1e-3);
    expect(a.logMel.some((value) => value === 0)).toBe(true);
  });

  it('leaves silence silent whatever the gain', () => {
    const quiet = new CachedSource(twoClips(), frontEnds, {
      ...DEFAULT_AUGMENTATION,
      maxMaskedBands: 0,
      maxMaskedFrames: 0,
    });
    const { logMel } = quiet.batch([0], [0], new SeededRandom(4));
    const silence = (Math.log(0.001) + 2) / 2;
    expect(logMel.reduce((worst, value) => Math.max(worst, Math.abs(value - silence)), 0)).toBeLessThan(1e-3);
  });
});

describe('turning a clip round', () => {
  it('keeps sound and picture of one instant together', () => {
    // Frame 5 is white and the sound at its instant (1.25 s, frame 125 of the log-mel) is loud; all else is dark.
    const framesPerClip = 20;
    const frames = new Uint8Array(framesPerClip * FRAME);
    frames.fill(255, 5 * FRAME, 6 * FRAME);
    const logMel = new Float32Array(MEL).fill(Math.log(0.001));
    logMel.fill(2, 125 * 64, 126 * 64);
    const cache = {
      clips: [{ id: 'a', file: 'a', label: 'a' }],
      framesPerClip,
      spec: MINI_CACHE,
      frames,
      logMel,
    };
    const source = new CachedSource(cache, frontEnds, {
      ...DEFAULT_AUGMENTATION,
      window: 1,
      framesPerClip,
      invertedPart: 0,
      gainDb: 0,
      maxMaskedBands: 0,
      maxMaskedFrames: 0,
    });
    const shifts = new Set<number>();
    for (let seed = 0; seed < 8; seed++) {
      const batch = source.batch([0], [0], new SeededRandom(seed));
      const brightness = Array.from(
        { length: framesPerClip },
        (_, i) => batch.frames[i * 96 * 96 * 3 + 96 * 48 * 3] as number,
      );
      const flash = brightness.indexOf(Math.max(...brightness));
      const loud = batch.logMel.findIndex((value) => value > 1) / 64;
      // The log-mel has 496 frames, not 500: what is turned past its end is off by those four.
      expect(Math.abs(loud - 25 * flash)).toBeLessThanOrEqual(4);
      shifts.add(flash);
    }
    expect(shifts.size).toBeGreaterThan(3);
  });
});
