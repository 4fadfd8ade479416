/** One frame of a file as a JPEG. */
import { EarshotError } from '#core/errors';
import { decodeFrames } from './decode.ts';
import { mediaFailure } from './failure.ts';
import { collectOutput } from './ffmpeg.ts';
import type { MediaLimits } from './limits.ts';
import { type MediaInfo, probe } from './probe.ts';

/** Films open on black: without a wish, the picture is taken a tenth of the way in. */
const DEFAULT_POSITION = 0.1;
const JPEG_QUALITY = '4';

export interface ThumbnailOptions {
  /** Pixels; the height follows from the proportions of the picture as displayed. */
  width: number;
  atSec?: number;
  limits?: Partial<MediaLimits>;
  signal?: AbortSignal;
  info?: MediaInfo;
}

/**
 * @returns the bytes of a JPEG
 * @throws EarshotError as `decodeFrames`; `modality_missing` without a picture
 */
export async function makeThumbnail(file: string, options: ThumbnailOptions): Promise<Uint8Array> {
  const info = options.info ?? (await probe(file, options));
  if (info.video === null) {
    throw new EarshotError('modality_missing', `The file ${file} has no picture to show.`, { subject: file });
  }
  const { width } = options;
  const height = Math.max(1, Math.round((width * info.video.height) / info.video.width));
  const startSec = options.atSec ?? info.durationSec * DEFAULT_POSITION;
  const window = { startSec, endSec: startSec + 1, limits: options.limits, signal: options.signal, info };
  const frame = await decodeFrames(file, { rateHz: 1, width, height, ...window });
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${width}x${height}`, '-i', 'pipe:0'];
  const jpeg = [
    '-vf',
    'scale=out_range=full,format=yuvj420p',
    '-c:v',
    'mjpeg',
    '-q:v',
    JPEG_QUALITY,
    '-f',
    'mjpeg',
    'pipe:1',
  ];
  const work = { subject: file, timeoutSec: 30, signal: options.signal };
  const { exitCode, stderrTail, stdout } = await collectOutput('ffmpeg', [...raw, ...jpeg], work, frame.data);
  if (exitCode !== 0) throw mediaFailure(file, stderrTail, Buffer.alloc(0));
  return stdout;
}
