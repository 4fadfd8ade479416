/** What users may write on a clip, and how much of it. */
import { z } from 'zod';
import { EarshotError } from '#core/errors';

const MAX_METADATA_BYTES = 64 * 1024;
const MAX_PATH_LENGTH = 4096;

const word = z.string().trim().min(1).max(200);

const schema = z.object({
  collection: z
    .string()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,99}$/u, {
      error:
        'use 1 to 100 letters, digits, spaces, dots, dashes and underscores, beginning with a letter or digit',
    })
    .optional(),
  title: z.string().trim().min(1).max(500).optional(),
  tags: z.array(word).max(100).optional(),
  labels: z.array(word).max(100).optional(),
  metadata: z
    .record(z.string(), z.unknown())
    .refine((value) => JSON.stringify(value).length <= MAX_METADATA_BYTES, {
      error: `must be at most ${MAX_METADATA_BYTES / 1024} KB of JSON`,
    })
    .optional(),
  sourcePath: z.string().min(1).max(MAX_PATH_LENGTH).optional(),
});

/**
 * Refuses what can't be stored; a NUL byte would be refused by PostgreSQL itself, with a far less clear sentence.
 *
 * @throws EarshotError `invalid_argument` that names every bad field
 */
export function checkClipFields(fields: {
  collection?: string;
  title?: string;
  tags?: string[];
  labels?: string[];
  metadata?: Record<string, unknown>;
  sourcePath?: string;
}): void {
  const parsed = schema.safeParse(fields);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new EarshotError('invalid_argument', `The clip's fields are not valid. ${faults.join('; ')}.`, {
      subject: String(parsed.error.issues[0]?.path[0] ?? 'clip'),
    });
  }
  if (JSON.stringify(parsed.data).includes('\\u0000')) {
    throw new EarshotError('invalid_argument', 'Text must not hold NUL characters.', { subject: 'clip' });
  }
}
