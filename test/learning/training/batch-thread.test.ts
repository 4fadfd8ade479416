import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { BatchThread } from '#learning/training/batch-thread';
import { CachedSource } from '#learning/training/cached-source';
import { type ClipCache, colourFrameCount } from '#learning/training/clip-cache';
import { MINI_CACHE, miniFrontEnds } from '#learning/training/mini';
import type { TrainingBatch } from '#model/training/training-source';

const CLIPS = 4;
const frontEnds = miniFrontEnds({ mean: -2, deviation: 2 });

/** Noise in shared memory, as the cache's files are read. */
function sharedCache(): ClipCache {
  const { frameSize, lumaSize, steps, audio } = MINI_CACHE;
  const random = new SeededRandom(1);
  const bytes = (size: number) =>
    new Uint8Array(new SharedArrayBuffer(size)).map(() => random.integer(0, 256));
  const logMel = new Float32Array(new SharedArrayBuffer(4 * CLIPS * audio.frames * audio.bands));
  for (let i = 0; i < logMel.length; i++) logMel[i] = -3 + random.normal();
  const framesPerClip = colourFrameCount(MINI_CACHE);
  return {
    clips: Array.from({ length: CLIPS }, (_, i) => ({ id: `${i}`, file: '', label: `${i % 2}` })),
    framesPerClip,
    spec: MINI_CACHE,
    frames: bytes(CLIPS * framesPerClip * frameSize * frameSize * 3),
    luma: bytes(CLIPS * steps * lumaSize * lumaSize),
    logMel,
  };
}

const ARRAYS = ['logMel', 'frames', 'frameTimesSec', 'motion', 'motionTimesSec'] as const;

function expectEqual(a: TrainingBatch, b: TrainingBatch): void {
  for (const name of ARRAYS) {
    const [x, y] = [a[name], b[name]].map((array) => Buffer.from((array as Float32Array).buffer));
    expect(Buffer.compare(x as Buffer, y as Buffer), name).toBe(0);
  }
}

describe('the thread that prepares batches', () => {
  it('makes the batches that the source itself makes, in whatever order they are asked for', async () => {
    const cache = sharedCache();
    const thread = new BatchThread({ train: { cache, frontEnds, motionSize: 48 } });
    try {
      const here = new CachedSource(cache, frontEnds, 48);
      const there = thread.source('train');
      expect(there).toMatchObject({ size: CLIPS, bands: 64, frameWidth: 96, motionSize: 48 });
      expect(there.labels).toEqual(here.labels);
      const requests = ['a', 'b', null, 'a'].map((seed) => ({
        sounds: [2, 0],
        pictures: [2, 1],
        seed,
        progress: 0,
      }));
      const batches = await Promise.all(requests.map((request) => there.batch(request)));
      for (const [i, batch] of batches.entries())
        expectEqual(batch, await here.batch(requests[i] as (typeof requests)[number]));
    } finally {
      await thread.close();
    }
  });

  it('works while the event loop is busy with a step', async () => {
    const thread = new BatchThread({ train: { cache: sharedCache(), frontEnds, motionSize: 48 } });
    try {
      const source = thread.source('train');
      const request = { sounds: [0, 1], pictures: [0, 1], seed: 'x', progress: 0 };
      await source.batch(request);
      const ahead = source.batch(request);
      // A step of training: nothing else gets a turn on this thread.
      const until = performance.now() + 1500;
      while (performance.now() < until) Math.sqrt(until);
      const asked = performance.now();
      await ahead;
      expect(performance.now() - asked).toBeLessThan(500);
    } finally {
      await thread.close();
    }
  });

  it('passes errors on, and goes on after them', async () => {
    const thread = new BatchThread({ train: { cache: sharedCache(), frontEnds, motionSize: 48 } });
    try {
      const source = thread.source('train');
      const broken = { sounds: null as unknown as number[], pictures: [0], seed: null, progress: 0 };
      await expect(source.batch(broken)).rejects.toMatchObject({
        code: 'internal',
        message: expect.stringContaining('could not be prepared'),
      });
      expect((await source.batch({ sounds: [1], pictures: [1], seed: null, progress: 0 })).melFrames).toBe(
        496,
      );
    } finally {
      await thread.close();
    }
  });

  it('lets batches under way fail with `cancelled` when it is closed, and those asked for later', async () => {
    const thread = new BatchThread({ train: { cache: sharedCache(), frontEnds, motionSize: 48 } });
    const source = thread.source('train');
    const request = { sounds: [0, 1, 2, 3], pictures: [0, 1, 2, 3], seed: null, progress: 0 };
    const pending = Array.from({ length: 8 }, () => source.batch(request));
    const outcomes = Promise.allSettled(pending);
    await thread.close();
    const last = (await outcomes).at(-1);
    expect(last).toMatchObject({ status: 'rejected', reason: { code: 'cancelled' } });
    await expect(source.batch(request)).rejects.toMatchObject({ code: 'cancelled' });
  });
});
