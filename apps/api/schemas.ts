/** Schemas that several routes share. They describe the types of the catalog's port to HTTP clients. */
import { z } from '@hono/zod-openapi';
import { JOB_STATUSES } from '#catalog/catalog-service';
import { EarshotError } from '#core/errors';
import { errorSchema } from './error-response.ts';

export const modalitySchema = z.enum(['audio', 'video']).openapi('Modality');
export const clipStatusSchema = z.enum(['pending', 'processing', 'indexed', 'failed']);
export const jobStatusSchema = z.enum(JOB_STATUSES);

const failureSchema = z.object({ code: z.string(), message: z.string() }).nullable();
const instantSchema = z.string().openapi({ format: 'date-time' });
const name = (maxLength: number) => z.string().trim().min(1).max(maxLength);

export const collectionField = name(200);
export const titleField = name(500);
export const tagsField = z.array(name(200)).max(200);
export const metadataField = z
  .record(z.string().max(200), z.unknown())
  .refine((value) => JSON.stringify(value).length <= 65_536, { error: 'must be at most 64 KiB of JSON' });

export const clipSchema = z
  .object({
    id: z.string().openapi({ format: 'uuid' }),
    collection: z.string(),
    title: z.string(),
    fileName: z.string(),
    sourcePath: z.string().nullable().openapi({
      description: 'Where the file was read from; of an upload, what its sender says, or null',
    }),
    tags: z.array(z.string()),
    labels: z.array(z.string()),
    metadata: z.record(z.string(), z.unknown()),
    sha256: z.string(),
    sizeBytes: z.number(),
    mimeType: z.string(),
    durationSec: z.number().nullable(),
    width: z.number().nullable(),
    height: z.number().nullable(),
    frameRateHz: z.number().nullable(),
    audioSampleRateHz: z.number().nullable(),
    modalities: z.array(modalitySchema),
    status: clipStatusSchema,
    error: failureSchema,
    segmentCount: z.number().int(),
    createdAt: instantSchema,
    updatedAt: instantSchema,
  })
  .openapi('Clip');

export const jobSchema = z
  .object({
    id: z.string().openapi({ format: 'uuid' }),
    kind: z.enum(['ingest', 'model']).openapi({
      description: 'model: the clips are embedded with another model, which then goes live',
    }),
    clipId: z.string().nullable(),
    status: jobStatusSchema,
    stage: z.string().openapi({ description: 'queued, probe, decode, embed, index or done' }),
    progress: z.number().openapi({ minimum: 0, maximum: 1 }),
    error: failureSchema,
    attempts: z.number().int(),
    createdAt: instantSchema,
    updatedAt: instantSchema,
  })
  .openapi('Job');

export const labelSchema = z
  .object({
    name: z.string(),
    examples: z.number().int().openapi({ description: 'How many clips show what it means' }),
    createdAt: instantSchema,
  })
  .openapi('Label');

export const clipIdsField = z.array(z.string().max(200));

export const modelIdentitySchema = z
  .object({ id: z.string(), version: z.string(), dimension: z.number().int() })
  .openapi('ModelIdentity');

export const filterSchema = z
  .strictObject({
    collections: z.array(collectionField).max(100).optional(),
    anyTag: tagsField.optional(),
    allTags: tagsField.optional(),
    clipIds: z.array(z.uuid()).max(10_000).optional(),
    excludeClipIds: z.array(z.uuid()).max(10_000).optional(),
  })
  .openapi('ClipFilter');

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(500).optional().openapi({ description: '1..500, default 50' }),
  cursor: z.string().max(4096).optional().openapi({ description: '`nextCursor` of the page before' }),
};

export const clipParams = z.object({ id: z.string().max(200).openapi({ description: "The clip's id" }) });
export const jobParams = z.object({ id: z.string().max(200).openapi({ description: "The job's id" }) });

export const modelParams = z.object({
  id: z.string().min(1).max(200).openapi({ description: "The model's name, as `GET /v1/models` lists it" }),
});

/** The content part of a JSON answer in a route definition. */
export function jsonAnswer<S extends z.ZodType>(schema: S, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

/** Every route's answer to a request it can't serve. */
export const errorAnswer = jsonAnswer(errorSchema, 'What went wrong, in the envelope all routes share');

/** @throws EarshotError `unknown_clip` for an id that no clip can have */
export function clipIdOf(params: { id: string }): string {
  if (z.uuid().safeParse(params.id).success) return params.id;
  throw new EarshotError('unknown_clip', `There is no clip ${params.id}.`, { subject: 'id' });
}

/** @throws EarshotError `unknown_job` for an id that no job can have */
export function jobIdOf(params: { id: string }): string {
  if (z.uuid().safeParse(params.id).success) return params.id;
  throw new EarshotError('unknown_job', `There is no job ${params.id}.`, { subject: 'id' });
}
