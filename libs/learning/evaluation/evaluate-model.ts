/** `earshot evaluate`: a model measured on the generated test split or on a user's own labelled clips. */
import path from 'node:path';
import { z } from 'zod';
import { EarshotError } from '#core/errors';
import { probe } from '#media/probe';
import type { EmbeddingModel } from '#model/embedding-model';
import { readManifest } from '../corpus/manifest.ts';
import type { Split } from '../corpus/performance.ts';
import { readListedFiles } from '../listed-files.ts';
import { embedClip } from './embed-clip.ts';
import { type RetrievalResults, type ScoredClip, scoreRetrieval } from './retrieval-suite.ts';

export interface EvaluationRequest {
  /** Disposed when the evaluation ends. */
  model: EmbeddingModel;
  clips: readonly LabelledFile[];
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

export interface LabelledFile {
  id: string;
  file: string;
  labels: string[];
  /** The recording that it was cut from; left out: no other file was. */
  source?: string;
}

export interface EvaluationDocument extends RetrievalResults {
  suite: string;
  model: { id: string; version: string; dimension: number };
  /** Files that have no sound or no picture, and were left out. */
  skipped: { file: string; reason: string }[];
}

/** A split of a corpus, or its first `limit` clips: classes take turns, so any prefix is balanced. */
export async function corpusClips(corpus: string, split: Split, limit?: number): Promise<LabelledFile[]> {
  const entries = await readManifest(corpus, split);
  return entries
    .slice(0, limit ?? entries.length)
    .map(({ id, file, label }) => ({ id, file: path.join(corpus, file), labels: [label] }));
}

/**
 * A list of `{file, labels}` as JSON lines; files are relative to the list.
 *
 * @throws EarshotError `file_not_found`, `invalid_argument` naming the line at fault
 */
export async function readPairsFile(list: string): Promise<LabelledFile[]> {
  return await readListedFiles(list, { labels: z.array(z.string()) }, '{"file": "...", "labels": ["..."]}');
}

/** Embeds every clip whole (the mean of its segments) and scores retrieval both ways. */
export async function evaluateRetrieval(
  suite: string,
  request: EvaluationRequest,
): Promise<EvaluationDocument> {
  const { model } = request;
  const scored: ScoredClip[] = [];
  const skipped: EvaluationDocument['skipped'] = [];
  try {
    for (const [index, clip] of request.clips.entries()) {
      if (request.signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
      const info = await probe(clip.file, { signal: request.signal });
      if (!info.audio || !info.video)
        skipped.push({ file: clip.file, reason: info.audio ? 'no picture' : 'no sound' });
      else
        scored.push({
          id: clip.id,
          labels: clip.labels,
          ...(await embedClip(model, clip.file, info, request.signal)),
        });
      request.onProgress?.(index + 1, request.clips.length);
    }
  } finally {
    model.dispose();
  }
  if (scored.length < 2) {
    throw new EarshotError(
      'not_enough_data',
      'At least two clips with sound and picture are needed to measure retrieval.',
    );
  }
  return { suite, model: model.identity, ...scoreRetrieval(scored), skipped };
}
