/** Which label a scene belongs to, or that nothing known is near. */
import { EarshotError } from '#core/errors';
import { classifyByPrototype, DEFAULT_SCALE, uncalibrated } from '#model/network/scene';
import type { AnalysisSubject, Classification } from '../catalog-service.ts';
import { givenLabels, labelsWithExamples } from './prototypes.ts';
import { subjectVectors, type VectorParts } from './subject-vectors.ts';

/**
 * @param request `labels`: those to choose among, by default all that have examples
 * @returns scores in the order of the labels given, else the most probable first
 * @throws EarshotError as `subjectVectors` and `givenLabels`; `not_enough_data` in a catalog without labels
 */
export async function classify(
  { subject, labels }: { subject: AnalysisSubject; labels?: readonly string[] },
  parts: VectorParts,
  signal?: AbortSignal,
): Promise<Classification> {
  const known = labels ? await givenLabels(labels, parts, signal) : await labelsWithExamples(parts);
  if (known.labels.length === 0) {
    const message =
      'The catalog has no labels with examples to choose among: make some with "earshot labels add NAME CLIP_ID...".';
    throw new EarshotError('not_enough_data', message, { subject: 'labels' });
  }
  const scene = await subjectVectors(subject, ['audio', 'video'], parts, signal);
  if (!scene.audio && !scene.video) {
    const name = 'file' in subject ? subject.file : subject.clipId;
    const message = `"${name}" is silent and black: there is nothing to classify.`;
    throw new EarshotError('modality_missing', message, { subject: name });
  }
  const { identity, calibration } = parts.model;
  const found = classifyByPrototype(
    scene,
    known.labels,
    known.prototypes,
    calibration?.classification ?? uncalibrated(DEFAULT_SCALE),
  );
  const { scores, verdict, audio, video } = found;
  const order = labels ? scores : [...scores].sort((a, b) => b.probability - a.probability);
  return { scores: order, verdict, audio, video, model: { ...identity } };
}
