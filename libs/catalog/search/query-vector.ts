/** Turns what a user asks with (a clip of the catalog, a file, a vector, words) into one unit vector of the model's space. */
import { createHash } from 'node:crypto';
import { EarshotError } from '#core/errors';
import type { TextEmbedding } from '#model/embedding-model';
import type { IndexPoint } from '#store/index/vector-index';
import type { ClipRepository, ClipRow } from '#store/repositories/clips';
import type { EmbeddingRepository } from '#store/repositories/embeddings';
import type { ActiveModel } from '../active-model.ts';
import type { Modality, SearchQuery } from '../catalog-service.ts';
import { meanDirection } from './mean-direction.ts';

export interface QueryVector {
  vector: Float32Array;
  /** Which tower made it. */
  modality: Modality | 'text';
  /** The clip that asks, when it is one of the catalog. */
  clipId: string | null;
  /** Stands for the query in the cursor's digest. */
  key: string;
  /** Of a query in words: what was understood of it. */
  text?: { understood: string[]; unknownWords: string[] };
}

export interface QuerySources {
  model: ActiveModel;
  clips: ClipRepository;
  embeddings: EmbeddingRepository;
  /** Embeds an uploaded file: its segments' vectors and a digest of its bytes. */
  embedQueryFile(
    file: string,
    preferred: readonly Modality[],
    signal?: AbortSignal,
  ): Promise<{ modality: Modality; vectors: Float32Array[]; digest: string }>;
  embedText(text: string, signal?: AbortSignal): Promise<TextEmbedding>;
}

/**
 * @param target what is looked for; it decides the default modality of the query: the other one where the query has
 *               it, because sound for a picture (or the reverse) is what people ask, else the one it has
 * @throws EarshotError `unknown_clip`, `conflict` (not yet indexed), `modality_missing`, `vector_dimension_mismatch`,
 *         `model_mismatch`, `invalid_argument`
 */
export async function resolveQuery(
  query: SearchQuery,
  target: Modality | 'clip',
  sources: QuerySources,
  signal?: AbortSignal,
): Promise<QueryVector> {
  if ('clipId' in query) return fromClip(query, target, sources);
  if ('file' in query) {
    const preferred = query.modality === undefined ? modalityOrder(target) : [query.modality];
    const { modality, vectors, digest } = await sources.embedQueryFile(query.file, preferred, signal);
    return { vector: meanDirection(vectors), modality, clipId: null, key: `file:${digest}:${modality}` };
  }
  if ('text' in query) return fromText(query.text, sources, signal);
  return fromVector(query, sources.model);
}

/** The modalities to try for a query without one of its own, first choice first. */
function modalityOrder(target: Modality | 'clip'): Modality[] {
  return target === 'video' ? ['audio', 'video'] : ['video', 'audio'];
}

async function fromClip(
  query: Extract<SearchQuery, { clipId: string }>,
  target: Modality | 'clip',
  { model, clips, embeddings }: QuerySources,
): Promise<QueryVector> {
  const clip = await clips.get(query.clipId);
  if (clip === null) {
    throw new EarshotError('unknown_clip', `There is no clip ${query.clipId}.`, { subject: 'query.clipId' });
  }
  const points = await embeddings.forClip(clip.id, model.identity);
  if (points.length === 0) throw notIndexed(clip);
  const { startSec = 0, endSec = Number.POSITIVE_INFINITY } = query;
  const window = points.filter((point) => overlaps(point, startSec, endSec));
  if (window.length === 0) {
    const message = `The clip has no segment between ${startSec} s and ${endSec} s; it ends at ${clip.durationSec ?? 0} s.`;
    throw new EarshotError('invalid_argument', message, { subject: 'query.startSec' });
  }
  for (const modality of query.modality === undefined ? modalityOrder(target) : [query.modality]) {
    const vectors = window.flatMap((point) => point.vectors[modality] ?? []);
    if (vectors.length === 0) continue;
    const key = `clip:${clip.id}:${startSec}:${endSec}:${modality}`;
    return { vector: meanDirection(vectors), modality, clipId: clip.id, key };
  }
  throw modalityMissing(query.modality ?? 'audio', 'The clip');
}

async function fromText(text: string, sources: QuerySources, signal?: AbortSignal): Promise<QueryVector> {
  if (!sources.model.hasTextTower) {
    const message = `The model "${sources.model.name}" has no text tower: search by clip, by file or by vector, or use a model that has one ("earshot models pull concept").`;
    throw new EarshotError('modality_missing', message, { subject: 'query.text' });
  }
  const { vector, understood, unknownWords } = await sources.embedText(text, signal);
  return {
    vector,
    modality: 'text',
    clipId: null,
    key: `text:${text}`,
    text: { understood, unknownWords },
  };
}

function fromVector(query: Extract<SearchQuery, { vector: Float32Array }>, model: ActiveModel): QueryVector {
  const { id, version, dimension } = model.identity;
  if (query.model !== id && query.model !== `${id}@${version}`) {
    const message = `The vector was made by model "${query.model}", but this catalog is searched with "${id}@${version}".`;
    throw new EarshotError('model_mismatch', message, { subject: 'query.model' });
  }
  if (query.vector.length !== dimension) {
    const message = `The vector has ${query.vector.length} numbers, but model "${id}" makes ${dimension}.`;
    throw new EarshotError('vector_dimension_mismatch', message, { subject: 'query.vector' });
  }
  const norm = Math.hypot(...query.vector);
  if (!Number.isFinite(norm) || norm === 0) {
    throw new EarshotError('invalid_argument', 'The vector must hold finite numbers, not all of them zero.', {
      subject: 'query.vector',
    });
  }
  const bytes = new Uint8Array(query.vector.buffer, query.vector.byteOffset, query.vector.byteLength);
  const digest = createHash('sha256').update(bytes).digest('hex');
  return {
    vector: query.vector.map((value) => value / norm),
    modality: query.modality,
    clipId: null,
    key: `vector:${digest}:${query.modality}`,
  };
}

export function modalityMissing(modality: Modality, subject: string): EarshotError {
  const what = modality === 'audio' ? 'sound to hear' : 'picture to see';
  return new EarshotError('modality_missing', `${subject} has no ${what}, so it can't be searched by it.`, {
    subject: 'query.modality',
  });
}

function notIndexed(clip: ClipRow): EarshotError {
  const message =
    clip.status === 'failed'
      ? `The clip ${clip.id} could not be indexed (${clip.error?.message ?? 'unknown reason'}), so it can't be a query.`
      : `The clip ${clip.id} is not indexed yet. Wait for its job, then search again.`;
  return new EarshotError('conflict', message, {
    subject: 'query.clipId',
    retryable: clip.status !== 'failed',
  });
}

function overlaps({ payload }: IndexPoint, startSec: number, endSec: number): boolean {
  // A still picture's segment has no length, but it is there from 0 on.
  return payload.startSec < endSec && (payload.endSec > startSec || payload.startSec === startSec);
}
