/** The pool with a real model on each engine: native code in worker threads, started, stopped and cut off. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InferencePool, type InferencePoolOptions } from '#catalog/inference/inference-pool';
import { SeededRandom } from '#core/random';
import type { FrameBlock } from '#model/embedding-model';
import { loadEmbeddingModel, readModelInfo, type ServingEngine } from '#model/load-model';
import { exportServingGraphs } from '#model/onnx/export-serving';

const MINI = fileURLToPath(new URL('../../../models/mini', import.meta.url));
const modelModule = new URL('../../../libs/model/load-model.ts', import.meta.url).href;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-pool-'));
  await cp(MINI, folder, { recursive: true });
  await exportServingGraphs(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function openPool(change: Partial<InferencePoolOptions> = {}): InferencePool {
  return new InferencePool({
    ...{ modelFolder: folder, modelModule, threads: 2, queueLimit: 16, timeoutSec: 60 },
    ...change,
  });
}

/** Made anew for each use: the pool takes the buffers over. */
function sounds(count: number): Float32Array[] {
  const random = new SeededRandom(1);
  return Array.from({ length: count }, () => Float32Array.from({ length: 80_000 }, () => random.normal()));
}

async function pictures(): Promise<FrameBlock[]> {
  const { width, height } = (await readModelInfo(folder)).videoInput;
  const random = new SeededRandom(2);
  return [4, 1].map((count) => ({
    count,
    data: Uint8Array.from({ length: count * width * height * 3 }, () => random.integer(0, 256)),
  }));
}

function expectNear(actual: readonly Float32Array[], expected: readonly Float32Array[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, vector] of actual.entries()) {
    const other = expected[i] as Float32Array;
    expect(Math.hypot(...vector.map((value, at) => value - (other[at] as number)))).toBeLessThan(1e-4);
  }
}

describe('the inference pool with a real model', () => {
  it('answers what the reference answers, on every engine and from two threads at once', async () => {
    const reference = await loadEmbeddingModel(folder, { engine: 'tensorflow' });
    const audio = await reference.embedAudio(sounds(3));
    const video = await reference.embedVideo(await pictures());
    reference.dispose();
    for (const engine of ['auto', 'onnx', 'tensorflow'] satisfies ServingEngine[]) {
      const pool = openPool({ engine });
      try {
        const [first, second, third] = await Promise.all([
          pool.embedAudio(sounds(3)),
          pool.embedVideo(await pictures()),
          pool.embedAudio(sounds(3)),
        ]);
        expectNear(first, audio);
        expectNear(second, video);
        expectNear(third, audio);
      } finally {
        await pool.close();
      }
    }
  });

  it('lives through a batch that nobody waits for any more, and keeps its thread', async () => {
    const pool = openPool({ engine: 'onnx', threads: 1, timeoutSec: 10 });
    try {
      await pool.warmUp();
      // One buffer, seen many times: work for minutes that costs no memory.
      const [sound] = sounds(1) as [Float32Array];
      const endless = pool.embedAudio(Array.from({ length: 50_000 }, () => sound));
      await expect(endless).rejects.toMatchObject({ code: 'timeout' });
      // A thread that had to be ended would load its model again.
      expect(await pool.embedAudio(sounds(1))).toHaveLength(1);
    } finally {
      await pool.close();
    }
  });
});
