/** Retrieval on held-out clips of a user's own, by the model in use and by the one just learned. */
import { loadEmbeddingModel } from '#model/load-model';
import { evaluateRetrieval } from '../evaluation/evaluate-model.ts';
import type { RetrievalResults } from '../evaluation/retrieval-suite.ts';
import type { UsableClip } from './usable-clips.ts';

const METRICS = ['videoToAudio', 'audioToVideo'].flatMap((way) =>
  (['r1', 'r5', 'r10'] as const).map((metric) => `${way}.${metric}`),
);

export interface ModelComparison {
  /** Held-out clips: each is a query, and all of them are what is searched. */
  n: number;
  before: { id: string; version: string };
  after: { id: string; version: string };
  results: Record<string, { before: number; after: number; chance: number }>;
}

/** @param folders of the model in use, and of the new one */
export async function compareModels(
  folders: { before: string; after: string },
  clips: readonly UsableClip[],
  options: { signal?: AbortSignal; onProgress?(done: number, total: number): void },
): Promise<ModelComparison> {
  const files = clips.map(({ id, file, labels }) => ({ id, file, labels: [...labels] }));
  const measure = async (folder: string, offset: number) =>
    evaluateRetrieval('held-out', {
      model: await loadEmbeddingModel(folder),
      clips: files,
      signal: options.signal,
      onProgress: (done) => options.onProgress?.(offset + done, 2 * files.length),
    });
  const before = await measure(folders.before, 0);
  const after = await measure(folders.after, files.length);
  const identity = ({ id, version }: { id: string; version: string }) => ({ id, version });
  return {
    n: after.n,
    before: identity(before.model),
    after: identity(after.model),
    results: compareRecall(before, after),
  };
}

/** Recall of both, on the same clips. */
export function compareRecall(before: RetrievalResults, after: RetrievalResults): ModelComparison['results'] {
  const results: ModelComparison['results'] = {};
  for (const metric of METRICS) {
    const [old, now] = [before.results[metric], after.results[metric]];
    if (old && now) results[metric] = { before: old.value, after: now.value, chance: now.chance };
  }
  return results;
}
