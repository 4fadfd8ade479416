/**
 * Writing media: H.264 and AAC in MP4 through ffmpeg, WAV in plain code. The same input gives the same bytes
 * with the same ffmpeg: one thread, no dates, no versions.
 */
import { rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { EarshotError } from '#core/errors';
import { FfmpegProcess } from './ffmpeg.ts';
import { fileUrl } from './input.ts';

/** Encoding is as slow as its frames' maker, so this only ends a process that hangs. */
const ENCODE_WORK_SEC = 6 * 3600;
const WRITE_SAMPLES = 64 * 1024;

type FrameSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface ClipContent {
  /** Even, as 4:2:0 pictures are. */
  width: number;
  height: number;
  rateHz: number;
  /** Frames of `[height, width, 3]` (or 4 for rgba, whose alpha is ignored), one or several at a time. */
  frames: FrameSource;
  pixelFormat?: 'rgb24' | 'rgba';
  /** Mono; `null` for a clip without sound. */
  samples: Float32Array | null;
  sampleRateHz: number;
}

export interface EncodeOptions {
  /** x264's quality, 0 (lossless) to 51; default 20. */
  crf?: number;
  /** Default 128. */
  audioBitrateKbps?: number;
  signal?: AbortSignal;
}

/**
 * Encodes a clip as MP4. Nothing is left at `outFile` when it fails.
 *
 * @throws EarshotError `invalid_argument`, `cancelled`, `ffmpeg_missing`, `disk_full`, `internal`; and whatever
 *   `frames` throws
 */
export async function encodeClip(
  clip: ClipContent,
  outFile: string,
  options: EncodeOptions = {},
): Promise<void> {
  checkClip(clip);
  const partFile = `${outFile}.part`;
  const child = new FfmpegProcess('ffmpeg', encodeArguments(clip, partFile, options), {
    subject: outFile,
    timeoutSec: ENCODE_WORK_SEC,
    signal: options.signal,
    writesStdin: true,
    usesExtraPipe: clip.samples !== null,
  });
  try {
    child.stdout.resume();
    // Both at once: ffmpeg reads the two pipes in the order it needs.
    const writing = [writeFrames(child.stdin as Writable, clip)];
    if (clip.samples !== null) writing.push(writeSamples(child.extra as Writable, clip.samples));
    const failure = await firstFailure(writing);
    if (failure !== null && !isBrokenPipe(failure)) throw failure;
    const { exitCode, stderrTail } = await child.exited();
    if (exitCode !== 0) throw encodeFailure(outFile, stderrTail);
    await rename(partFile, outFile);
  } finally {
    await child.close();
    await rm(partFile, { force: true });
  }
}

function encodeArguments(clip: ClipContent, partFile: string, options: EncodeOptions): string[] {
  const size = `${clip.width}x${clip.height}`;
  const picture = [
    '-f',
    'rawvideo',
    '-pix_fmt',
    clip.pixelFormat ?? 'rgb24',
    '-s',
    size,
    '-r',
    String(clip.rateHz),
  ];
  const sound = ['-f', 'f32le', '-ar', String(clip.sampleRateHz), '-ac', '1'];
  const colours =
    'scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv420p';
  const bt709 = [
    '-colorspace',
    'bt709',
    '-color_primaries',
    'bt709',
    '-color_trc',
    'bt709',
    '-color_range',
    'tv',
  ];
  return [
    ...['-y', '-filter_threads', '1', ...picture, '-i', 'pipe:0'],
    ...(clip.samples === null ? [] : [...sound, '-i', 'pipe:3']),
    ...[
      '-map',
      '0:v',
      '-vf',
      colours,
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-crf',
      String(options.crf ?? 20),
    ],
    ...[...bt709, '-threads', '1', '-flags:v', '+bitexact'],
    ...(clip.samples === null
      ? []
      : [
          '-map',
          '1:a',
          '-c:a',
          'aac',
          '-b:a',
          `${options.audioBitrateKbps ?? 128}k`,
          '-flags:a',
          '+bitexact',
        ]),
    ...[
      '-map_metadata',
      '-1',
      '-fflags',
      '+bitexact',
      '-movflags',
      '+faststart',
      '-f',
      'mp4',
      fileUrl(partFile),
    ],
  ];
}

function checkClip({ width, height, rateHz, samples, sampleRateHz }: ClipContent): void {
  const isEven = (value: number) => Number.isInteger(value) && value > 0 && value % 2 === 0;
  if (!isEven(width) || !isEven(height)) {
    throw new EarshotError(
      'invalid_argument',
      `A clip's width and height must be even, not ${width} x ${height}.`,
    );
  }
  if (!(rateHz > 0 && (samples === null || sampleRateHz > 0))) {
    throw new EarshotError('invalid_argument', 'The rates of a clip must be positive.');
  }
}

async function writeFrames(pipe: Writable, clip: ClipContent): Promise<void> {
  const frameBytes = clip.width * clip.height * (clip.pixelFormat === 'rgba' ? 4 : 3);
  for await (const frames of clip.frames) {
    if (frames.length % frameBytes !== 0) {
      throw new EarshotError(
        'shape_mismatch',
        `A frame has ${frames.length} bytes, not ${frameBytes} or a multiple.`,
      );
    }
    await write(pipe, frames);
  }
  pipe.end();
}

async function writeSamples(pipe: Writable, samples: Float32Array): Promise<void> {
  for (let at = 0; at < samples.length; at += WRITE_SAMPLES) {
    const part = samples.subarray(at, at + WRITE_SAMPLES);
    await write(pipe, new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
  pipe.end();
}

/** Resolves when the pipe has taken the bytes, so that their owner may use the buffer again. */
function write(pipe: Writable, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => pipe.write(bytes, (error) => (error ? reject(error) : resolve())));
}

/** The first failure of several tasks, or null when all are done; none is left unwatched. */
async function firstFailure(tasks: Promise<void>[]): Promise<unknown> {
  try {
    await Promise.all(tasks);
    return null;
  } catch (error) {
    return error;
  } finally {
    for (const task of tasks) task.catch(() => {});
  }
}

/** ffmpeg went away: its exit status and last words say why. */
function isBrokenPipe(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  return ['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'].includes(code);
}

export function encodeFailure(outFile: string, stderrTail: string): EarshotError {
  if (/No space left on device/i.test(stderrTail)) {
    return new EarshotError(
      'disk_full',
      `There is no room to write ${outFile}: free some space and try again.`,
      {
        subject: outFile,
        retryable: true,
      },
    );
  }
  const said = stderrTail.trim().split('\n').at(-1) ?? '';
  return new EarshotError('internal', `ffmpeg could not write ${outFile}: ${said}`, { subject: outFile });
}
