/** What the descriptions of all kinds of model have in common. */
import { z } from 'zod';

/** What a model may be called: it names folders and collections. */
export const MODEL_NAME = /^[a-z0-9][a-z0-9._-]*$/;

export const common = {
  format: z.literal('earshot-model/1'),
  id: z.string().regex(MODEL_NAME),
  version: z.string().min(1),
  description: z.string(),
  segments: z.object({ lengthSec: z.number().positive(), hopSec: z.number().positive() }),
};

export const fileName = z.string().regex(/^[\w.-]+$/);
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const checkedFile = z.object({ file: fileName, sha256 });

/** Where what the towers take is the model's own business. */
export const plainFrontEnds = z.object({
  audio: z.object({ sampleRateHz: z.int().positive() }),
  video: z.object({
    rateHz: z.number().positive(),
    width: z.int().positive(),
    height: z.int().positive(),
    fit: z.enum(['stretch', 'cover']),
  }),
});
