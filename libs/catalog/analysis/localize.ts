/** Where in the picture the sound of a clip comes from, written as maps and pictures into a folder. */
import { EarshotError } from '#core/errors';
import { decodeStreams } from '#media/decode';
import type { WindowOptions } from '#media/plan';
import type { MediaInfo } from '#media/probe';
import type { GroupingCalibration } from '#model/checkpoint/manifest';
import type { FrameBlock } from '#model/embedding-model';
import { boxShaped } from '#model/localization/box-shape';
import { framesAt, planLocalization } from '#model/localization/localization-plan';
import type { SegmentLocalization } from '#model/localization/localizer';
import { type SoundSource, soundSources } from '#model/localization/sound-sources';
import { soundingBox } from '#model/localization/sounding-box';
import type { SegmentSources } from '#model/localization/source-localizer';
import type { ActiveModel } from '../active-model.ts';
import type {
  FrameBox,
  Localization,
  LocalizationMap,
  LocalizationRequest,
  LocalizedSource,
} from '../catalog-service.ts';
import type { InferencePool } from '../inference/inference-pool.ts';
import { type FoundMap, partEnd, writeLocalization, writeSources } from './localization-files.ts';
import { modalityMissing } from './modality-missing.ts';
import { givenLabels } from './prototypes.ts';
import { type OpenedSubject, withSubject } from './subject.ts';
import { subjectVectors, type VectorParts } from './subject-vectors.ts';

/** Maps a second where none are asked for. */
const MAPS_PER_SEC = 5;
/** Fine enough for a single frame of any usual film. */
const BRIEF_RATE_HZ = 100;
/** An answer keeps its asker waiting, and every map is a file. */
const LIMITS = { defaultLengthSec: 30, maxLengthSec: 120 };

/**
 * Maps for a part of a clip, on a scale that is the same for every clip, with one verdict; and, unless one sound is
 * asked about, the maps of each source that the model has a name for.
 *
 * @throws EarshotError as `withSubject`; `modality_missing` naming the file, `not_trained` where the model can't
 *   localize, `overloaded`, `timeout`, `disk_full`
 */
export async function localize(
  request: LocalizationRequest,
  parts: VectorParts,
  signal?: AbortSignal,
): Promise<Localization> {
  const query = request.query ? await soundQuery(request.query, parts, signal) : null;
  const work = async (opened: OpenedSubject): Promise<Localization> => {
    requireBoth(opened);
    const found = await findMaps(opened, request, query, parts, signal);
    const model = { ...parts.model.identity };
    const written = await writeLocalization(opened, found, request, signal);
    const { confidence, threshold, mapThreshold, sounding } = found;
    const sources = request.query
      ? namedSource(request.query, found, written.maps)
      : await writeSources(opened, found, request.folder);
    return { sounding, confidence, threshold, mapThreshold, ...written, sources, model };
  };
  return withSubject(request.subject, parts, work, { ...LIMITS, signal });
}

/**
 * Where a label is found in the first 30 s of a part: the largest box around what looks as it sounds.
 *
 * @returns null where nothing in the picture does
 * @throws EarshotError `invalid_argument` for a label of which nothing is known, `modality_missing`, `not_trained`
 */
export async function locateLabel(
  label: string,
  opened: OpenedSubject,
  parts: VectorParts,
  signal?: AbortSignal,
): Promise<FrameBox | null> {
  requireBoth(opened);
  const query = await soundQuery({ label }, parts, signal);
  const endSec = Math.min(opened.endSec, opened.startSec + LIMITS.defaultLengthSec);
  const found = await findMaps({ ...opened, endSec }, { mapsPerSec: 1 }, query, parts, signal);
  return found.sounding ? largestBox(found.maps) : null;
}

function requireBoth({ info, name }: OpenedSubject): void {
  if (info.video === null) throw modalityMissing('video', name);
  if (info.audio === null) throw modalityMissing('audio', name);
}

/** One sound that is asked about. */
interface SoundQuery {
  /** Unit length. */
  vector: Float32Array;
  /** What it is called; null where it was not asked about by name. */
  label: string | null;
}

async function soundQuery(
  query: NonNullable<LocalizationRequest['query']>,
  parts: VectorParts,
  signal: AbortSignal | undefined,
): Promise<SoundQuery> {
  return { vector: await queryVector(query, parts, signal), label: 'label' in query ? query.label : null };
}

/** The mean direction of what is heard in the query, or what its label stands for. */
async function queryVector(
  query: NonNullable<LocalizationRequest['query']>,
  parts: VectorParts,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  if ('label' in query) {
    const { labels, prototypes } = await givenLabels([query.label], parts, signal);
    const prototype = prototypes[labels[0] as string];
    const vector = prototype instanceof Float32Array ? prototype : (prototype?.audio ?? prototype?.video);
    if (vector) return vector;
    throw new EarshotError('invalid_argument', `Nothing is known of the label "${query.label}".`, {
      subject: 'query',
    });
  }
  const { audio } = await subjectVectors(query, ['audio'], parts, signal);
  if (audio) return audio;
  const name = 'file' in query ? query.file : query.clipId;
  throw new EarshotError('invalid_argument', `"${name}" is silent: there is no sound to look for.`, {
    subject: 'query',
  });
}

/** What was asked for by its name, where it is found. */
function namedSource(
  query: LocalizationRequest['query'],
  { sounding, confidence }: FoundMaps,
  maps: readonly LocalizationMap[],
): LocalizedSource[] {
  if (!query || !('label' in query) || !sounding) return [];
  const box = largestBox(maps);
  return box ? [{ label: query.label, probability: confidence, box, maps: [...maps] }] : [];
}

function largestBox(maps: readonly { box: FrameBox | null }[]): FrameBox | null {
  const larger = (a: FrameBox | null, b: FrameBox | null) =>
    a && b ? (b.width * b.height > a.width * a.height ? b : a) : (a ?? b);
  return maps.map(({ box }) => box).reduce(larger, null);
}

/** Picture and sound as the model takes them, in one pass; a picture shorter than a frame of the model is one frame. */
async function decodeBoth(
  file: string,
  window: WindowOptions & { info: MediaInfo },
  { videoInput, audioInput: { sampleRateHz } }: Pick<MapParts['model'], 'videoInput' | 'audioInput'>,
): Promise<{ frames: FrameBlock; samples: Float32Array }> {
  const isBrief = (window.info.video?.durationSec ?? 0) * videoInput.rateHz < 1.5;
  const frames = isBrief ? { ...videoInput, rateHz: BRIEF_RATE_HZ } : videoInput;
  const pictures: Uint8Array[] = [];
  const sounds: Float32Array[] = [];
  for await (const chunk of decodeStreams(file, { ...window, frames, samples: { sampleRateHz } }))
    if (chunk.kind === 'samples') sounds.push(chunk.data);
    else pictures.push(chunk.data);
  const data = new Uint8Array(Buffer.concat(pictures));
  const count = data.length / (videoInput.width * videoInput.height * 3);
  const samples = new Float32Array(sounds.reduce((sum, { length }) => sum + length, 0));
  sounds.reduce((at, sound) => {
    samples.set(sound, at);
    return at + sound.length;
  }, 0);
  if (!isBrief || count === 0) return { frames: { data, count }, samples };
  return { frames: { data: data.slice(0, data.length / count), count: 1 }, samples };
}

export interface FoundMaps {
  maps: FoundMap[];
  /** Cells along each side of a map. */
  side: number;
  confidence: number;
  threshold: number;
  mapThreshold: number;
  sounding: boolean;
  /** By name; none where nothing sounds, or the model knows no names. */
  sources: SoundSource[];
}

/** What of the catalog maps are found with. */
export interface MapParts {
  model: Pick<ActiveModel, 'identity' | 'calibration' | 'segments' | 'audioInput' | 'videoInput'>;
  pool: Pick<InferencePool, 'localize'>;
}

/**
 * The maps of a part of a file, before anything is written.
 *
 * @param query the one sound that is asked about; null: all that is heard. A class that the model tells apart from others
 *   by itself is found by its own map, which leaves out what else sounds
 * @throws EarshotError `not_trained` where the model can't localize, and as decoding and the pool
 */
export async function findMaps(
  { file, startSec, endSec, info }: OpenedSubject,
  { mapsPerSec = MAPS_PER_SEC }: Pick<LocalizationRequest, 'mapsPerSec'>,
  query: SoundQuery | null,
  { model, pool }: MapParts,
  signal?: AbortSignal,
): Promise<FoundMaps> {
  const calibration = model.calibration?.localization;
  if (!calibration) {
    const message = `The model "${model.identity.id}" has no localization head: train one with \`earshot train --head localization\`.`;
    throw new EarshotError('not_trained', message, { subject: model.identity.id });
  }
  const window = { startSec, ...partEnd(endSec, info.durationSec), info, signal };
  const { rateHz, width, height } = model.videoInput;
  const { sampleRateHz } = model.audioInput;
  const { frames, samples } = await decodeBoth(file, window, model);
  const size = width * height * 3;
  const wanted = framesAt(frames.count, rateHz, mapsPerSec);
  const found: FoundMaps = {
    ...{ maps: [], side: 1, confidence: 0, sounding: false, sources: [] },
    threshold: calibration.threshold,
    mapThreshold: calibration.mapThreshold,
  };
  const label = query?.label ?? null;
  const grouping = query === null || label !== null ? model.calibration?.grouping : undefined;
  const named: SegmentSources[] = [];
  for (const segment of planLocalization(frames.count, wanted, rateHz, model.segments)) {
    const { firstFrame, frameCount, chosen } = segment;
    const firstSample = Math.round(segment.startSec * sampleRateHz);
    const lastSample = Math.round((segment.startSec + model.segments.lengthSec) * sampleRateHz);
    const block = {
      data: frames.data.slice(firstFrame * size, (firstFrame + frameCount) * size),
      count: frameCount,
    };
    const waveform = samples.slice(firstSample, lastSample);
    const labels = label === null ? [] : [label];
    const asked = { waveform, block, frames: chosen, query: query?.vector ?? null, labels };
    const answer = await pool.localize(asked, { named: grouping !== undefined, signal });
    const own =
      label !== null && grouping && answer.sources ? mapsOfClass(answer.sources, label, grouping) : null;
    if (own && grouping) {
      found.threshold = grouping.threshold;
      found.mapThreshold = grouping.mapThreshold;
    } else if (query === null && answer.sources) named.push(answer.sources);
    const { side, confidence, maps } = own ?? answer.found;
    found.side = side;
    found.confidence = Math.max(found.confidence, confidence);
    maps.forEach((map, i) => {
      const timeSec = startSec + (firstFrame + (chosen[i] as number)) / rateHz;
      found.maps.push({ timeSec, map, box: soundingBox(map, side, found.mapThreshold) });
    });
  }
  found.sounding = found.confidence >= found.threshold;
  if (grouping && query === null && found.sounding) found.sources = soundSources(named, grouping);
  return found;
}

/** What a class has of its own; null where the model does not know it. */
function mapsOfClass(
  { labels, side, probabilities, maps }: SegmentSources,
  label: string,
  { mapThreshold }: GroupingCalibration,
): SegmentLocalization | null {
  const of = labels.indexOf(label);
  if (of < 0) return null;
  const own = maps.map((classes) => boxShaped(classes[of] as Float32Array, side, mapThreshold));
  return { side, maps: own, confidence: probabilities[of] as number };
}
