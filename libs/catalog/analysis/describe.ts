/** What a picture lets one expect to hear: its nearest labels and sounds, and what its motion suggests. */
import { decodeFrames } from '#media/decode';
import { type MotionRhythm, motionRhythm } from '#model/front-ends/motion-rhythm';
import { expectationSentence, expectedLoudness, expectedSounds } from '#model/network/expected-audio';
import { DEFAULT_SCALE, uncalibrated } from '#model/network/scene';
import type { AnalysisSubject, Description, SearchPage, SearchRequest } from '../catalog-service.ts';
import { modalityMissing } from './modality-missing.ts';
import { labelsWithExamples } from './prototypes.ts';
import { withSubject } from './subject.ts';
import { subjectVectors, type VectorParts } from './subject-vectors.ts';

export interface DescribeParts extends VectorParts {
  search(request: SearchRequest, signal?: AbortSignal): Promise<SearchPage>;
}

/** Enough to see strokes; the towers of some models look once a second. */
const MOTION = { rateHz: 12.5, width: 96, height: 96, fit: 'stretch' } as const;
/** So much of the picture tells its rhythm. */
const MOTION_SEC = 30;
const MAX_LABELS_TOLD = 5;
const MAX_CLIPS_TOLD = 3;

/** @throws EarshotError as `subjectVectors`; `modality_missing` for what has no picture, or a black one */
export async function describeExpected(
  subject: AnalysisSubject,
  parts: DescribeParts,
  signal?: AbortSignal,
): Promise<Description> {
  const motion = await motionOf(subject, parts, signal);
  const { video } = await subjectVectors(subject, ['video'], parts, signal);
  if (!video) throw modalityMissing('video', nameOf(subject));
  const { sounds, isNear } = await nearestLabels(video, parts);
  const clips = await nearestClips(video, subject, parts, signal);
  const sentence = expectationSentence({ sounds, isNear, neighbours: clips, motion });
  const { onsetsPerSec, motionPerSec } = motion;
  return {
    sentence,
    evidence: [
      ...sounds.slice(0, MAX_LABELS_TOLD).map((sound) => ({ kind: 'label' as const, ...sound })),
      ...clips.map((clip) => ({ kind: 'clip' as const, ...clip })),
      { kind: 'motion', onsetsPerSec, motionPerSec, loudness: expectedLoudness(motion) },
    ],
    model: { ...parts.model.identity },
  };
}

function motionOf(
  subject: AnalysisSubject,
  parts: DescribeParts,
  signal: AbortSignal | undefined,
): Promise<MotionRhythm> {
  return withSubject(
    subject,
    parts,
    async ({ file, name, info, startSec, endSec }) => {
      if (info.video === null) throw modalityMissing('video', name);
      if (info.isStillImage) return { onsetsPerSec: 0, onsetsSec: [], motionPerSec: 0 };
      const window = { startSec, endSec: Math.min(endSec, startSec + MOTION_SEC), info, signal };
      const { data, count } = await decodeFrames(file, { ...window, ...MOTION });
      return motionRhythm(data, { ...MOTION, count }, MOTION.rateHz);
    },
    { signal },
  );
}

/** By the labels' example sounds; one whose examples have none is left out. */
async function nearestLabels(video: Float32Array, parts: DescribeParts) {
  const { prototypes } = await labelsWithExamples(parts);
  const heard = Object.entries(prototypes).flatMap(([label, prototype]) =>
    prototype instanceof Float32Array || !prototype.audio ? [] : [[label, prototype.audio] as const],
  );
  if (heard.length === 0) return { sounds: [], isNear: false };
  const calibration = parts.model.calibration?.classification ?? uncalibrated(DEFAULT_SCALE);
  return expectedSounds(video, Object.fromEntries(heard), calibration);
}

async function nearestClips(
  vector: Float32Array,
  subject: AnalysisSubject,
  { model, search }: DescribeParts,
  signal: AbortSignal | undefined,
) {
  const { id, version } = model.identity;
  const filter = 'clipId' in subject ? { excludeClipIds: [subject.clipId] } : undefined;
  const query = { vector, modality: 'video' as const, model: `${id}@${version}` };
  const { results } = await search({ query, for: 'audio', topK: MAX_CLIPS_TOLD, filter }, signal);
  return results.map(({ clip, score }) => ({ clipId: clip.id, title: clip.title, score }));
}

function nameOf(subject: AnalysisSubject): string {
  return 'file' in subject ? subject.file : subject.clipId;
}
