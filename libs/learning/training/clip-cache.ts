/**
 * Clips decoded once: colour frames and luma as bytes, log-mels as floats, in flat files that are read back whole.
 * Training then never waits for a decoder.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { EarshotError } from '#core/errors';
import { decodeStreams } from '#media/decode';
import type { FrontEnds } from '#model/checkpoint/manifest';
import { LogMelFrontEnd } from '#model/front-ends/log-mel';
import { lumaFrame } from '#model/front-ends/motion';

export interface CacheSpec {
  audio: Omit<FrontEnds['audio'], 'normalization'>;
  video: Omit<FrontEnds['video'], 'normalization'>;
  segmentSec: number;
  /** Frames are kept a little larger than the tower's input, so that crops can be drawn from them. */
  frameSize: number;
  /** Side of the luma frames, a whole part of `frameSize`. */
  lumaSize: number;
  /** Luma frames a clip, one for each token of the audio tower. */
  steps: number;
}

export interface CacheClip {
  id: string;
  file: string;
  /** Its class; empty where it has none. */
  label: string;
  /** Where the segment begins in the file; 0 unless told. */
  startSec?: number;
}

export interface ClipCache {
  clips: CacheClip[];
  /** Colour frames of a clip. */
  framesPerClip: number;
  spec: CacheSpec;
  /** `[clips, framesPerClip, frameSize, frameSize, 3]` */
  frames: Uint8Array;
  /** `[clips, steps, lumaSize, lumaSize]` */
  luma: Uint8Array;
  /** `[clips, melFrames, bands]`, not normalised */
  logMel: Float32Array;
}

export interface BuildOptions {
  folder: string;
  concurrency: number;
  /** Leaves the colour frames, which are most of a cache, where they are: `frames` is empty then. */
  withoutFrames?: boolean;
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

/** Colour frames that the cache keeps of each clip. */
export function colourFrameCount(spec: CacheSpec): number {
  return Math.ceil(spec.steps / spec.video.colourEveryFrames);
}

interface ClipBytes {
  frames: Uint8Array;
  luma: Uint8Array;
  logMel: Uint8Array;
}

const PARTS = ['frames', 'luma', 'logMel'] as const;
type Sizes = Record<(typeof PARTS)[number], number>;

/** Opens the cache of these clips and this spec, decoding first what has not been decoded. */
export async function openClipCache(
  clips: readonly CacheClip[],
  spec: CacheSpec,
  options: BuildOptions,
): Promise<ClipCache> {
  const digest = createHash('sha256').update(JSON.stringify({ spec, clips })).digest('hex').slice(0, 16);
  const base = path.join(options.folder, digest);
  const framesPerClip = colourFrameCount(spec);
  const sizes: Sizes = {
    frames: framesPerClip * spec.frameSize * spec.frameSize * 3,
    luma: spec.steps * spec.lumaSize * spec.lumaSize,
    logMel: spec.audio.frames * spec.audio.bands * 4,
  };
  const read = () => readWhole(base, clips.length, sizes, options.withoutFrames ?? false);
  const whole = await read();
  if (!whole) await decodeAll(clips, spec, options, base, sizes);
  const files = whole ?? (await read());
  if (!files)
    throw new EarshotError('internal', `The cache ${base} came out with the wrong size.`, { subject: base });
  const { frames, luma, logMel } = files;
  return {
    clips: [...clips],
    framesPerClip,
    spec,
    frames,
    luma,
    logMel: new Float32Array(logMel.buffer, logMel.byteOffset, logMel.byteLength / 4),
  };
}

async function readWhole(
  base: string,
  clips: number,
  sizes: Sizes,
  withoutFrames: boolean,
): Promise<ClipBytes | null> {
  try {
    const [frames, luma, logMel] = await Promise.all(
      PARTS.map((part) =>
        part === 'frames' && withoutFrames
          ? new Uint8Array(0)
          : readShared(`${base}.${part}`, clips * sizes[part]),
      ),
    );
    return frames && luma && logMel ? { frames, luma, logMel } : null;
  } catch {
    // Absent or half-written: decoding again is the remedy for both.
    return null;
  }
}

/** Into memory that threads share, in pieces: one read takes no more than 2 GiB. */
async function readShared(name: string, size: number): Promise<Uint8Array | null> {
  const file = await open(name);
  try {
    if ((await file.stat()).size !== size) return null;
    const bytes = new Uint8Array(new SharedArrayBuffer(size));
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(size - at, 1 << 28), at);
      if (bytesRead === 0) return null;
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

async function decodeAll(
  clips: readonly CacheClip[],
  spec: CacheSpec,
  options: BuildOptions,
  base: string,
  sizes: Sizes,
): Promise<void> {
  await mkdir(options.folder, { recursive: true });
  const temporary = (part: string) => `${base}.${part}.tmp`;
  for (const part of PARTS) await writeFile(temporary(part), '');
  const files = await Promise.all(
    PARTS.map(async (part) => ({ part, file: await open(temporary(part), 'r+') })),
  );
  const frontEnd = new LogMelFrontEnd(spec.audio);
  const limit = pLimit(options.concurrency);
  let done = 0;
  try {
    await Promise.all(
      clips.map((clip, i) =>
        limit(async () => {
          options.signal?.throwIfAborted();
          const decoded = await decodeClip(clip, spec, frontEnd, options.signal);
          for (const { part, file } of files)
            await file.write(decoded[part], 0, sizes[part], i * sizes[part]);
          options.onProgress?.(++done, clips.length);
        }),
      ),
    );
  } catch (error) {
    limit.clearQueue();
    for (const part of PARTS) await rm(temporary(part), { force: true });
    if (options.signal?.aborted)
      throw new EarshotError('cancelled', 'Decoding was stopped.', { cause: error });
    throw error;
  } finally {
    await Promise.all(files.map(({ file }) => file.close()));
  }
  for (const part of PARTS) await rename(temporary(part), `${base}.${part}`);
}

/** One ffmpeg process a clip, for picture and sound together. */
async function decodeClip(
  { file, startSec = 0 }: CacheClip,
  spec: CacheSpec,
  frontEnd: LogMelFrontEnd,
  signal?: AbortSignal,
): Promise<ClipBytes> {
  const { rateHz, fit, colourEveryFrames } = spec.video;
  const { sampleRateHz } = spec.audio;
  const { frameSize, lumaSize, steps } = spec;
  const frameBytes = frameSize * frameSize * 3;
  const frames = new Uint8Array(colourFrameCount(spec) * frameBytes);
  const luma = new Uint8Array(steps * lumaSize * lumaSize);
  const lumaOfFrame = new Float32Array(lumaSize * lumaSize);
  const samples = new Float32Array(Math.round(spec.segmentSec * sampleRateHz));
  const chunks = decodeStreams(file, {
    frames: { rateHz, fit, width: frameSize, height: frameSize },
    samples: { sampleRateHz },
    startSec,
    endSec: startSec + spec.segmentSec,
    signal,
  });
  for await (const chunk of chunks) {
    if (chunk.kind === 'samples') {
      samples.set(chunk.data, chunk.firstSample);
      continue;
    }
    for (let i = 0; i < chunk.data.length / frameBytes; i++) {
      const step = chunk.firstIndex + i;
      if (step >= steps) break;
      const at = i * frameBytes;
      if (step % colourEveryFrames === 0)
        frames.set(chunk.data.subarray(at, at + frameBytes), (step / colourEveryFrames) * frameBytes);
      lumaFrame(chunk.data, at, frameSize, frameSize, lumaSize, lumaOfFrame, 0);
      for (let j = 0; j < lumaOfFrame.length; j++)
        luma[step * lumaOfFrame.length + j] = Math.round((lumaOfFrame[j] as number) * 255);
    }
  }
  const logMel = frontEnd.compute(samples, spec.audio.frames).data;
  return { frames, luma, logMel: new Uint8Array(logMel.buffer, logMel.byteOffset, logMel.byteLength) };
}
