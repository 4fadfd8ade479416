/**
 * How a file of unknown origin is handed to ffmpeg. Only demuxers that read the one file they are given are
 * allowed: playlists and scripts (hls, dash, concat, numbered pictures) could make ffmpeg open others.
 */
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EarshotError } from '#core/errors';
import type { MediaLimits } from './limits.ts';

const DEMUXERS = [
  ...[
    'mov',
    'mp4',
    'm4a',
    '3gp',
    '3g2',
    'mj2',
    'matroska',
    'webm',
    'avi',
    'mpeg',
    'mpegts',
    'mpegvideo',
    'flv',
  ],
  ...['wav', 'w64', 'aiff', 'mp3', 'flac', 'ogg', 'aac', 'gif'],
  ...['jpeg_pipe', 'png_pipe', 'webp_pipe', 'bmp_pipe'],
].join(',');

/** Still pictures by their first bytes; ffmpeg itself would go by the name and read `%d` in it as a pattern. */
const PICTURES: readonly { demuxer: string; matches: (head: Buffer) => boolean }[] = [
  { demuxer: 'jpeg_pipe', matches: (head) => head.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff])) },
  { demuxer: 'png_pipe', matches: (head) => head.toString('latin1', 0, 8) === '\x89PNG\r\n\x1a\n' },
  {
    demuxer: 'webp_pipe',
    matches: (head) => head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WEBP',
  },
  { demuxer: 'bmp_pipe', matches: (head) => head.toString('latin1', 0, 2) === 'BM' },
  { demuxer: 'gif', matches: (head) => head.toString('latin1', 0, 4) === 'GIF8' },
];

export interface MediaInput {
  /** Everything up to and with `-i`; further input options go before it. */
  arguments: readonly string[];
  sizeBytes: number;
  /** The first bytes, at most 64. */
  head: Buffer;
}

/**
 * Checks that there is something to read and answers ffmpeg's arguments for it.
 * @throws EarshotError `file_not_found`, `file_unreadable`, `media_empty`, `media_too_large`
 */
export async function openInput(file: string, limits: MediaLimits): Promise<MediaInput> {
  const { head, sizeBytes } = await readHead(file);
  if (sizeBytes === 0) {
    throw new EarshotError('media_empty', `The file ${file} is empty; export or copy it again.`, {
      subject: file,
    });
  }
  if (sizeBytes > limits.maxFileBytes) {
    throw new EarshotError(
      'media_too_large',
      `The file ${file} has ${sizeBytes} bytes, more than the ${limits.maxFileBytes} allowed; split or compress it.`,
      { subject: file },
    );
  }
  const picture = PICTURES.find(({ matches }) => matches(head));
  return {
    arguments: [
      ...['-protocol_whitelist', 'file,pipe', '-format_whitelist', DEMUXERS],
      // Coded pictures are padded to whole blocks, hence a little more than the limit itself.
      ...['-max_pixels', String(Math.ceil(limits.maxPixels * 1.1))],
      ...(picture ? ['-f', picture.demuxer] : []),
      ...['-i', fileUrl(file)],
    ],
    sizeBytes,
    head,
  };
}

/** A name ffmpeg can only take for a file, whatever characters it holds. */
export function fileUrl(file: string): string {
  return `file:${resolve(file)}`;
}

async function readHead(file: string): Promise<{ head: Buffer; sizeBytes: number }> {
  try {
    const handle = await open(file, 'r');
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) {
        throw new EarshotError('file_unreadable', `${file} is not a file; name a media file.`, {
          subject: file,
        });
      }
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
      return { head: buffer.subarray(0, bytesRead), sizeBytes: stat.size };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof EarshotError) throw error;
    const missing = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
    throw new EarshotError(
      missing ? 'file_not_found' : 'file_unreadable',
      missing
        ? `There is no file ${file}; check the path.`
        : `The file ${file} cannot be read (${(error as Error).message}); check its permissions.`,
      { subject: file, cause: error },
    );
  }
}
