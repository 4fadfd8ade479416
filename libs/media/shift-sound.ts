/** A copy of a file whose sound comes earlier or later; its picture is copied as it is, packet by packet. */
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { mediaFailure } from './failure.ts';
import { FfmpegProcess } from './ffmpeg.ts';
import { fileUrl, openInput } from './input.ts';
import { DEFAULT_MEDIA_LIMITS } from './limits.ts';
import type { MediaInfo } from './probe.ts';

export interface ShiftOptions {
  /** Seconds that the sound is delayed by; below 0 it comes earlier, and what would come before the start is cut off. */
  delaySec: number;
  /** The answer of `probe` for the file. */
  info: MediaInfo;
  signal?: AbortSignal;
}

const BITRATE = '192k';
/** Encoding sound is fast: this ends a process that hangs. */
const LEAST_TIMEOUT_SEC = 120;

/**
 * The sound is moved on the timeline, silence filling what that opens, and encoded anew; every sound track moves alike.
 * Nothing is left at `outFile` when it fails.
 *
 * @throws EarshotError `modality_missing`, `invalid_argument` for an output that is the input or that can't hold the
 *   picture, `disk_full`, `cancelled`, `ffmpeg_missing`
 */
export async function shiftSound(
  file: string,
  outFile: string,
  { delaySec, info, signal }: ShiftOptions,
): Promise<void> {
  if (info.audio === null || info.video === null) {
    const message = `${file} needs both sound and picture for its sound to be shifted.`;
    throw new EarshotError('modality_missing', message, { subject: file });
  }
  if (path.resolve(file) === path.resolve(outFile)) {
    const message = `${outFile} is the file itself: name another one to write.`;
    throw new EarshotError('invalid_argument', message, { subject: outFile });
  }
  const input = await openInput(file, DEFAULT_MEDIA_LIMITS);
  const extension = path.extname(outFile);
  // ffmpeg chooses the container by the name's end.
  const partFile = path.join(path.dirname(outFile), `.${path.basename(outFile, extension)}.part${extension}`);
  const child = new FfmpegProcess('ffmpeg', shiftArguments(input.arguments, delaySec, info, partFile), {
    subject: file,
    timeoutSec: LEAST_TIMEOUT_SEC + info.durationSec,
    signal,
  });
  try {
    child.stdout.resume();
    const { exitCode, stderrTail } = await child.exited();
    if (exitCode !== 0) throw shiftFailure(file, outFile, stderrTail, input.head);
    await rename(partFile, outFile);
  } finally {
    await child.close();
    await rm(partFile, { force: true });
  }
}

function shiftArguments(
  input: readonly string[],
  delaySec: number,
  { video }: MediaInfo,
  partFile: string,
): string[] {
  // Both streams' times count from the container's start here; what then lies before it is cut, what lacks is silence.
  const delay = `asetpts=PTS+(${delaySec.toFixed(6)})/TB`;
  const filled = 'aresample=async=1:first_pts=0:min_hard_comp=0.04';
  return [
    ...['-y', ...input],
    ...['-map', `0:${video?.streamIndex}`, '-map', '0:a'],
    ...['-c:v', 'copy', '-filter:a', `${delay},${filled}`, '-b:a', BITRATE],
    ...['-movflags', '+faststart', fileUrl(partFile)],
  ];
}

function shiftFailure(file: string, outFile: string, stderrTail: string, head: Buffer): EarshotError {
  if (/No space left on device/i.test(stderrTail)) {
    const message = `There is no room to write ${outFile}: free some space and try again.`;
    return new EarshotError('disk_full', message, { subject: outFile, retryable: true });
  }
  if (
    /No such file or directory|Unable to find a suitable output format|Permission denied/i.test(stderrTail)
  ) {
    const message = `${outFile} can't be written: name a file in a folder that is there, ending as the input does (such as .mp4 or .mkv).`;
    return new EarshotError('invalid_argument', message, { subject: outFile });
  }
  if (/not supported in|Could not find tag for codec|Could not write header/i.test(stderrTail)) {
    const message = `A file named ${outFile} can't hold the picture of ${file} as it is: let its name end as the input's does.`;
    return new EarshotError('invalid_argument', message, { subject: outFile });
  }
  return mediaFailure(file, stderrTail, head);
}
