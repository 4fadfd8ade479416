/**
 * Clips decoded once: frames as bytes and log-mels as floats, in two flat files that are read back whole. Training
 * then never waits for a decoder.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { EarshotError } from '#core/errors';
import { decodeStreams } from '#media/decode';
import type { FrontEnds } from '#model/checkpoint/manifest';
import { LogMelFrontEnd } from '#model/front-ends/log-mel';

export interface CacheSpec {
  audio: Omit<FrontEnds['audio'], 'normalization'>;
  video: Omit<FrontEnds['video'], 'normalization'>;
  segmentSec: number;
  /** Frames are kept a little larger than the tower's input, so that crops can be drawn from them. */
  frameSize: number;
}

export interface CacheClip {
  id: string;
  file: string;
  label: string;
}

export interface ClipCache {
  clips: CacheClip[];
  framesPerClip: number;
  spec: CacheSpec;
  /** `[clips, framesPerClip, frameSize, frameSize, 3]` */
  frames: Uint8Array;
  /** `[clips, melFrames, bands]`, not normalised */
  logMel: Float32Array;
}

export interface BuildOptions {
  folder: string;
  concurrency: number;
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

/** Opens the cache of these clips and this spec, decoding first what has not been decoded. */
export async function openClipCache(
  clips: readonly CacheClip[],
  spec: CacheSpec,
  options: BuildOptions,
): Promise<ClipCache> {
  const digest = createHash('sha256').update(JSON.stringify({ spec, clips })).digest('hex').slice(0, 16);
  const base = path.join(options.folder, digest);
  const framesPerClip = Math.round(spec.segmentSec * spec.video.rateHz);
  const frameBytes = framesPerClip * spec.frameSize * spec.frameSize * 3;
  const melFloats = spec.audio.frames * spec.audio.bands;
  const names = { frames: `${base}.frames`, logMel: `${base}.logmel` };
  const whole = await readWhole(names, clips.length * frameBytes, clips.length * melFloats * 4);
  if (!whole) await decodeAll(clips, spec, options, names, { frameBytes, melFloats });
  const files = whole ?? (await readWhole(names, clips.length * frameBytes, clips.length * melFloats * 4));
  if (!files)
    throw new EarshotError('internal', `The cache ${base} came out with the wrong size.`, { subject: base });
  const { frames, logMel } = files;
  return {
    clips: [...clips],
    framesPerClip,
    spec,
    frames,
    logMel: new Float32Array(logMel.buffer, logMel.byteOffset, logMel.byteLength / 4),
  };
}

async function readWhole(
  names: { frames: string; logMel: string },
  frameBytes: number,
  melBytes: number,
): Promise<{ frames: Uint8Array; logMel: Uint8Array } | null> {
  try {
    const [frames, logMel] = await Promise.all([readFile(names.frames), readFile(names.logMel)]);
    return frames.length === frameBytes && logMel.length === melBytes ? { frames, logMel } : null;
  } catch {
    // Absent or half-written: decoding again is the remedy for both.
    return null;
  }
}

async function decodeAll(
  clips: readonly CacheClip[],
  spec: CacheSpec,
  options: BuildOptions,
  names: { frames: string; logMel: string },
  sizes: { frameBytes: number; melFloats: number },
): Promise<void> {
  await mkdir(options.folder, { recursive: true });
  const temporary = { frames: `${names.frames}.tmp`, logMel: `${names.logMel}.tmp` };
  for (const name of Object.values(temporary)) await writeFile(name, '');
  const frameFile = await open(temporary.frames, 'r+');
  const melFile = await open(temporary.logMel, 'r+');
  const frontEnd = new LogMelFrontEnd(spec.audio);
  const limit = pLimit(options.concurrency);
  let done = 0;
  try {
    await Promise.all(
      clips.map((clip, i) =>
        limit(async () => {
          options.signal?.throwIfAborted();
          const { frames, logMel } = await decodeClip(clip.file, spec, frontEnd, options.signal);
          await frameFile.write(frames, 0, frames.length, i * sizes.frameBytes);
          const bytes = new Uint8Array(logMel.buffer, logMel.byteOffset, logMel.byteLength);
          await melFile.write(bytes, 0, bytes.length, i * sizes.melFloats * 4);
          options.onProgress?.(++done, clips.length);
        }),
      ),
    );
  } catch (error) {
    limit.clearQueue();
    for (const name of Object.values(temporary)) await rm(name, { force: true });
    if (options.signal?.aborted)
      throw new EarshotError('cancelled', 'Decoding was stopped.', { cause: error });
    throw error;
  } finally {
    await Promise.all([frameFile.close(), melFile.close()]);
  }
  await rename(temporary.frames, names.frames);
  await rename(temporary.logMel, names.logMel);
}

/** One ffmpeg process a clip, for picture and sound together. */
async function decodeClip(file: string, spec: CacheSpec, frontEnd: LogMelFrontEnd, signal?: AbortSignal) {
  const { rateHz, fit } = spec.video;
  const { sampleRateHz } = spec.audio;
  const frameBytes = spec.frameSize * spec.frameSize * 3;
  const frames = new Uint8Array(Math.round(spec.segmentSec * rateHz) * frameBytes);
  const samples = new Float32Array(Math.round(spec.segmentSec * sampleRateHz));
  const chunks = decodeStreams(file, {
    frames: { rateHz, fit, width: spec.frameSize, height: spec.frameSize },
    samples: { sampleRateHz },
    startSec: 0,
    endSec: spec.segmentSec,
    signal,
  });
  for await (const chunk of chunks) {
    if (chunk.kind === 'frames') frames.set(chunk.data, chunk.firstIndex * frameBytes);
    else samples.set(chunk.data, chunk.firstSample);
  }
  return { frames, logMel: frontEnd.compute(samples, spec.audio.frames).data };
}
