/** Lists of real labelled clips, for the suites that are about them. */
import { z } from 'zod';
import { readListedFiles } from '../listed-files.ts';
import type { LabelledFile } from './evaluate-model.ts';

/**
 * A manifest of real clips: JSON lines of `{file, concepts}` or `{file, labels}`, files relative to it, and `source` where
 * several were cut from one recording. Where labels are given and empty, or there are neither, the line is left out.
 *
 * @throws EarshotError `file_not_found`, or `invalid_argument` naming the line at fault
 */
export async function readConceptManifest(list: string): Promise<LabelledFile[]> {
  const lines = await readListedFiles(list, FIELDS, '{"file": "...", "concepts": ["..."]}');
  return lines.flatMap(({ labels, concepts, ...clip }) => {
    const named = labels?.length === 0 ? [] : (concepts ?? labels ?? []);
    return named.length === 0 ? [] : [{ ...clip, labels: named }];
  });
}

const FIELDS = {
  labels: z.array(z.string()).optional(),
  concepts: z.array(z.string()).optional(),
  source: z.string().optional(),
};
