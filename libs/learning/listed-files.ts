/** Lists of one's own media: JSON lines that name files, relative to the list, and say what is known about each. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { EarshotError } from '#core/errors';

/**
 * @param fields what a line may hold beside `file`; others are ignored
 * @param form   of a line, for the message
 * @returns each line, `id` the file as it is written, `file` its path
 * @throws EarshotError `file_not_found`, `invalid_argument` naming the line at fault
 */
export async function readListedFiles<Fields extends z.ZodRawShape>(
  list: string,
  fields: Fields,
  form: string,
): Promise<({ id: string; file: string } & z.output<z.ZodObject<Fields>>)[]> {
  const text = await readFile(list, 'utf8').catch((cause: unknown) => {
    throw new EarshotError('file_not_found', `The list ${list} can't be read.`, { subject: list, cause });
  });
  const known = z.object(fields);
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      const value: unknown = JSON.parse(line);
      const { file } = named.parse(value);
      return [{ ...known.parse(value), id: file, file: path.resolve(path.dirname(list), file) }];
    } catch (cause) {
      const message = `Line ${index + 1} of ${list} is not ${form}.`;
      throw new EarshotError('invalid_argument', message, { subject: list, cause });
    }
  });
}

const named = z.object({ file: z.string().min(1) });
