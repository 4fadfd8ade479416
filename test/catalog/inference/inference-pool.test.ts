import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { InferencePool, type InferencePoolOptions } from '#catalog/inference/inference-pool';
import { SeededRandom } from '#core/random';
import { bump, toneHz } from '../support/fake-model.ts';

const modelModule = new URL('../support/fake-model.ts', import.meta.url).href;
const pools: InferencePool[] = [];

function openPool(change: Partial<InferencePoolOptions> = {}): InferencePool {
  const pool = new InferencePool({
    modelFolder: '/models/fake',
    modelModule,
    threads: 1,
    queueLimit: 8,
    timeoutSec: 60,
    ...change,
  });
  pools.push(pool);
  return pool;
}

function tone(p: number): Float32Array {
  return Float32Array.from({ length: 16_000 }, (_, i) =>
    Math.sin((2 * Math.PI * toneHz(p) * i) / 8000 + 0.1),
  );
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

describe('inference pool', () => {
  it('answers one vector for each waveform and each block of frames, in order', async () => {
    const pool = openPool();
    const audio = await pool.embedAudio([tone(0.2), tone(0.8)]);
    expect(audio).toHaveLength(2);
    for (const [i, p] of [0.2, 0.8].entries()) {
      const expected = bump(p);
      audio[i]?.forEach((value, at) => {
        expect(value).toBeCloseTo(expected[at] as number, 1);
      });
    }
    const gray = { data: new Uint8Array(2 * 16 * 16 * 3).fill(51), count: 2 };
    expect((await pool.embedVideo([gray]))[0]).toEqual(bump(0.2));
  });

  it('answers the features of a segment with a model that has them, and says so of one that has not', async () => {
    const pool = openPool({
      modelFolder: fileURLToPath(new URL('../../../models/mini', import.meta.url)),
      modelModule: new URL('../../../libs/model/load-model.ts', import.meta.url).href,
    });
    const noise = new SeededRandom('features');
    const waveform = Float32Array.from({ length: 80_000 }, () => 0.1 * noise.normal());
    const block = {
      data: Uint8Array.from({ length: 62 * 96 * 96 * 3 }, () => noise.integer(0, 256)),
      count: 62,
    };
    const [vector] = await pool.embedAudio([waveform.slice()]);
    const { embedding, alignment } = await pool.audioFeatures(waveform);
    expect([...embedding.data]).toEqual([...(vector as Float32Array)]);
    expect(alignment?.shape.slice(0, 2)).toEqual([1, 62]);
    const { positions } = await pool.videoFeatures(block, [0, 3]);
    expect(positions?.shape.slice(0, 3)).toEqual([2, 6, 6]);
    await expect(openPool().audioFeatures(tone(0.2))).rejects.toMatchObject({ code: 'not_trained' });
  });

  it('names the reason when the model can not be loaded', async () => {
    const pool = openPool({ modelFolder: '/models/broken' });
    await expect(pool.warmUp()).rejects.toMatchObject({
      message: expect.stringContaining('weights are missing'),
    });
  });

  it('refuses interactive work beyond the queue and lets bulk work wait for its turn', async () => {
    const pool = openPool({ modelFolder: '/models/slow', queueLimit: 1 });
    await pool.warmUp();
    // Far more than fits: the queue holds one batch beside the one in work.
    const bulk = Array.from({ length: 4 }, () => pool.embedAudio([tone(0.5)], { bulk: true }));
    const waiting = Array.from({ length: 6 }, () => pool.embedAudio([tone(0.5)]));
    const settled = await Promise.allSettled(waiting);
    const refused = settled.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const result of refused)
      expect(result.reason).toMatchObject({ code: 'overloaded', retryable: true });
    expect((await Promise.all(bulk)).every((vectors) => vectors.length === 1)).toBe(true);
  });

  it('gives up on a model that does not answer, and works again afterwards', async () => {
    const pool = openPool({ modelFolder: '/models/endless', timeoutSec: 10 });
    await pool.warmUp();
    await expect(pool.embedAudio([tone(0.5)])).rejects.toMatchObject({ code: 'timeout', retryable: true });
    const gray = { data: new Uint8Array(16 * 16 * 3).fill(100), count: 1 };
    expect(await pool.embedVideo([gray])).toHaveLength(1);
  }, 60_000);

  it('cancels what the caller no longer wants and what is left at closing', async () => {
    const pool = openPool({ modelFolder: '/models/slow' });
    await expect(pool.embedAudio([tone(0.5)], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    });
    const pending = pool.embedAudio([tone(0.5)]);
    const outcome = expect(pending).rejects.toMatchObject({ code: 'cancelled' });
    await pool.close();
    await outcome;
  });
});
