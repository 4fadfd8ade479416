import { describe, expect, it } from 'vitest';
import {
  type AugmentationOptions,
  CachedSource,
  DEFAULT_AUGMENTATION,
} from '#learning/training/cached-source';
import { type ClipCache, colourFrameCount } from '#learning/training/clip-cache';
import { MINI_CACHE, miniFrontEnds } from '#learning/training/mini';
import { MINI_TOWERS } from '#model/towers/two-tower';
import type { TrainingBatch } from '#model/training/training-source';

const { frameSize, lumaSize, steps: STEPS } = MINI_CACHE;
const FRAME = frameSize * frameSize * 3;
const LUMA = lumaSize * lumaSize;
const BANDS = MINI_CACHE.audio.bands;
const MEL = MINI_CACHE.audio.frames * BANDS;
const FRAMES = colourFrameCount(MINI_CACHE);
const MOTION_SIZE = MINI_TOWERS.video.motion?.size as number;
const MOTION = MOTION_SIZE * MOTION_SIZE * 2;
const SILENCE = Math.log(0.001);
const frontEnds = miniFrontEnds({ mean: -2, deviation: 2 });

/** Nothing but the turn in time and the crop: no gain, no mask, no bent axis, no inverted colour. */
const TURN_ONLY: AugmentationOptions = {
  ...DEFAULT_AUGMENTATION,
  window: { early: 1, wholeFrom: 0 },
  largestAspect: 1,
  largestBend: 0,
  invertedPart: 0,
  lagSteps: [0],
  latestClockSec: 0,
  gainDb: 0,
  colourDb: 0,
  shiftBands: 0,
  backgroundPart: 0,
  maxMaskedBands: 0,
  maxMaskedFrames: 0,
};

/** A black and silent cache of so many clips. */
function emptyCache(count: number): ClipCache {
  return {
    clips: Array.from({ length: count }, (_, i) => ({ id: `c${i}`, file: `c${i}`, label: `c${i}` })),
    framesPerClip: FRAMES,
    spec: MINI_CACHE,
    frames: new Uint8Array(count * FRAMES * FRAME),
    luma: new Uint8Array(count * STEPS * LUMA),
    logMel: new Float32Array(count * MEL).fill(SILENCE),
  };
}

/** Two clips: one black and silent, one white and loud. */
function twoClips(): ClipCache {
  const cache = emptyCache(2);
  cache.frames.fill(255, FRAMES * FRAME);
  cache.luma.fill(255, STEPS * LUMA);
  cache.logMel.fill(2, MEL);
  return cache;
}

const sourceOf = (cache: ClipCache, augmentation?: AugmentationOptions) =>
  new CachedSource(cache, frontEnds, MOTION_SIZE, augmentation);

/** Luma and change of the middle of each motion step of the first row. */
function motionOf(batch: TrainingBatch): { luma: number[]; change: number[] } {
  const motion = batch.motion as Float32Array;
  const middle = MOTION_SIZE * (MOTION_SIZE / 2) + MOTION_SIZE;
  const at = (step: number, offset: number) => motion[step * MOTION + 2 * middle + offset] as number;
  const steps = Array.from({ length: batch.motionSteps }, (_, i) => i);
  return { luma: steps.map((step) => at(step, 0)), change: steps.map((step) => at(step, 1)) };
}

/** Comparing bytes is a hundred times faster than comparing elements. */
function bytesOf(array: Float32Array | null): Buffer {
  if (!array) throw new Error('nothing there');
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

describe('the cached training source', () => {
  it('answers whole clips, normalised and unchanged, without augmentation', async () => {
    const batch = await sourceOf(twoClips()).batch({
      sounds: [0, 1],
      pictures: [0, 1],
      seed: null,
      progress: 0,
    });
    expect(batch.framesPerClip).toBe(FRAMES);
    expect(batch.frames).toHaveLength(2 * FRAMES * 96 * 96 * 3);
    expect(batch.frames[0]).toBeCloseTo(-0.45 / 0.25, 5);
    expect(batch.frames.at(-1)).toBeCloseTo(0.55 / 0.25, 5);
    expect(batch.logMel).toHaveLength(2 * MEL);
    expect(batch.logMel[0]).toBeCloseTo((SILENCE + 2) / 2, 5);
    expect(batch.logMel.at(-1)).toBeCloseTo(2, 5);
    expect([...batch.frameTimesSec.slice(0, 3)].map((t) => t.toFixed(2))).toEqual(['0.00', '0.24', '0.48']);
    expect(batch.motionSteps).toBe(STEPS);
    expect(batch.motion).toHaveLength(2 * STEPS * MOTION);
    expect([...batch.motionTimesSec.slice(STEPS - 1, STEPS + 2)].map((t) => t.toFixed(2))).toEqual([
      '4.88',
      '0.00',
      '0.08',
    ]);
    const { luma, change } = motionOf(batch);
    for (const value of luma) expect(value).toBeCloseTo(-0.45 / 0.25, 4);
    expect(new Set(change)).toEqual(new Set([0]));
  });

  it('shows the middle that embeddings look at, and all of it where a model has no such view', async () => {
    const cache = twoClips();
    const side = frameSize;
    // White at the upper edge, black below.
    cache.frames.fill(0);
    for (let frame = 0; frame < 2 * FRAMES; frame++)
      cache.frames.fill(255, frame * FRAME, frame * FRAME + 4 * side * 3);
    const request = { sounds: [0], pictures: [0], seed: null, progress: 0 };
    const { views, ...whole } = frontEnds.video;
    const brightest = ({ frames }: TrainingBatch) => frames.reduce((max, value) => Math.max(max, value), -99);
    expect(views?.centrePart).toBeLessThan(1 - (2 * 4) / side);
    expect(brightest(await sourceOf(cache).batch(request))).toBeCloseTo(-0.45 / 0.25, 4);
    const all = new CachedSource(cache, { ...frontEnds, video: whole }, MOTION_SIZE);
    expect(brightest(await all.batch(request))).toBeCloseTo(0.55 / 0.25, 4);
  });

  it('takes sounds and pictures by their own lists', async () => {
    const batch = await sourceOf(twoClips()).batch({
      sounds: [1, 1],
      pictures: [0, 0],
      seed: null,
      progress: 0,
    });
    expect(batch.logMel[0]).toBeCloseTo(2, 5);
    expect(batch.frames[0]).toBeCloseTo(-0.45 / 0.25, 5);
    expect(batch.motion?.[0]).toBeCloseTo(-0.45 / 0.25, 4);
  });

  it('augments within its bounds, the same way for the same request', async () => {
    const source = sourceOf(twoClips());
    const request = (seed: string) => source.batch({ sounds: [1], pictures: [1], seed, progress: 0 });
    const [a, c, b] = [await request('4'), await request('5'), await request('4')];
    for (const part of ['logMel', 'frames', 'motion', 'frameTimesSec'] as const)
      expect(Buffer.compare(bytesOf(a[part]), bytesOf(b[part]))).toBe(0);
    expect(Buffer.compare(bytesOf(a.frames), bytesOf(c.frames))).not.toBe(0);
    expect(a.framesPerClip).toBe(DEFAULT_AUGMENTATION.framesPerClip);
    expect(a.motionSteps).toBe(STEPS * DEFAULT_AUGMENTATION.window.early);
    expect(a.melFrames).toBe(8 * a.motionSteps);
    expect([...a.frameTimesSec]).toEqual([...a.frameTimesSec].sort((x, y) => x - y));
    const { gainDb, colourDb } = DEFAULT_AUGMENTATION;
    const loudest = (2 + ((gainDb + colourDb) / 20) * Math.LN10 + 2) / 2;
    expect(a.logMel.reduce((max, value) => Math.max(max, value), -99)).toBeLessThanOrEqual(loudest + 1e-3);
    expect(a.logMel.some((value) => value === 0)).toBe(true);
  });

  it('leaves silence silent whatever the gain', async () => {
    const quiet = sourceOf(twoClips(), { ...DEFAULT_AUGMENTATION, maxMaskedBands: 0, maxMaskedFrames: 0 });
    const { logMel } = await quiet.batch({ sounds: [0], pictures: [0], seed: '4', progress: 0 });
    const silence = (SILENCE + 2) / 2;
    expect(logMel.reduce((worst, value) => Math.max(worst, Math.abs(value - silence)), 0)).toBeLessThan(1e-3);
  });

  it('colours a sound by smooth gains of its bands, within the limit and the same at all times', async () => {
    const cache = emptyCache(1);
    cache.logMel.fill(2);
    const source = sourceOf(cache, { ...TURN_ONLY, colourDb: 8 });
    const curves = new Set<string>();
    for (let seed = 0; seed < 6; seed++) {
      const { logMel } = await source.batch({ sounds: [0], pictures: [], seed: `${seed}`, progress: 0 });
      const decibels = (frame: number) =>
        Array.from({ length: BANDS }, (_, band) => {
          const magnitude = Math.exp((logMel[frame * BANDS + band] as number) * 2 - 2) - 0.001;
          return 20 * Math.log10(magnitude / (Math.exp(2) - 0.001));
        });
      const curve = decibels(0);
      decibels(300).forEach((value, band) => {
        expect(value).toBeCloseTo(curve[band] as number, 3);
      });
      expect(Math.max(...curve.map(Math.abs))).toBeLessThanOrEqual(8.001);
      expect(Math.max(...curve) - Math.min(...curve)).toBeGreaterThan(0.2);
      // Straight lines between at most five knots: all but four bends are none.
      const bends = curve
        .slice(2)
        .map((value, i) => value - 2 * (curve[i + 1] as number) + (curve[i] as number));
      expect(bends.filter((bend) => Math.abs(bend) > 1e-2).length).toBeLessThanOrEqual(6);
      curves.add(curve.map((value) => value.toFixed(2)).join());
    }
    expect(curves.size).toBe(6);
  });

  it('moves all bands of a sound alike, no further than told', async () => {
    // Loudness peaks at band 30 and falls off to both sides.
    const cache = emptyCache(1);
    for (let i = 0; i < MEL; i++) cache.logMel[i] = 2 - 0.1 * Math.abs((i % BANDS) - 30);
    const source = sourceOf(cache, { ...TURN_ONLY, shiftBands: 4 });
    const peaks: number[] = [];
    for (let seed = 0; seed < 12; seed++) {
      const { logMel } = await source.batch({ sounds: [0], pictures: [], seed: `${seed}`, progress: 0 });
      const peakAt = (frame: number) => {
        const row = [...logMel.subarray(frame * BANDS, (frame + 1) * BANDS)];
        return row.indexOf(Math.max(...row));
      };
      expect(peakAt(400)).toBe(peakAt(0));
      peaks.push(peakAt(0) - 30);
    }
    expect(Math.max(...peaks.map(Math.abs))).toBeLessThanOrEqual(4);
    expect(Math.min(...peaks)).toBeLessThan(0);
    expect(Math.max(...peaks)).toBeGreaterThan(0);
  });

  it('bends the axes of a picture without changing the order of its pixels', async () => {
    // Brightness rises from left to right.
    const cache = emptyCache(1);
    for (let i = 0; i < cache.frames.length; i++) cache.frames[i] = 2 * (Math.floor(i / 3) % frameSize);
    const source = sourceOf(cache, { ...TURN_ONLY, smallestCrop: 1, largestBend: 0.5, largestAspect: 1.3 });
    let uneven = 0;
    for (let seed = 0; seed < 12; seed++) {
      const { frames } = await source.batch({ sounds: [0], pictures: [0], seed: `${seed}`, progress: 0 });
      const row = Array.from({ length: 96 }, (_, x) => frames[3 * (96 * 48 + x)] as number);
      const sign = Math.sign((row.at(-1) as number) - (row[0] as number));
      const steps = row.slice(1).map((value, x) => sign * (value - (row[x] as number)));
      // The edge of a frame may repeat, but nothing runs backwards.
      expect(Math.min(...steps)).toBeGreaterThanOrEqual(-1e-6);
      const inner = steps.slice(4, -4);
      if (Math.max(...inner) > 1.2 * Math.min(...inner)) uneven += 1;
    }
    expect(uneven).toBeGreaterThan(6);
  });

  it('mixes a background in below the clip, never louder, and into some clips only', async () => {
    // A steady tone of magnitude 1 in eight bands; the other clip has a hiss of 0.05 everywhere.
    const cache = emptyCache(2);
    for (let i = 0; i < MEL; i++) if (i % BANDS < 8) cache.logMel[i] = Math.log(1.001);
    cache.logMel.fill(Math.log(0.051), MEL);
    const only = { ...TURN_ONLY, gainDb: 0 };
    const between = sourceOf(cache, { ...only, backgroundPart: 1, backgroundDb: [40, 20] });
    const magnitudes = ({ logMel }: TrainingBatch) => logMel.map((value) => Math.exp(value * 2 - 2) - 0.001);
    for (let seed = 0; seed < 6; seed++) {
      const heard = magnitudes(
        await between.batch({ sounds: [0], pictures: [0], seed: `${seed}`, progress: 0 }),
      );
      const power = { tone: 0, rest: 0 };
      heard.forEach((value, i) => {
        power[i % BANDS < 8 ? 'tone' : 'rest'] += value ** 2;
      });
      expect(power.tone / (MEL / 8)).toBeCloseTo(1, 1);
      // Mean power of the whole clip is 1/8; 20 to 40 dB less lies in the bands that were silent.
      const belowDb = -10 * Math.log10(power.rest / (MEL - MEL / 8) / (1 / 8));
      expect(belowDb).toBeGreaterThan(14);
      expect(belowDb).toBeLessThan(70);
    }
    const half = sourceOf(cache, { ...only, backgroundPart: 0.5 });
    const rows = Array.from({ length: 40 }, () => 0);
    const { logMel } = await half.batch({ sounds: rows, pictures: [], seed: 'x', progress: 0 });
    const mixed = rows.filter(
      (_, row) => (logMel[row * MEL + BANDS - 1] as number) > (SILENCE + 2) / 2 + 0.01,
    );
    expect(mixed.length).toBeGreaterThan(8);
    expect(mixed.length).toBeLessThan(32);
  });

  it('draws one transform a clip: colour and motion are cropped and mirrored alike', async () => {
    // The right half of the picture is white, in colour and in luma.
    const cache = emptyCache(1);
    for (let i = 0; i < cache.frames.length; i++)
      if (Math.floor(i / 3) % frameSize >= frameSize / 2) cache.frames[i] = 255;
    for (let i = 0; i < cache.luma.length; i++) if (i % lumaSize >= lumaSize / 2) cache.luma[i] = 255;
    const source = sourceOf(cache, TURN_ONLY);
    const seen = new Set<boolean>();
    for (let seed = 0; seed < 12; seed++) {
      const batch = await source.batch({ sounds: [0], pictures: [0], seed: `${seed}`, progress: 0 });
      // Edge column of each, as a part of the width.
      const row = batch.frames.subarray(96 * 48 * 3, 96 * 49 * 3);
      const colour = Array.from({ length: 96 }, (_, x) => row[3 * x] as number);
      const middle = (MOTION_SIZE / 4) * (MOTION_SIZE / 2);
      const luma = Array.from(
        { length: MOTION_SIZE },
        (_, x) => batch.motion?.[(middle + (x >> 1)) * 8 + 2 * (x & 1)] as number,
      );
      const rising = (values: number[]) => (values.at(-1) as number) > (values[0] as number);
      const edge = (values: number[]) => {
        const half = (Math.max(...values) + Math.min(...values)) / 2;
        return values.filter((value) => value > half).length / values.length;
      };
      expect(rising(colour)).toBe(rising(luma));
      expect(Math.abs(edge(colour) - edge(luma))).toBeLessThan(0.04);
      seen.add(rising(colour));
    }
    expect(seen.size).toBe(2);
  });
});

describe('turning a clip round', () => {
  it('keeps sound, colour and motion of one instant together', async () => {
    // In step 15 (1.2 s) the sound is loud and the picture white, in colour frame 5 and in luma; all else is dark.
    const cache = emptyCache(1);
    cache.frames.fill(255, 5 * FRAME, 6 * FRAME);
    cache.luma.fill(255, 15 * LUMA, 16 * LUMA);
    cache.logMel.fill(2, 15 * 8 * BANDS, 16 * 8 * BANDS);
    const source = sourceOf(cache, { ...TURN_ONLY, framesPerClip: FRAMES });
    const turns = new Set<number>();
    for (let seed = 0; seed < 16; seed++) {
      const batch = await source.batch({ sounds: [0], pictures: [0], seed: `${seed}`, progress: 0 });
      const loud = batch.logMel.findIndex((value) => value > 1) / BANDS / 8;
      const { luma, change } = motionOf(batch);
      const flash = luma.indexOf(Math.max(...luma));
      expect(flash).toBe(loud);
      if (flash > 0) expect(change[flash]).toBeGreaterThan(1);
      const brightness = Array.from(
        { length: FRAMES },
        (_, i) => batch.frames[i * 96 * 96 * 3 + 96 * 48 * 3] as number,
      );
      const brightest = Math.max(...brightness);
      brightness.forEach((value, i) => {
        // A frame before the start or past the end of the turned clip is one step off.
        if (value === brightest && value > 1)
          expect(Math.abs((batch.frameTimesSec[i] as number) * 12.5 - loud)).toBeLessThan(1.01);
      });
      turns.add(loud);
    }
    expect(turns.size).toBeGreaterThan(8);
  });

  it('lets a picture lag by the steps it tells, on a clock of its own', async () => {
    const cache = emptyCache(1);
    cache.luma.fill(255, 15 * LUMA, 16 * LUMA);
    cache.logMel.fill(2, 15 * 8 * BANDS, 16 * 8 * BANDS);
    const source = sourceOf(cache, { ...TURN_ONLY, lagSteps: [3, -2], latestClockSec: 2 });
    const lags = new Set<number>();
    for (let seed = 0; seed < 12; seed++) {
      const batch = await source.batch({ sounds: [0], pictures: [0], seed: `${seed}`, progress: 0 });
      const loud = batch.logMel.findIndex((value) => value > 1) / BANDS / 8;
      const { luma } = motionOf(batch);
      const lag = batch.lagSteps[0] as number;
      expect((luma.indexOf(Math.max(...luma)) - loud - lag + STEPS) % STEPS).toBe(0);
      const startSec = batch.motionTimesSec[0] as number;
      expect(startSec).toBeGreaterThanOrEqual(0);
      expect(startSec).toBeLessThanOrEqual(2);
      lags.add(lag);
    }
    expect(lags).toEqual(new Set([3, -2]));
  });

  it('shows no change at the seam, where the end meets the start', async () => {
    // Luma rises by the same amount at every step, so the seam would be one great fall.
    const cache = emptyCache(1);
    for (let step = 0; step < STEPS; step++) cache.luma.fill(3 * step, step * LUMA, (step + 1) * LUMA);
    const source = sourceOf(cache, TURN_ONLY);
    const seams = new Set<number>();
    for (let seed = 0; seed < 12; seed++) {
      const batch = await source.batch({ sounds: [0], pictures: [0], seed: `${seed}`, progress: 0 });
      const { luma, change } = motionOf(batch);
      const seam = luma.findIndex((value, i) => i > 0 && value < (luma[i - 1] as number));
      change.forEach((value, i) => {
        if (i === 0 || i === seam) expect(value).toBe(0);
        else expect(value).toBeGreaterThan(0.05);
      });
      seams.add(seam);
    }
    expect(seams.size).toBeGreaterThan(6);
  });
});
