/** `model.json`: everything about a model but its numbers. */
import { z } from 'zod';
import { EarshotError } from '#core/errors';

/** What a model may be called: it names folders and collections. */
export const MODEL_NAME = /^[a-z0-9][a-z0-9._-]*$/;

const audioTower = z.object({
  bands: z.number().int().positive(),
  hopSec: z.number().positive(),
  trunkChannels: z.tuple([z.int(), z.int(), z.int(), z.int(), z.int()]),
  tokenWidth: z.int().positive(),
  numEncoderLayers: z.int().nonnegative(),
  numHeads: z.int().positive(),
  embeddingDimension: z.int().positive(),
  temporalParts: z.int().nonnegative().default(0),
  alignmentDimension: z.int().nonnegative().default(0),
});

const videoTower = z.object({
  trunkChannels: z.tuple([z.int(), z.int(), z.int(), z.int(), z.int(), z.int()]),
  tokenWidth: z.int().positive(),
  numEncoderLayers: z.int().nonnegative(),
  numHeads: z.int().positive(),
  embeddingDimension: z.int().positive(),
  motion: z
    .object({ size: z.int().positive(), trunkChannels: z.tuple([z.int(), z.int(), z.int()]) })
    .nullable()
    .default(null),
  temporalParts: z.int().nonnegative().default(0),
  alignmentDimension: z.int().nonnegative().default(0),
  positions: z.boolean().default(false),
});

const common = {
  format: z.literal('earshot-model/1'),
  id: z.string().regex(MODEL_NAME),
  version: z.string().min(1),
  description: z.string(),
  segments: z.object({ lengthSec: z.number().positive(), hopSec: z.number().positive() }),
};

const fileName = z.string().regex(/^[\w.-]+$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const checkedFile = z.object({ file: fileName, sha256 });

const twoTowerManifestSchema = z.object({
  ...common,
  dimension: z.int().positive(),
  frontEnds: z.object({
    audio: z.object({
      sampleRateHz: z.int().positive(),
      windowSec: z.number().positive(),
      hopSec: z.number().positive(),
      bands: z.int().positive(),
      lowHz: z.number().positive(),
      highHz: z.number().positive(),
      offset: z.number().positive(),
      /** Frames of a whole segment, a multiple of the trunk's time stride. */
      frames: z.int().positive(),
      normalization: z.object({ mean: z.number(), deviation: z.number().positive() }),
    }),
    video: z.object({
      rateHz: z.number().positive(),
      width: z.int().positive(),
      height: z.int().positive(),
      fit: z.enum(['stretch', 'cover']),
      /** Of the decoded frames, every so many go through the colour trunk; all of them show motion. */
      colourEveryFrames: z.int().positive().default(1),
      normalization: z.object({
        mean: z.tuple([z.number(), z.number(), z.number()]),
        deviation: z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]),
      }),
    }),
  }),
  towers: z.object({ kind: z.literal('two-tower'), audio: audioTower, video: videoTower }),
  /** What turns scores into probabilities, once it has been fitted. */
  calibration: z
    .object({
      /** `probability = 1 / (1 + exp(-(slope * score + intercept)))`, see `calibration/platt.ts`. */
      correspondence: z.object({ slope: z.number(), intercept: z.number() }).optional(),
    })
    .optional(),
  weights: checkedFile.extend({ parameterCount: z.int().positive() }),
  /** The towers' ONNX graphs; a folder without them is served from its weights. */
  serving: z.object({ audio: checkedFile, video: checkedFile }).optional(),
  training: z.record(z.string(), z.unknown()),
});

/** Pretrained classifiers that meet in the concept table; the dimension is the table's. */
const conceptManifestSchema = z.object({
  ...common,
  frontEnds: z.object({
    audio: z.object({ sampleRateHz: z.int().positive() }),
    video: z.object({
      rateHz: z.number().positive(),
      width: z.int().positive(),
      height: z.int().positive(),
      fit: z.enum(['stretch', 'cover']),
    }),
  }),
  towers: z.object({
    kind: z.literal('concept'),
    audio: checkedFile,
    audioClasses: checkedFile,
    video: checkedFile,
    videoClasses: checkedFile,
  }),
  parameterCount: z.int().positive(),
  training: z.record(z.string(), z.unknown()),
});

/** A trained two-tower checkpoint. */
export type ModelManifest = z.infer<typeof twoTowerManifestSchema>;
export type ConceptManifest = z.infer<typeof conceptManifestSchema>;
/** A file of the model's folder, with its checksum. */
export type CheckedFile = z.infer<typeof checkedFile>;
/** Told apart by `towers.kind`. */
export type AnyManifest = ModelManifest | ConceptManifest;
export type FrontEnds = ModelManifest['frontEnds'];

/** @throws EarshotError `model_invalid` listing every field that is wrong */
export function parseManifest(json: unknown, subject: string): AnyManifest {
  const kind = z.object({ towers: z.object({ kind: z.string() }) }).safeParse(json);
  if (kind.data?.towers.kind === 'concept') return parseAs(conceptManifestSchema, json, subject);
  return parseTwoTowerManifest(json, subject);
}

/** @throws EarshotError `model_invalid` as `parseManifest`, and for other kinds of model */
export function parseTwoTowerManifest(json: unknown, subject: string): ModelManifest {
  return parseAs(twoTowerManifestSchema, json, subject);
}

function parseAs<T>(schema: z.ZodType<T>, json: unknown, subject: string): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || '(root)'}: ${issue.message}`);
  throw new EarshotError('model_invalid', `${subject} is not a model description: ${faults.join('; ')}.`, {
    subject,
  });
}
