/** `model.json` of an EmbeddingGemma 2 folder. */
import { z } from 'zod';
import { common, plainFrontEnds, sha256 } from './manifest-parts.ts';

/** EmbeddingGemma 2 as its publisher lays it out, run by an optional package. */
export const embeddingGemmaManifestSchema = z.object({
  ...common,
  dimension: z.literal([768, 512, 256, 128]),
  frontEnds: plainFrontEnds,
  towers: z.object({
    kind: z.literal('embeddinggemma-2'),
    quantization: z.enum(['fp32', 'fp16', 'q8', 'q4', 'q4f16']),
    /** Of the folder `weights`, `/` between names. */
    files: z.array(
      z.object({
        file: z.string().regex(/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/),
        bytes: z.int().nonnegative(),
        sha256,
      }),
    ),
  }),
  parameterCount: z.int().positive(),
  training: z.record(z.string(), z.unknown()),
});

export type EmbeddingGemmaManifest = z.infer<typeof embeddingGemmaManifestSchema>;
