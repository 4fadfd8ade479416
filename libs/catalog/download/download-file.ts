/**
 * One file from the network, resumable and checked: it grows beside its name as `.part`, goes on from there after an
 * interruption, and takes its name only when size and checksum are right.
 */
import { createHash } from 'node:crypto';
import { createReadStream, ftruncateSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asEarshotError, EarshotError } from '#core/errors';
import { type GetOptions, httpGet } from './http-get.ts';

export interface FileToFetch {
  /** Name, for messages. */
  file: string;
  url: string;
  bytes: number;
  sha256: string;
}

export interface DownloadOptions extends Pick<GetOptions, 'signal' | 'env'> {
  /** @param bytes of this file there are now */
  onProgress?(bytes: number): void;
}

/**
 * @param target path of the finished file; what an earlier attempt left beside it is continued
 * @throws EarshotError `server_unreachable` (what came is kept for the next attempt), `not_found`,
 *   `checkpoint_invalid` for other bytes than expected, `disk_full`, `cancelled`
 */
export async function downloadFile(
  source: FileToFetch,
  target: string,
  options: DownloadOptions = {},
): Promise<void> {
  const part = `${target}.part`;
  try {
    await fetchPart(source, part, options);
    await assertChecksum(source, part);
    await rename(part, target);
  } catch (error) {
    const failure = asEarshotError(error);
    // An interruption is continued next time; anything else would only fail again in the same way.
    const canContinue = failure.code === 'server_unreachable' || failure.code === 'cancelled';
    if (!canContinue) await rm(part, { force: true });
    throw failure;
  }
}

/** Whether the file is there with the right bytes. */
export async function isIntact(
  source: Pick<FileToFetch, 'bytes' | 'sha256'>,
  file: string,
): Promise<boolean> {
  const size = await sizeOf(file);
  return size === source.bytes && (await sha256Of(file)) === source.sha256;
}

async function fetchPart(source: FileToFetch, part: string, options: DownloadOptions): Promise<void> {
  const before = (await sizeOf(part)) ?? 0;
  if (before === source.bytes) return;
  // More than there can be is another file: begun anew.
  const from = before < source.bytes ? before : 0;
  // Open before anything is asked for: what arrives while nobody reads is lost when the connection breaks.
  const handle = await open(part, from > 0 ? 'a' : 'w');
  try {
    await fetchInto(handle, from, source, options);
  } finally {
    await handle.close();
  }
}

/** @param from what the file holds already */
async function fetchInto(
  handle: FileHandle,
  from: number,
  source: FileToFetch,
  options: DownloadOptions,
): Promise<void> {
  const headers = from > 0 ? { range: `bytes=${from}-` } : undefined;
  const response = await httpGet(source.url, { ...options, headers });
  try {
    const { statusCode } = response;
    if (statusCode === 206) return await append(source, response, handle, from, options);
    // A server that refuses the range is asked for the whole file.
    const isRangeRefused = statusCode === 416 && from > 0;
    if (statusCode !== 200 && !isRangeRefused) throw refused(source, statusCode);
    // Without waiting: the body is arriving already, see `append`.
    ftruncateSync(handle.fd);
    if (statusCode === 200) return await append(source, response, handle, 0, options);
  } finally {
    response.destroy();
  }
  await fetchInto(handle, 0, source, options);
}

async function append(
  source: FileToFetch,
  response: IncomingMessage,
  handle: FileHandle,
  from: number,
  { signal, onProgress }: DownloadOptions,
): Promise<void> {
  let bytes = from;
  // Written as it arrives, without a pause: what waits its turn is lost when the connection breaks.
  const write = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > source.bytes) throw otherBytes(source, `more than the ${source.bytes} bytes it should have`);
    writeFileSync(handle.fd, chunk);
    onProgress?.(bytes);
  };
  try {
    await pipeline(response, writing(write));
    await handle.sync();
  } catch (error) {
    if (signal?.aborted) throw new EarshotError('cancelled', 'The download was stopped.', { cause: error });
    if (isNetworkFault(error)) throw interrupted(source, bytes, error);
    throw error;
  }
  if (bytes < source.bytes) throw interrupted(source, bytes);
}

function writing(write: (chunk: Buffer) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        write(chunk);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}

async function assertChecksum(source: FileToFetch, part: string): Promise<void> {
  if ((await sha256Of(part)) === source.sha256) return;
  throw otherBytes(source, 'with another checksum than the one fixed for it');
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

async function sizeOf(file: string): Promise<number | null> {
  return stat(file).then(
    ({ size }) => size,
    () => null,
  );
}

function isNetworkFault(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return (
    code.startsWith('ECONN') ||
    code === 'EPIPE' ||
    code === 'ETIMEDOUT' ||
    code === 'ERR_STREAM_PREMATURE_CLOSE' ||
    (error as Error).message === 'aborted'
  );
}

function interrupted({ file, bytes: total }: FileToFetch, bytes: number, cause?: unknown): EarshotError {
  const message = `The connection ended after ${bytes} of ${total} bytes of ${file}: run the command again, it goes on from there.`;
  return new EarshotError('server_unreachable', message, { subject: file, cause, retryable: true });
}

function refused({ file, url }: FileToFetch, statusCode: number | undefined): EarshotError {
  const { host } = new URL(url);
  if (statusCode === 404 || statusCode === 410) {
    const message = `${host} no longer has ${file}: take the files from another machine and give their folder with --from.`;
    return new EarshotError('not_found', message, { subject: url });
  }
  const message = `${host} answers ${statusCode} for ${file}: try again later, or give a folder that holds the files with --from.`;
  return new EarshotError('server_unreachable', message, { subject: url, retryable: true });
}

function otherBytes({ file, url }: FileToFetch, what: string): EarshotError {
  const message = `${new URL(url).host} sent ${file} ${what}; it was thrown away. Something between here and there may be changing downloads: try another network, or --from with a folder that holds the files.`;
  return new EarshotError('checkpoint_invalid', message, { subject: file });
}
