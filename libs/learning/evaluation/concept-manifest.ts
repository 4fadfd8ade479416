/** Lists of real labelled clips, for the suites that are about them. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { EarshotError } from '#core/errors';
import type { LabelledFile } from './evaluate-model.ts';

/**
 * A manifest of real clips: JSON lines of `{file, concepts}` or `{file, labels}`, files relative to it, and `source` where
 * several were cut from one recording. Where labels are given and empty, or there are neither, the line is left out.
 *
 * @throws EarshotError `file_not_found`, or `invalid_argument` naming the line at fault
 */
export async function readConceptManifest(list: string): Promise<LabelledFile[]> {
  const text = await readFile(list, 'utf8').catch((cause: unknown) => {
    throw new EarshotError('file_not_found', `The list ${list} can't be read.`, { subject: list, cause });
  });
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const { file, labels, concepts, source } = parseManifestLine(line, `Line ${index + 1} of ${list}`, list);
    const named = labels?.length === 0 ? [] : (concepts ?? labels ?? []);
    return named.length === 0
      ? []
      : [{ id: file, file: path.resolve(path.dirname(list), file), labels: named, source }];
  });
}

const manifestLine = z.object({
  file: z.string().min(1),
  labels: z.array(z.string()).optional(),
  concepts: z.array(z.string()).optional(),
  source: z.string().optional(),
});

function parseManifestLine(line: string, where: string, subject: string): z.infer<typeof manifestLine> {
  try {
    return manifestLine.parse(JSON.parse(line));
  } catch (cause) {
    const message = `${where} is not {"file": "...", "concepts": ["..."]}.`;
    throw new EarshotError('invalid_argument', message, { subject, cause });
  }
}
