/**
 * `earshot models pull embeddinggemma-2`: the publisher's files, fetched by the package that runs them, or copied from
 * a folder. The network is tried out once before the model takes its place; the one that was there stays until then.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asEarshotError, EarshotError } from '#core/errors';
import { EmbeddingGemmaModel, openRuntime } from '#model/embedding-gemma/embedding-gemma-model';
import {
  EMBEDDING_GEMMA,
  type EmbeddingDimension,
  embeddingGemmaManifest,
  GRAPH_ENDINGS,
  GRAPHS,
  type Quantization,
  WEIGHTS_FOLDER,
} from '#model/embedding-gemma/manifest';
import { loadTransformers, type TransformersPackage } from '#model/embedding-gemma/transformers-package';
import { httpGet } from './download/http-get.ts';
import { ownFolder } from './models.ts';
import type { PulledModel, PullOptions } from './pull-model.ts';
import { replaceFolder } from './replace-folder.ts';

const REPOSITORY = 'onnx-community/embeddinggemma-2-ONNX';
const DESCRIPTIONS = ['config.json', 'processor_config.json', 'tokenizer.json', 'tokenizer_config.json'];

export interface EmbeddingGemmaChoice {
  dimension: EmbeddingDimension;
  quantization: Quantization;
  /** Tests hand in their own. */
  transformers: TransformersPackage;
}

/**
 * @throws EarshotError `configuration_invalid` without the package; `file_not_found` where `from` lacks a file;
 *   `server_unreachable`, `model_invalid`, `disk_full`, `cancelled`
 */
export async function pullEmbeddingGemma(options: PullOptions): Promise<PulledModel> {
  const { dataDir, from, embeddingGemma = {} } = options;
  const { dimension = 768, quantization = 'q8' } = embeddingGemma;
  const transformers = embeddingGemma.transformers ?? (await loadTransformers());
  const folder = path.join(ownFolder(dataDir), EMBEDDING_GEMMA);
  const staging = path.join(ownFolder(dataDir), `.${EMBEDDING_GEMMA}.partial`);
  const weights = path.join(staging, WEIGHTS_FOLDER);
  try {
    if (from === undefined) await fetchWeights(transformers, quantization, weights, options);
    else await copyWeights(path.resolve(from), quantization, weights);
    const files = await describeFiles(weights);
    const manifest = embeddingGemmaManifest(dimension, quantization, files);
    await writeFile(path.join(staging, 'model.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    const model = await EmbeddingGemmaModel.load(staging, manifest, transformers);
    try {
      await tryOut(model);
    } finally {
      model.dispose();
    }
    await replaceFolder(staging, folder);
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return { name: EMBEDDING_GEMMA, folder, bytes, alreadyThere: false };
  } catch (error) {
    const failure = asEarshotError(error);
    // Files that came whole are kept for the next attempt.
    const canContinue = failure.code === 'server_unreachable' || failure.code === 'cancelled';
    if (!canContinue) await rm(staging, { recursive: true, force: true });
    throw failure;
  }
}

/** One sound, one picture, one word: what does not run is not put in place. */
async function tryOut(model: EmbeddingGemmaModel): Promise<void> {
  const { width, height } = model.videoInput;
  await model.embedText(['rain']);
  await model.embedAudio([Float32Array.from({ length: 16_000 }, (_, i) => 0.1 * Math.sin(i / 5))]);
  await model.embedVideo([{ data: new Uint8Array(width * height * 3).fill(128), count: 1 }]);
}

/** By the package, into a cache of its own, whose layout is the repository's. */
async function fetchWeights(
  transformers: TransformersPackage,
  dtype: Quantization,
  weights: string,
  { signal, env, onProgress }: PullOptions,
): Promise<void> {
  const cacheFolder = path.join(path.dirname(weights), 'cache');
  const builtIn = transformers.env.fetch;
  // Its own client knows no proxies, and can't be stopped.
  transformers.env.fetch = async (url, init) => {
    const headers = Object.fromEntries(init?.headers?.entries() ?? []);
    const response = await httpGet(String(url), { headers, signal, env });
    return new Response(Readable.toWeb(response) as ReadableStream<Uint8Array>, {
      status: response.statusCode,
      headers: Object.entries(response.headers).map(([name, value]): [string, string] => [name, `${value}`]),
    });
  };
  try {
    const { model } = await openRuntime(transformers, REPOSITORY, { dtype, cacheFolder, onProgress });
    await model.dispose();
  } catch (cause) {
    if (signal?.aborted) throw new EarshotError('cancelled', 'The download was stopped.');
    if (cause instanceof EarshotError) throw cause;
    const message = `The files of ${REPOSITORY} could not be fetched: ${(cause as Error).message} Try again later, or give a folder that holds them with --from.`;
    throw new EarshotError('server_unreachable', message, { subject: REPOSITORY, retryable: true, cause });
  } finally {
    transformers.env.fetch = builtIn;
  }
  await rm(weights, { recursive: true, force: true });
  await rename(path.join(cacheFolder, REPOSITORY), weights);
  await rm(cacheFolder, { recursive: true, force: true });
}

/** Of a copy of the repository, what this quantisation needs: other weights stay where they are. */
async function copyWeights(from: string, quantization: Quantization, weights: string): Promise<void> {
  const graphs = GRAPHS.map((graph) => `${graph}${GRAPH_ENDINGS[quantization]}.onnx`);
  const inOnnx = await readdir(path.join(from, 'onnx')).catch((): string[] => []);
  const data = inOnnx.filter((file) => graphs.some((graph) => file.startsWith(`${graph}_data`)));
  await rm(weights, { recursive: true, force: true });
  await mkdir(path.join(weights, 'onnx'), { recursive: true });
  for (const file of [...DESCRIPTIONS, ...[...graphs, ...data].map((name) => `onnx/${name}`)]) {
    const source = path.join(from, file);
    if (!(await stat(source).catch(() => null))?.isFile()) {
      const message = `${from} has no ${file}: it must hold the files of ${REPOSITORY} as they lie there, with the graphs of the quantisation ${quantization}.`;
      throw new EarshotError('file_not_found', message, { subject: source });
    }
    await copyFile(source, path.join(weights, file));
  }
}

async function describeFiles(weights: string): Promise<{ file: string; bytes: number; sha256: string }[]> {
  const entries = await readdir(weights, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      path.relative(weights, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'),
    );
  return Promise.all(
    files.sort().map(async (file) => {
      const hash = createHash('sha256');
      await pipeline(createReadStream(path.join(weights, file)), hash);
      const { size } = await stat(path.join(weights, file));
      return { file, bytes: size, sha256: hash.digest('hex') };
    }),
  );
}
