/** The process that the crash test kills: upserts batch after batch and prints each that was acknowledged. */
import { writeSync } from 'node:fs';
import { SeededRandom } from '#core/random';
import { EmbeddedIndex } from '#store/index/embedded-index';
import { MODEL, point, unitVector } from './points.ts';

const BATCH = 50;
const index = new EmbeddedIndex(process.argv[2] as string);
const random = new SeededRandom(1);
await index.ensureCollection('mini-1', MODEL);
for (let from = 0; ; from += BATCH) {
  const batch = Array.from({ length: BATCH }, (_, n) =>
    point(from + n, { vectors: { audio: unitVector(random), video: unitVector(random) } }),
  );
  await index.upsert('mini-1', batch);
  writeSync(1, `${JSON.stringify({ from, to: from + BATCH })}\n`);
}
