/** Writing multipart forms whose files stream from disk, so that a client never holds a film in memory. */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';

export interface MultipartBody {
  contentType: string;
  chunks: AsyncIterable<Uint8Array>;
}

type FileSource = { path: string } | { stream: Readable; fileName: string };

/** @param fields values that come several times are repeated; undefined ones are left out */
export function multipartBody(
  fields: Record<string, string | string[] | undefined>,
  files: Record<string, FileSource>,
): MultipartBody {
  const boundary = `earshot-${randomBytes(18).toString('hex')}`;
  return { contentType: `multipart/form-data; boundary=${boundary}`, chunks: write(boundary, fields, files) };
}

async function* write(
  boundary: string,
  fields: Record<string, string | string[] | undefined>,
  files: Record<string, FileSource>,
): AsyncGenerator<Uint8Array> {
  for (const [name, value] of Object.entries(fields)) {
    for (const entry of value === undefined ? [] : [value].flat()) {
      yield Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${entry}\r\n`,
      );
    }
  }
  for (const [name, file] of Object.entries(files)) yield* writeFile(boundary, name, file);
  yield Buffer.from(`--${boundary}--\r\n`);
}

async function* writeFile(boundary: string, name: string, file: FileSource): AsyncGenerator<Uint8Array> {
  const fileName = 'path' in file ? basename(file.path) : file.fileName;
  // The three characters that the form encoding of browsers escapes in names.
  const quoted = fileName.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  yield Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${quoted}"\r\n` +
      'Content-Type: application/octet-stream\r\n\r\n',
  );
  const stream = 'path' in file ? createReadStream(file.path) : file.stream;
  for await (const chunk of stream) yield chunk as Uint8Array;
  yield Buffer.from('\r\n');
}
