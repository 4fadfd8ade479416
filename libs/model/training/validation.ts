/** Retrieval on the validation clips while training goes on. */
import type * as tfTypes from '@tensorflow/tfjs';
import { rankQuery, similarityMatrix } from '../metrics/retrieval.ts';
import type { TwoTowerNetwork } from '../towers/two-tower.ts';
import { forward } from './forward.ts';
import type { TrainingBatch, TrainingSource } from './training-source.ts';

export interface EvaluationReport {
  step: number;
  /** Mean of both directions. */
  r1: number;
  r10: number;
  /** Class-level mean average precision of both directions, where the source has labels. */
  classMap: number | null;
  chanceR10: number;
}

const BATCH = 8;

/** Embeds a whole source without augmentation; row i belongs to clip i. */
async function embedSource(
  network: TwoTowerNetwork,
  source: TrainingSource,
): Promise<{ audio: Float32Array[]; video: Float32Array[] }> {
  const audio: Float32Array[] = [];
  const video: Float32Array[] = [];
  let next = ask(source, 0);
  for (let start = 0; start < source.size; start += BATCH) {
    const { indices, batch: asked } = next;
    const batch = await asked;
    next = ask(source, start + BATCH);
    const [a, v] = network.engine.tf.tidy(() => {
      const outputs = forward(network, source, batch, indices.length, false);
      return [outputs.audio.embedding, outputs.video.embedding];
    }) as [tfTypes.Tensor2D, tfTypes.Tensor2D];
    for (const [tensor, rows] of [
      [a, audio],
      [v, video],
    ] as const) {
      const data = tensor.dataSync() as Float32Array;
      const width = tensor.shape[1];
      for (let i = 0; i < indices.length; i++) rows.push(data.slice(i * width, (i + 1) * width));
      tensor.dispose();
    }
  }
  return { audio, video };
}

/** One batch ahead, so that a source with a thread of its own prepares it while this one is embedded. */
function ask(source: TrainingSource, start: number): { indices: number[]; batch: Promise<TrainingBatch> } {
  const count = Math.max(0, Math.min(BATCH, source.size - start));
  const indices = Array.from({ length: count }, (_, i) => start + i);
  const batch = source.batch({ sounds: indices, pictures: indices, seed: null, progress: 1 });
  // Whoever awaits it meets the error; the one past the end is never awaited.
  batch.catch(() => undefined);
  return { indices, batch };
}

export async function evaluateRetrieval(
  network: TwoTowerNetwork,
  source: TrainingSource,
  step: number,
): Promise<EvaluationReport> {
  const { audio, video } = await embedSource(network, source);
  const { labels } = source;
  const sums = { r1: 0, r10: 0, map: 0 };
  for (const [queries, items] of [
    [audio, video],
    [video, audio],
  ] as const) {
    similarityMatrix(queries, items).forEach((scores, query) => {
      const instance = rankQuery(scores, (item) => item === query);
      sums.r1 += instance.r1;
      sums.r10 += instance.r10;
      if (labels) sums.map += rankQuery(scores, (item) => labels[item] === labels[query]).averagePrecision;
    });
  }
  const count = 2 * source.size;
  return {
    step,
    r1: sums.r1 / count,
    r10: sums.r10 / count,
    classMap: labels ? sums.map / count : null,
    chanceR10: Math.min(1, 10 / source.size),
  };
}
