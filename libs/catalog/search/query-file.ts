/** A query that is a file of the user's: only its beginning is embedded, and nothing of it is kept. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type MediaInfo, probe } from '#media/probe';
import type { ActiveModel } from '../active-model.ts';
import type { Modality } from '../catalog-service.ts';
import type { InferencePool } from '../inference/inference-pool.ts';
import { embedMedia } from '../ingest/embed-media.ts';
import { modalityMissing } from './query-vector.ts';

/** A minute says what a query is about; a film would say everything at once. */
const QUERY_MAX_SEC = 60;

/**
 * Vectors of the file's segments by the first tower of `preferred` that finds something.
 *
 * @throws EarshotError what `probe` and `decodeStreams` say of the file, `modality_missing`, `overloaded`, `timeout`
 */
export async function embedQueryFile(
  file: string,
  preferred: readonly Modality[],
  { model, pool }: { model: ActiveModel; pool: InferencePool },
  signal?: AbortSignal,
): Promise<{ modality: Modality; vectors: Float32Array[]; digest: string }> {
  const info = await probe(file, { signal });
  for (const modality of preferred) {
    if (!has(info, modality)) continue;
    const { segments } = await embedMedia(file, {
      info,
      model,
      pool,
      modalities: [modality],
      endSec: QUERY_MAX_SEC,
      bulk: false,
      signal,
    });
    const vectors = segments.flatMap((segment) => segment.vectors[modality] ?? []);
    if (vectors.length > 0) return { modality, vectors, digest: await digestOf(file, signal) };
  }
  throw modalityMissing(preferred[0] ?? 'audio', 'The file');
}

function has(info: MediaInfo, modality: Modality): boolean {
  return (modality === 'audio' ? info.audio : info.video) !== null;
}

async function digestOf(file: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash, { signal });
  return hash.digest('hex');
}
