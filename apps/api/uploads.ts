/**
 * Multipart forms. The file goes straight to disk while it arrives, because a form's text fields may follow its
 * file and because a film doesn't fit into memory; the fields are small and bounded.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy';
import type { Context } from 'hono';
import { EarshotError } from '#core/errors';
import type { ApiContext, AppEnv } from './context.ts';

const MAX_FIELDS = 600;
const MAX_FIELD_BYTES = 256 * 1024;

export interface ReceivedFile {
  path: string;
  fileName: string;
  sizeBytes: number;
}

export interface ReceivedForm {
  /** Values in the order in which they came; a field may come several times. */
  fields: Map<string, string[]>;
  /** By the field that they came in. */
  files: Map<string, ReceivedFile>;
}

/** Runs `work` with a fresh folder for uploads, which is gone when it has ended, however it ends. */
export async function withUploadFolder<T>(
  context: ApiContext,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  await mkdir(context.uploadDir, { recursive: true });
  const folder = await mkdtemp(join(context.uploadDir, `${process.pid}-`));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Deletes what servers that are gone left behind: a folder's name begins with its owner's process id. */
export async function sweepUploads(uploadDir: string): Promise<void> {
  const entries = await readdir(uploadDir).catch(() => [] as string[]);
  for (const entry of entries) {
    const owner = Number(/^(\d+)-/.exec(entry)?.[1]);
    if (Number.isInteger(owner) && !isAlive(owner)) {
      await rm(join(uploadDir, entry), { recursive: true, force: true });
    }
  }
}

/**
 * Reads a multipart form.
 *
 * @param fileFields which fields may hold a file, one each
 * @throws EarshotError `payload_too_large`, `invalid_argument`, `disk_full`; the file is then incomplete
 */
export async function receiveForm(
  c: Context<AppEnv>,
  context: ApiContext,
  folder: string,
  fileFields: readonly string[] = ['file'],
): Promise<ReceivedForm> {
  const incoming = c.env.incoming;
  const limit = context.maxUploadBytes;
  // A megabyte of grace for the form around the file; the exact limit is held while the file streams.
  if (Number(incoming.headers['content-length'] ?? 0) > limit + 2 ** 20) throw tooLarge(limit);
  const form: ReceivedForm = { fields: new Map(), files: new Map() };
  try {
    await parse(incoming, form, { folder, fileFields, limit });
  } catch (error) {
    // The rest of the body is thrown away, so that the answer reaches a client that is still sending.
    incoming.unpipe();
    incoming.resume();
    c.header('Connection', 'close');
    throw error;
  }
  for (const { sizeBytes } of form.files.values()) context.metrics.uploadedBytes.inc(sizeBytes);
  return form;
}

function parse(
  incoming: IncomingMessage,
  form: ReceivedForm,
  { folder, fileFields, limit }: { folder: string; fileFields: readonly string[]; limit: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const busboy = openBusboy(incoming.headers);
    let writing: Promise<unknown> = Promise.resolve();
    busboy.on('field', (name, value, nameTruncated, valueTruncated) => {
      if (nameTruncated || valueTruncated) {
        reject(
          new EarshotError('payload_too_large', `The field ${name} is longer than 256 KiB.`, {
            subject: name,
          }),
        );
        return;
      }
      form.fields.set(name, [...(form.fields.get(name) ?? []), value]);
    });
    busboy.on('file', (name, stream, fileName) => {
      if (!fileFields.includes(name) || form.files.has(name)) {
        stream.resume();
        const places = fileFields.map((field) => `"${field}"`).join(' and ');
        const message = `A form takes one file in ${places}; it also has one in "${name}".`;
        reject(new EarshotError('invalid_argument', message, { subject: name }));
        return;
      }
      const path = join(folder, `upload-${fileFields.indexOf(name)}`);
      const file = { path, fileName: fileName ?? '', sizeBytes: 0 };
      form.files.set(name, file);
      const written = writeLimited(stream, path, limit).then((sizeBytes) => {
        file.sizeBytes = sizeBytes;
      });
      written.catch(reject);
      writing = Promise.all([writing, written]);
    });
    busboy.on('fieldsLimit', () => {
      reject(new EarshotError('payload_too_large', `A form takes at most ${MAX_FIELDS} fields.`));
    });
    busboy.on('error', (cause) => {
      reject(
        new EarshotError('invalid_argument', 'The multipart form is malformed or ends too early.', { cause }),
      );
    });
    busboy.on('finish', () => {
      writing.then(() => resolve(), reject);
    });
    incoming.on('close', () => {
      if (!incoming.complete)
        reject(new EarshotError('cancelled', 'The client went away in the middle of an upload.'));
    });
    incoming.pipe(busboy);
  });
}

function openBusboy(headers: IncomingHttpHeaders): BusboyInstance {
  try {
    return new Busboy({
      headers: headers as BusboyHeaders,
      limits: { fields: MAX_FIELDS, fieldSize: MAX_FIELD_BYTES, fieldNameSize: 200 },
    });
  } catch (cause) {
    throw new EarshotError('invalid_argument', 'The multipart form has no boundary in its content type.', {
      cause,
    });
  }
}

/** Bytes written. @throws EarshotError `payload_too_large` as soon as the limit is passed */
export async function writeLimited(source: Readable, path: string, limit: number): Promise<number> {
  let sizeBytes = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length;
      if (sizeBytes > limit) done(tooLarge(limit));
      else done(null, chunk);
    },
  });
  await pipeline(source, meter, createWriteStream(path));
  return sizeBytes;
}

function tooLarge(limit: number): EarshotError {
  const mebibytes = Math.round(limit / 2 ** 20);
  return new EarshotError(
    'payload_too_large',
    `The file is larger than this server takes (${mebibytes} MiB).`,
    {
      subject: 'file',
    },
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
