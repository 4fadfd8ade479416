import { readdir } from 'node:fs/promises';
import { EarshotError } from '#core/errors';

/**
 * Paths, relative to a folder, of the files in it and in its subfolders whose path fits an expression; in order.
 *
 * @throws EarshotError `file_not_found` where the folder can't be read
 */
export async function filesBelow(folder: string, name: RegExp): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new EarshotError('file_not_found', `The folder ${folder} can't be read.`, {
      subject: folder,
      cause,
    });
  });
  return entries.filter((entry) => name.test(entry)).sort();
}
