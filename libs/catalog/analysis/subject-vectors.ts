/** What is heard and seen of a subject as a whole: one unit vector for each modality that it has. */
import { EmbeddingRepository } from '#store/repositories/embeddings';
import type { ActiveModel } from '../active-model.ts';
import type { AnalysisSubject, Modality } from '../catalog-service.ts';
import type { InferencePool } from '../inference/inference-pool.ts';
import { embedMedia } from '../ingest/embed-media.ts';
import { meanDirection } from '../search/mean-direction.ts';
import { type SubjectParts, withSubject } from './subject.ts';

export interface VectorParts extends SubjectParts {
  model: ActiveModel;
  pool: InferencePool;
}

export type SubjectVectors = Partial<Record<Modality, Float32Array>>;

/**
 * A whole clip that is indexed answers from its stored vectors; else the file is decoded. A modality that the file lacks,
 * or that is silent or black throughout, is missing.
 *
 * @throws EarshotError as `withSubject`, `modality_missing` for a file with none of the modalities, `overloaded`, `timeout`
 */
export async function subjectVectors(
  subject: AnalysisSubject,
  modalities: readonly Modality[],
  parts: VectorParts,
  signal?: AbortSignal,
): Promise<SubjectVectors> {
  const { model, pool, database } = parts;
  if ('clipId' in subject && subject.startSec === undefined && subject.endSec === undefined) {
    const points = await new EmbeddingRepository(database).forClip(subject.clipId, model.identity);
    if (points.length > 0) return directions(points, modalities);
  }
  return withSubject(
    subject,
    parts,
    async ({ file, info, startSec, endSec }) => {
      const media = { info, model, pool, modalities, startSec, endSec, bulk: false, signal };
      return directions((await embedMedia(file, media)).segments, modalities);
    },
    { signal },
  );
}

/** The mean direction of each modality; missing where none of the segments has it. */
export function directions(
  segments: readonly { vectors: SubjectVectors }[],
  modalities: readonly Modality[],
): SubjectVectors {
  return Object.fromEntries(
    modalities.flatMap((modality) => {
      const vectors = segments.flatMap((segment) => segment.vectors[modality] ?? []);
      return vectors.length > 0 ? [[modality, meanDirection(vectors)]] : [];
    }),
  );
}
