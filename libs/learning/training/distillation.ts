/**
 * Real sounds and pictures with a teacher's opinion of each: what a run learns beside its pairs, so that towers that grew
 * up on drawn objects know real ones too. The teacher is a model with a space of named concepts.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { EarshotError } from '#core/errors';
import { decodeFrames, decodeSamples } from '#media/decode';
import { type MediaInfo, probe } from '#media/probe';
import { writeFileAtomically } from '#model/checkpoint/checkpoint';
import type { EmbeddingModel } from '#model/embedding-model';
import { loadEmbeddingModel } from '#model/load-model';
import type { Teaching } from '#model/training/teaching';
import {
  type BuildOptions,
  type CacheClip,
  type CacheSpec,
  type ClipCache,
  openClipCache,
} from './clip-cache.ts';

export interface DistillationOptions {
  /** The teacher's folder and the name it was asked for by. */
  teacher: { folder: string; name: string };
  /** Files with sound, picture or both. */
  files: readonly string[];
  /** Sounds, and as many pictures, in each step. */
  rows: number;
}

/** Of a long file, no more segments than this are taught. */
const MAX_SEGMENTS = 4;
/**
 * Temperature of the softmax over the teacher's unit vectors: one clear concept takes nearly all, two equal ones share,
 * and where none stands out the opinion is flat and teaches little.
 */
const TEMPERATURE = 0.1;
/** Fewer items of either kind teach a tower nothing that holds for others. */
const MIN_ITEMS = 8;

interface TaughtItem extends CacheClip {
  info: MediaInfo;
  endSec: number;
}

export interface TaughtMedia {
  cache: ClipCache;
  teaching: Omit<Teaching, 'source'>;
}

/** For a model's description of its training. */
export function describeDistillation({ teacher, files, rows }: DistillationOptions): Record<string, unknown> {
  return { teacher: teacher.name, files: files.length, rows };
}

/**
 * Decodes the media for the student, and asks the teacher about them; both are kept for the next run.
 *
 * @throws EarshotError `not_enough_data` with too few sounds or pictures, `model_not_found`, and what decoding says
 */
export async function openTaughtMedia(
  options: DistillationOptions,
  spec: CacheSpec,
  build: BuildOptions,
): Promise<TaughtMedia> {
  const items = await findItems(options.files, spec.segmentSec, build);
  const having = (kind: 'audio' | 'video') => items.flatMap(({ info }, i) => (info[kind] ? [i] : []));
  const sounds = having('audio');
  const pictures = having('video');
  if (sounds.length < MIN_ITEMS || pictures.length < MIN_ITEMS) {
    const message = `A teacher needs at least ${MIN_ITEMS} sounds and as many pictures; there are ${sounds.length} and ${pictures.length}.`;
    throw new EarshotError('not_enough_data', message, { subject: 'media' });
  }
  const clips = items.map(({ info: _info, endSec: _endSec, ...clip }) => clip);
  const cache = await openClipCache(clips, spec, build);
  const opinions = await openOpinions(options.teacher.folder, items, build);
  const { rows } = options;
  return { cache, teaching: { sounds, pictures, rows, ...opinions } };
}

async function findItems(
  files: readonly string[],
  segmentSec: number,
  { concurrency, signal }: BuildOptions,
): Promise<TaughtItem[]> {
  const limit = pLimit(concurrency);
  const items = await limit.map([...files].sort(), async (file) => {
    signal?.throwIfAborted();
    const info = await probe(file, { signal });
    const length = info.isStillImage ? segmentSec : info.durationSec;
    const count = Math.min(MAX_SEGMENTS, Math.max(1, Math.floor(length / segmentSec)));
    return Array.from({ length: count }, (_, i) => {
      const startSec = i * segmentSec;
      const endSec = Math.min(startSec + segmentSec, length);
      return { id: `${file}#${i}`, file, label: '', startSec, endSec, info };
    });
  });
  return items.flat();
}

interface Opinions {
  soundTargets: Float32Array;
  pictureTargets: Float32Array;
  classes: number;
  digest: string;
}

/** `[items, classes]` for sounds, then for pictures, from a file of earlier runs where there is one. */
async function openOpinions(
  folder: string,
  items: readonly TaughtItem[],
  { folder: cacheFolder, concurrency, signal, onProgress }: BuildOptions,
): Promise<Opinions> {
  const teacher = await loadEmbeddingModel(folder);
  try {
    const { dimension: classes } = teacher.identity;
    const asked = items.map(({ file, startSec, endSec }) => [file, startSec, endSec]);
    const digest = createHash('sha256')
      .update(JSON.stringify({ teacher: teacher.identity, asked, TEMPERATURE }))
      .digest('hex')
      .slice(0, 16);
    const kept = path.join(cacheFolder, `${digest}.opinions`);
    const size = items.length * classes;
    const known = await readFloats(kept, 2 * size);
    const all = known ?? new Float32Array(2 * size);
    const opinions = {
      soundTargets: all.subarray(0, size),
      pictureTargets: all.subarray(size),
      classes,
      digest,
    };
    if (known) return opinions;
    let done = 0;
    await pLimit(concurrency).map(items, async (item, i) => {
      signal?.throwIfAborted();
      const { sound, picture } = await ask(teacher, item, signal);
      if (sound) opinions.soundTargets.set(softmax(sound), i * classes);
      if (picture) opinions.pictureTargets.set(softmax(picture), i * classes);
      onProgress?.(++done, items.length);
    });
    await mkdir(cacheFolder, { recursive: true });
    await writeFileAtomically(kept, new Uint8Array(all.buffer));
    return opinions;
  } finally {
    teacher.dispose();
  }
}

async function readFloats(file: string, count: number): Promise<Float32Array | null> {
  const bytes = await readFile(file).catch(() => null);
  return bytes?.length === 4 * count ? new Float32Array(Uint8Array.from(bytes).buffer) : null;
}

async function ask(
  teacher: EmbeddingModel,
  { file, info, startSec = 0, endSec }: TaughtItem,
  signal: AbortSignal | undefined,
): Promise<{ sound: Float32Array | undefined; picture: Float32Array | undefined }> {
  const window = { info, startSec, endSec, signal };
  const { sampleRateHz } = teacher.audioInput;
  const [sound] = info.audio
    ? await teacher.embedAudio([(await decodeSamples(file, { ...window, sampleRateHz })).data])
    : [];
  if (!info.video) return { sound, picture: undefined };
  const part = info.isStillImage ? { info, signal } : window;
  const { data, count } = await decodeFrames(file, { ...part, ...teacher.videoInput });
  const [picture] = await teacher.embedVideo([{ data, count }]);
  return { sound, picture };
}

function softmax(vector: Float32Array): Float32Array {
  const largest = Math.max(...vector);
  const powers = vector.map((value) => Math.exp((value - largest) / TEMPERATURE));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}
