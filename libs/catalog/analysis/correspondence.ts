/** Whether a sound and a picture belong together. */
import { correspondenceProbability } from '#model/calibration/correspondence';
import type { AnalysisSubject, Correspondence, Modality } from '../catalog-service.ts';
import { embedMedia } from '../ingest/embed-media.ts';
import { modalityMissing } from './modality-missing.ts';
import { type OpenedSubject, withSubject } from './subject.ts';
import { directions, type SubjectVectors, type VectorParts } from './subject-vectors.ts';

/**
 * How well the picture of one subject and the sound of another (by default its own) go together. Silence and darkness
 * belong to nothing: they score 0.
 *
 * @throws EarshotError as `withSubject`, `modality_missing` naming the file, `overloaded`, `timeout`
 */
export async function correspond(
  { picture, sound }: { picture: AnalysisSubject; sound?: AnalysisSubject },
  parts: VectorParts,
  signal?: AbortSignal,
): Promise<Correspondence> {
  const vectors = sound
    ? {
        ...(await embedded(picture, ['video'], parts, signal)),
        ...(await embedded(sound, ['audio'], parts, signal)),
      }
    : await embedded(picture, ['audio', 'video'], parts, signal);
  const { audio, video } = vectors;
  const { calibration, identity } = parts.model;
  const curve = calibration?.correspondence;
  const model = { ...identity };
  if (!audio || !video) return { score: 0, probability: curve ? 0 : null, model };
  const cosine = audio.reduce((sum, value, i) => sum + value * (video[i] as number), 0);
  const score = Math.min(1, Math.max(-1, cosine));
  return { score, probability: curve ? correspondenceProbability(curve, audio, score) : null, model };
}

/** The mean direction of the subject's segments; a modality is missing where all of them are silent or black. */
function embedded(
  subject: AnalysisSubject,
  modalities: readonly Modality[],
  parts: VectorParts,
  signal: AbortSignal | undefined,
): Promise<SubjectVectors> {
  const work = async ({ file, name, info, startSec, endSec }: OpenedSubject) => {
    const missing = modalities.find((modality) => info[modality] === null);
    if (missing) throw modalityMissing(missing, name);
    const { model, pool } = parts;
    const media = { info, model, pool, modalities, startSec, endSec, bulk: false, signal };
    return directions((await embedMedia(file, media)).segments, modalities);
  };
  return withSubject(subject, parts, work, { signal });
}
