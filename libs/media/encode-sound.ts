/** Sound files in the codec that another file has, and copies to listen to. */
import { rename, rm } from 'node:fs/promises';
import { encodeFailure } from './encode.ts';
import { collectOutput } from './ffmpeg.ts';
import { fileUrl } from './input.ts';

export interface SoundFormat {
  /** Of a file's name, without the dot. */
  extension: string;
  /** Whether a sample beyond full scale survives. */
  isBounded: boolean;
  /** Of ffmpeg: the encoder, its quality, and the container. */
  arguments: readonly string[];
}

const format = (extension: string, isBounded: boolean, encoder: string, container: string): SoundFormat => ({
  extension,
  isBounded,
  arguments: [...['-c:a', ...encoder.split(' ')], '-f', container],
});

const FORMATS: Readonly<Record<string, SoundFormat>> = {
  aac: format('m4a', false, 'aac -b:a 192k', 'ipod'),
  mp3: format('mp3', false, 'libmp3lame -q:a 2', 'mp3'),
  opus: format('opus', false, 'libopus -b:a 160k', 'opus'),
  vorbis: format('ogg', false, 'libvorbis -q:a 6', 'ogg'),
  ac3: format('ac3', false, 'ac3 -b:a 448k', 'ac3'),
  flac: format('flac', true, 'flac -sample_fmt s32', 'flac'),
  alac: format('m4a', true, 'alac', 'ipod'),
};
const PCM = /^pcm_(s16|s24|s32|f32)(le|be)$/;

/** @returns null for a codec that is not written here; `codec` as ffmpeg names it */
export function soundFormatOf(codec: string): SoundFormat | null {
  const [, sample] = PCM.exec(codec) ?? [];
  if (sample) return format('wav', sample !== 'f32', `pcm_${sample}le`, 'wav');
  return Object.hasOwn(FORMATS, codec) ? (FORMATS[codec] as SoundFormat) : null;
}

/** Encoding sound is fast: this ends a process that hangs. */
const TIMEOUT_SEC = 600;

/**
 * Nothing is left at `outFile` when it fails. It may be the file itself.
 *
 * @param filter a chain of ffmpeg's filters
 * @throws EarshotError `disk_full`, `cancelled`, `ffmpeg_missing`, `internal`
 */
export async function encodeSound(
  file: string,
  outFile: string,
  how: Pick<SoundFormat, 'arguments'> & { filter?: string; signal?: AbortSignal | undefined },
): Promise<void> {
  const partFile = `${outFile}.part`;
  const exact = ['-map_metadata', '-1', '-fflags', '+bitexact', '-flags:a', '+bitexact', '-threads', '1'];
  const filter = how.filter === undefined ? [] : ['-af', how.filter];
  try {
    const { exitCode, stderrTail } = await collectOutput(
      'ffmpeg',
      ['-y', '-i', fileUrl(file), '-map', '0:a', ...filter, ...exact, ...how.arguments, fileUrl(partFile)],
      { subject: outFile, timeoutSec: TIMEOUT_SEC, ...(how.signal && { signal: how.signal }) },
    );
    if (exitCode !== 0) throw encodeFailure(outFile, stderrTail);
    await rename(partFile, outFile);
  } finally {
    await rm(partFile, { force: true });
  }
}
