/** `model.json`: everything about a model but its numbers. */
import { z } from 'zod';
import { EarshotError } from '#core/errors';
import { type EmbeddingGemmaManifest, embeddingGemmaManifestSchema } from './embedding-gemma-manifest.ts';
import { checkedFile, common, fileName, plainFrontEnds, sha256 } from './manifest-parts.ts';

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

/** Of the softmax over labels' cosines (`scale`: inverse temperature), and of the verdict "unknown". */
const labelStream = z.object({ scale: z.number().positive(), threshold: z.number().nullable() });

const probability = z.number().min(0).max(1);

/** How much the sound counts: the logistic function of `weights`, `[2 * dimension]`, with sound and picture, and of `bias`. */
const fusionGate = z.object({
  weights: z.array(z.number()).min(2),
  bias: z.number(),
  /** How much the sound counts in what stands for a label; left out: as the gate has it, for each label by itself. */
  labelSound: probability.optional(),
});

const classification = z.object({
  audio: labelStream,
  video: labelStream,
  /** Of a picture with the labels' sounds. */
  expected: labelStream,
  /** Of sound and picture: fused by the gate, or, where there is none, weighted by the confidence of each. */
  fused: labelStream.extend({ gate: fusionGate.optional() }),
});

/** See `calibration/classification.ts`. */
export type ClassificationCalibration = z.infer<typeof classification>;
/** See `network/fusion-gate.ts`. */
export type FusionGate = z.infer<typeof fusionGate>;

/** `probability = 1 / (1 + exp(-(slope * score + intercept)))`, see `calibration/platt.ts`. */
const platt = z.object({ slope: z.number(), intercept: z.number() });

const calibration = z.object({
  correspondence: platt
    .extend({ sourceless: platt.extend({ centres: z.array(z.array(z.number())).min(1) }).optional() })
    .optional(),
  classification: classification.optional(),
  localization: z
    .object({
      /** From a map's logits to probabilities. */
      map: platt,
      /** From which probability on a place counts as sounding. */
      mapThreshold: probability,
      /** From a segment's evidence to its confidence. */
      confidence: platt,
      /** From which confidence on something in the picture sounds. */
      threshold: probability,
    })
    .optional(),
  grouping: z
    .object({
      /** From a map's logits to probabilities. */
      map: platt,
      /** From which probability on a place counts as sounding. */
      mapThreshold: probability,
      /** From what speaks for a class to its probability. */
      source: platt,
      /** From which probability on a class sounds in the picture. */
      threshold: probability,
    })
    .optional(),
});

export type ModelCalibration = z.infer<typeof calibration>;

/** Finds the offset between sound and picture; see `checkpoint/synchronization.ts`. */
const synchronizationHead = checkedFile.extend({
  /** Synchronizability under which there is nothing to go by. */
  leastSynchronizability: z.number(),
  training: z.record(z.string(), z.unknown()),
});

const localizationHead = z.object({
  width: z.int().positive(),
  weights: checkedFile.extend({ parameterCount: z.int().positive() }),
  /** The ONNX graph of the tower's trunk and the head. */
  serving: checkedFile,
  training: z.record(z.string(), z.unknown()),
});

const groupingHead = z.object({
  width: z.int().positive(),
  /** The classes, in the order of the class tokens. */
  labels: z.array(z.string().min(1)).min(1),
  /** False in the ablation alone. */
  grouping: z.boolean(),
  weights: checkedFile.extend({ parameterCount: z.int().positive() }),
  /** The ONNX graph of the tower's trunk and the grouping network. */
  serving: checkedFile,
  training: z.record(z.string(), z.unknown()),
});

const twoTowerFields = z.object({
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
      /** How an embedding looks at a picture; without it, at all of it once. */
      views: z
        .object({
          /** Side of the middle that is looked at, as a part of the frame's side. */
          centrePart: z.number().positive().max(1),
          /** Whether it is looked at mirrored as well. */
          mirrored: z.boolean(),
          /** As above, for an embedding. */
          colourEveryFrames: z.int().positive(),
        })
        .optional(),
      normalization: z.object({
        mean: z.tuple([z.number(), z.number(), z.number()]),
        deviation: z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]),
      }),
    }),
  }),
  towers: z.object({ kind: z.literal('two-tower'), audio: audioTower, video: videoTower }),
  /** What turns scores into probabilities, once it has been fitted. */
  calibration: calibration.optional(),
  weights: checkedFile.extend({ parameterCount: z.int().positive() }),
  /** The towers' ONNX graphs; a folder without them is served from its weights. */
  serving: z.object({ audio: checkedFile, video: checkedFile }).optional(),
  /** What was trained beside the towers or on top of them, each in files of its own. */
  heads: z
    .object({
      synchronization: synchronizationHead.optional(),
      localization: localizationHead.optional(),
      grouping: groupingHead.optional(),
    })
    .optional(),
  training: z.record(z.string(), z.unknown()),
});

const twoTowerManifestSchema = twoTowerFields
  .refine(
    ({ dimension, calibration: fitted }) => {
      const gate = fitted?.classification?.fused.gate;
      return gate === undefined || gate.weights.length === 2 * dimension;
    },
    {
      path: ['calibration', 'classification', 'fused', 'gate', 'weights'],
      error: 'must be as many as both embeddings have numbers',
    },
  )
  .refine(
    ({ frontEnds: { video }, towers }) => {
      const size = towers.video.motion?.size ?? 1;
      return video.width % size === 0 && video.height % size === 0;
    },
    {
      path: ['frontEnds', 'video'],
      error: 'width and height must be multiples of towers.video.motion.size',
    },
  );

/** Pretrained classifiers that meet in the concept table; the dimension is the table's. */
const conceptManifestSchema = z.object({
  ...common,
  frontEnds: plainFrontEnds,
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

/** A graph of the user's own; without `sha256` the file is taken as it is. */
const ownGraph = z.object({
  file: fileName,
  sha256: sha256.optional(),
  input: z.string().min(1),
  output: z.string().min(1),
});

const scaling = z
  .object({ mean: z.number(), deviation: z.number().positive() })
  .default({ mean: 0, deviation: 1 });

const ownAudio = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('log-mel'),
    sampleRateHz: z.int().positive(),
    windowSec: z.number().positive(),
    hopSec: z.number().positive(),
    bands: z.int().positive(),
    lowHz: z.number().nonnegative(),
    highHz: z.number().positive(),
    offset: z.number().positive(),
    normalization: scaling,
    layout: z.enum(['frames,bands', 'bands,frames']),
    patch: z.object({ frames: z.int().positive(), hopFrames: z.int().positive() }),
  }),
  z.object({
    kind: z.literal('waveform'),
    sampleRateHz: z.int().positive(),
    normalization: scaling,
    /** Left out: the whole segment at once. */
    patch: z.object({ samples: z.int().positive(), hopSamples: z.int().positive() }).optional(),
  }),
]);

const triple = z.tuple([z.number(), z.number(), z.number()]);

const ownVideo = z
  .object({
    rateHz: z.number().positive(),
    width: z.int().positive(),
    height: z.int().positive(),
    fit: z.enum(['stretch', 'cover']),
    layout: z.enum(['nhwc', 'nchw', 'ncthw']),
    type: z.enum(['float32', 'uint8']),
    /** Of pixels in 0..1; bytes have none. */
    normalization: z.object({ mean: triple, deviation: triple }).optional(),
    frames: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('each') }),
      z.object({ kind: z.literal('block'), count: z.int().positive() }),
    ]),
  })
  .refine(({ type, normalization }) => type === 'float32' || normalization === undefined, {
    path: ['normalization'],
    error: 'bytes go in as they are: leave it out, or set the type to float32',
  })
  .refine(({ normalization }) => normalization?.deviation.every((value) => value > 0) ?? true, {
    path: ['normalization', 'deviation'],
    error: 'must be above 0',
  })
  .refine(({ layout, frames }) => layout !== 'ncthw' || frames.kind === 'block', {
    path: ['layout'],
    error: 'ncthw is for blocks of frames',
  });

/** Two graphs of the user's own, and what goes into them. */
const onnxManifestSchema = z.object({
  ...common,
  dimension: z.int().positive(),
  frontEnds: z.object({ audio: ownAudio, video: ownVideo }),
  towers: z.object({ kind: z.literal('onnx'), audio: ownGraph, video: ownGraph }),
  training: z.record(z.string(), z.unknown()).default({}),
});

/** Projection heads on frozen towers, which lie beside them whole, in a folder of their own. */
const adaptedManifestSchema = z.object({
  ...common,
  dimension: z.int().positive(),
  towers: z.object({
    kind: z.literal('adapted'),
    /** What the heads were learned on; they mean nothing on other towers. */
    base: z.object({ id: z.string(), version: z.string(), dimension: z.int().positive() }),
    heads: checkedFile,
  }),
  training: z.record(z.string(), z.unknown()),
});

/** A trained two-tower checkpoint. */
export type ModelManifest = z.infer<typeof twoTowerManifestSchema>;
export type ConceptManifest = z.infer<typeof conceptManifestSchema>;
export type OnnxManifest = z.infer<typeof onnxManifestSchema>;
export type AdaptedManifest = z.infer<typeof adaptedManifestSchema>;
/** A file of the model's folder, with its checksum. */
export type CheckedFile = z.infer<typeof checkedFile>;
/** Told apart by `towers.kind`. */
export type AnyManifest =
  | ModelManifest
  | ConceptManifest
  | OnnxManifest
  | EmbeddingGemmaManifest
  | AdaptedManifest;
export type LocalizationCalibration = NonNullable<ModelCalibration['localization']>;
export type GroupingCalibration = NonNullable<ModelCalibration['grouping']>;
export type FrontEnds = ModelManifest['frontEnds'];

export function isConcept(manifest: AnyManifest): manifest is ConceptManifest {
  return manifest.towers.kind === 'concept';
}

const KINDS = ['two-tower', 'concept', 'onnx', 'embeddinggemma-2', 'adapted'];

/** @throws EarshotError `model_invalid` listing every field that is wrong */
export function parseManifest(json: unknown, subject: string): AnyManifest {
  const kind = kindOf(json);
  if (kind === 'concept') return parseAs(conceptManifestSchema, json, subject);
  if (kind === 'embeddinggemma-2') return parseAs(embeddingGemmaManifestSchema, json, subject);
  if (kind === 'adapted') return parseAs(adaptedManifestSchema, json, subject);
  if (kind === 'onnx') {
    refuseSingleTower(json, subject);
    return parseAs(onnxManifestSchema, json, subject);
  }
  if (kind !== undefined && !KINDS.includes(kind)) {
    const message = `${subject} states the towers.kind "${kind}"; there are: ${KINDS.join(', ')}.`;
    throw new EarshotError('model_invalid', message, { subject });
  }
  return parseTwoTowerManifest(json, subject);
}

/** @throws EarshotError `model_invalid` as `parseManifest`, and for other kinds of model */
export function parseTwoTowerManifest(json: unknown, subject: string): ModelManifest {
  return parseAs(twoTowerManifestSchema, json, subject);
}

function kindOf(json: unknown): string | undefined {
  return z.object({ towers: z.object({ kind: z.string() }) }).safeParse(json).data?.towers.kind;
}

/** One tower alone has nothing to meet, which is worth a sentence of its own. */
function refuseSingleTower(json: unknown, subject: string): void {
  const towers = z
    .object({ towers: z.object({ audio: z.unknown().optional(), video: z.unknown().optional() }) })
    .parse(json).towers;
  const [has, lacks] = towers.audio == null ? ['video', 'audio'] : ['audio', 'video'];
  if (towers[lacks as 'audio' | 'video'] != null) return;
  const message =
    towers[has as 'audio' | 'video'] == null
      ? `${subject} has no towers: describe both, towers.audio and towers.video.`
      : `${subject} has only an ${has} tower: sound and picture meet only where both are embedded; describe towers.${lacks} as well.`;
  throw new EarshotError('model_invalid', message.replace('an video', 'a video'), { subject });
}

function parseAs<T>(schema: z.ZodType<T>, json: unknown, subject: string): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || '(root)'}: ${issue.message}`);
  throw new EarshotError('model_invalid', `${subject} is not a model description: ${faults.join('; ')}.`, {
    subject,
  });
}
