/** `earshot evaluate`: a model measured on the generated test split or on a user's own labelled clips. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { probe } from '#media/probe';
import type { EmbeddingModel } from '#model/embedding-model';
import { readManifest } from '../corpus/manifest.ts';
import type { Split } from '../corpus/performance.ts';
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
 * @throws EarshotError `invalid_argument` naming the line at fault
 */
export async function readPairsFile(list: string): Promise<LabelledFile[]> {
  let text: string;
  try {
    text = await readFile(list, 'utf8');
  } catch (error) {
    throw new EarshotError('file_not_found', `The list ${list} can't be read.`, {
      subject: list,
      cause: error,
    });
  }
  const clips: LabelledFile[] = [];
  text.split('\n').forEach((line, index) => {
    if (line.trim() === '') return;
    const clip = parsePairsLine(line);
    if (!clip) {
      throw new EarshotError(
        'invalid_argument',
        `Line ${index + 1} of ${list} is not {"file": "...", "labels": ["..."]}.`,
        {
          subject: list,
        },
      );
    }
    clips.push({ id: clip.file, file: path.resolve(path.dirname(list), clip.file), labels: clip.labels });
  });
  return clips;
}

function parsePairsLine(line: string): { file: string; labels: string[] } | null {
  try {
    const value = JSON.parse(line) as { file?: unknown; labels?: unknown };
    if (typeof value.file !== 'string' || value.file === '' || !Array.isArray(value.labels)) return null;
    return value.labels.every((label) => typeof label === 'string')
      ? { file: value.file, labels: value.labels }
      : null;
  } catch {
    return null;
  }
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
