/**
 * Configuration, parsed once at start-up from the environment and from `.env`. A blank variable means unset, the
 * environment wins over the file, and every bad variable is named at once, so that nobody mends them one by one.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { EarshotError } from '#core/errors';
import { DEFAULT_MEDIA_LIMITS } from '#media/limits';
import type { ServingEngine } from '#model/load-model';

const url = (protocols: readonly string[]) =>
  z.string().refine((value) => hasProtocol(value, protocols), {
    error: `must be a URL starting with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });

const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, { error: `must be a whole number from ${min} to ${max}` })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error: `must be from ${min} to ${max}` });

const ON = ['1', 'true', 'yes', 'on'];
const OFF = ['0', 'false', 'no', 'off'];

const toggle = z
  .string()
  .toLowerCase()
  .refine((value) => ON.includes(value) || OFF.includes(value), { error: 'must be 1 or 0' })
  .transform((value) => ON.includes(value));

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const ENGINES = ['auto', 'onnx', 'tensorflow'] as const satisfies readonly ServingEngine[];

/** Shipped with the product. */
export const DEFAULT_MODEL = 'mini';

const schema = z.object({
  EARSHOT_DATA_DIR: z
    .string()
    .default('./data')
    .transform((folder) => resolve(folder)),
  EARSHOT_MODEL: z.string().default(DEFAULT_MODEL),
  EARSHOT_DATABASE_URL: url(['postgres:', 'postgresql:']).optional(),
  EARSHOT_QDRANT_URL: url(['http:', 'https:']).optional(),
  EARSHOT_QDRANT_API_KEY: z.string().optional(),
  EARSHOT_STORAGE_URL: url(['file:', 's3:']).optional(),
  EARSHOT_API_URL: url(['http:', 'https:']).optional(),
  EARSHOT_LOG_LEVEL: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).optional(),
  EARSHOT_HOST: z.string().default('127.0.0.1'),
  EARSHOT_PORT: integer(0, 65_535).default(8787),
  EARSHOT_ALLOW_PUBLIC: toggle.default(false),
  EARSHOT_MAX_UPLOAD_BYTES: integer(1, DEFAULT_MEDIA_LIMITS.maxFileBytes).default(16 * 2 ** 30),
  EARSHOT_INGEST_CONCURRENCY: integer(1, 64).default(1),
  EARSHOT_INFERENCE_ENGINE: z
    .enum(ENGINES, { error: `must be one of ${ENGINES.join(', ')}` })
    .default('auto'),
  EARSHOT_INFERENCE_THREADS: integer(1, 256).optional(),
  EARSHOT_INFERENCE_QUEUE: integer(1, 10_000).default(64),
  EARSHOT_INFERENCE_TIMEOUT_SEC: integer(1, 3600).default(120),
});

export interface CatalogConfig {
  /** Absolute folder of everything embedded: database, index, objects, temporary files. */
  dataDir: string;
  /** A model's name, or a folder that holds one: what a catalog begins with. */
  model: string;
  databaseUrl: string | undefined;
  qdrantUrl: string | undefined;
  qdrantApiKey: string | undefined;
  storageUrl: string | undefined;
  apiUrl: string | undefined;
  /** Undefined leaves the choice to the command: servers say more than commands. */
  logLevel: (typeof LOG_LEVELS)[number] | undefined;
  host: string;
  port: number;
  /** Whether `host` may be an address that other machines reach, though the server asks for no key. */
  allowPublic: boolean;
  /** Bytes of one file that the server takes. */
  maxUploadBytes: number;
  /** Ingest jobs that one process works on at the same time. */
  ingestConcurrency: number;
  /** What runs the towers. */
  inferenceEngine: ServingEngine;
  inferenceThreads: number;
  /** Requests that may wait for an inference worker before new ones are refused with `overloaded`. */
  inferenceQueueLimit: number;
  inferenceTimeoutSec: number;
}

/**
 * The configuration of this process.
 *
 * @param env     the environment; tests hand in their own
 * @param options `envFile`: a file of the same variables, read when it exists; null reads none
 * @throws EarshotError `configuration_invalid` that lists every bad variable
 */
export function loadConfig(
  env: NodeJS.ProcessEnv = process.env,
  options: { envFile?: string | null } = {},
): CatalogConfig {
  const envFile = options.envFile === undefined ? '.env' : options.envFile;
  const fromFile = envFile === null ? {} : readEnvFile(envFile);
  const parsed = schema.safeParse({ ...withoutBlanks(fromFile), ...withoutBlanks(env) });
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
    throw new EarshotError('configuration_invalid', `The configuration is not valid: ${faults.join('; ')}.`, {
      subject: parsed.error.issues.map((issue) => issue.path.join('.')).join(', '),
    });
  }
  const values = parsed.data;
  return {
    dataDir: values.EARSHOT_DATA_DIR,
    model: values.EARSHOT_MODEL,
    databaseUrl: values.EARSHOT_DATABASE_URL,
    qdrantUrl: values.EARSHOT_QDRANT_URL,
    qdrantApiKey: values.EARSHOT_QDRANT_API_KEY,
    storageUrl: values.EARSHOT_STORAGE_URL,
    apiUrl: values.EARSHOT_API_URL,
    logLevel: values.EARSHOT_LOG_LEVEL,
    host: values.EARSHOT_HOST,
    port: values.EARSHOT_PORT,
    allowPublic: values.EARSHOT_ALLOW_PUBLIC,
    maxUploadBytes: values.EARSHOT_MAX_UPLOAD_BYTES,
    ingestConcurrency: values.EARSHOT_INGEST_CONCURRENCY,
    inferenceEngine: values.EARSHOT_INFERENCE_ENGINE,
    // One core is left to decoding and to the event loop.
    inferenceThreads: values.EARSHOT_INFERENCE_THREADS ?? Math.max(1, availableParallelism() - 1),
    inferenceQueueLimit: values.EARSHOT_INFERENCE_QUEUE,
    inferenceTimeoutSec: values.EARSHOT_INFERENCE_TIMEOUT_SEC,
  };
}

function readEnvFile(file: string): Record<string, string | undefined> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new EarshotError('configuration_invalid', `${file} can't be read: ${(error as Error).message}.`, {
      subject: file,
      cause: error,
    });
  }
  return parseEnv(text);
}

/** Only our own variables that carry something. */
function withoutBlanks(env: Record<string, string | undefined>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    const trimmed = value?.trim();
    if (trimmed && name in schema.shape) kept[name] = trimmed;
  }
  return kept;
}

function hasProtocol(value: string, protocols: readonly string[]): boolean {
  return URL.canParse(value) && protocols.includes(new URL(value).protocol);
}
