/** Manifests: JSON lines that name files and say what is known about each. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { EarshotError } from '#core/errors';

const lineSchema = z.strictObject({
  file: z.string().min(1),
  collection: z.string().optional(),
  title: z.string().optional(),
  tags: z.array(z.string()).optional(),
  labels: z.array(z.string()).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
});

export type ManifestEntry = z.output<typeof lineSchema>;

/**
 * Entries of a manifest, their files made absolute: they are written relative to the manifest.
 *
 * @throws EarshotError `file_not_found`, `file_unreadable`, `invalid_argument` naming the line
 */
export async function readManifest(path: string): Promise<ManifestEntry[]> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const missing = cause.code === 'ENOENT';
    const message = missing ? `There is no manifest ${path}.` : `The manifest ${path} can't be read.`;
    throw new EarshotError(missing ? 'file_not_found' : 'file_unreadable', message, { subject: path, cause });
  });
  const entries: ManifestEntry[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const entry = parseLine(line, `${path}, line ${index + 1}`);
    entries.push({ ...entry, file: resolve(dirname(path), entry.file) });
  }
  return entries;
}

function parseLine(line: string, place: string): ManifestEntry {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new EarshotError('invalid_argument', `${place} is not well-formed JSON.`, {
      subject: place,
      cause,
    });
  }
  const parsed = lineSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const message = `${place} is not valid: ${issue?.path.join('.')} ${issue?.message}.`;
  throw new EarshotError('invalid_argument', message, { subject: place });
}
