/**
 * EmbeddingGemma 2 as an `EmbeddingModel`: one network takes words, waveforms and frames, and answers one vector of
 * 768 numbers, whose beginning may stand for the whole.
 *
 * @see Kusupati et al. 2022, "Matryoshka Representation Learning", for vectors that may be cut short
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import type { EmbeddingGemmaManifest } from '../checkpoint/embedding-gemma-manifest.ts';
import type {
  AudioInputSpec,
  EmbeddingModel,
  FrameBlock,
  ModelIdentity,
  SegmentPlan,
  TextEmbedding,
  VideoInputSpec,
} from '../embedding-model.ts';
import { embeddingGemmaIdentity, WEIGHTS_FOLDER } from './manifest.ts';
import {
  loadTransformers,
  type MediaProcessor,
  type PackageModel,
  type TransformersPackage,
} from './transformers-package.ts';

/** The publisher's prompt for what is searched with. What is searched here is media, which takes no prompt. */
const QUERY_PROMPT = 'task: search result | query: ';
/** Marks in a text that the processor would take for media. */
const PLACEHOLDERS = /<\|?(?:image|audio|video)\|?>/g;
/** Tokens that a text may have. */
const MAX_TOKENS = 8192;
/** Less gives no token at all. */
const LEAST_SAMPLES = 1600;
const LOG_ERRORS_ONLY = 3;

/** The network, ready to run. */
export interface EmbeddingGemmaRuntime {
  processor: MediaProcessor;
  model: PackageModel;
  package: Pick<TransformersPackage, 'RawImage' | 'RawVideo'>;
}

interface OpeningOptions {
  dtype: string;
  /** Given: files that are missing are fetched, and kept here by repository. Left out: nothing is fetched. */
  cacheFolder?: string;
  onProgress?(bytes: number, total: number): void;
}

/**
 * @param place folder of the publisher's files, or the repository's name where files may be fetched
 * @throws whatever the package throws
 */
export async function openRuntime(
  transformers: TransformersPackage,
  place: string,
  { dtype, cacheFolder, onProgress }: OpeningOptions,
): Promise<EmbeddingGemmaRuntime> {
  const options = {
    local_files_only: cacheFolder === undefined,
    ...(cacheFolder !== undefined && { cache_dir: cacheFolder }),
    ...(onProgress && {
      progress_callback: ({
        status,
        loaded = 0,
        total = 0,
      }: {
        status: string;
        loaded?: number;
        total?: number;
      }) => {
        if (status === 'progress_total') onProgress(loaded, total);
      },
    }),
  };
  const processor = await transformers.EmbeddingGemma2Processor.from_pretrained(place, options);
  const model = await transformers.EmbeddingGemma2Model.from_pretrained(place, {
    ...options,
    device: 'cpu',
    dtype,
    session_options: { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: LOG_ERRORS_ONLY },
  });
  return { processor, model, package: transformers };
}

export class EmbeddingGemmaModel implements EmbeddingModel {
  readonly identity: ModelIdentity;
  readonly segments: SegmentPlan;
  readonly audioInput: AudioInputSpec;
  readonly videoInput: VideoInputSpec;
  readonly #runtime: EmbeddingGemmaRuntime;

  constructor(manifest: EmbeddingGemmaManifest, runtime: EmbeddingGemmaRuntime) {
    this.identity = embeddingGemmaIdentity(manifest);
    this.segments = manifest.segments;
    this.audioInput = manifest.frontEnds.audio;
    this.videoInput = manifest.frontEnds.video;
    this.#runtime = runtime;
  }

  /**
   * From the folder alone; nothing is fetched.
   *
   * @param transformers left out: the installed package
   * @throws EarshotError `configuration_invalid` without the package; `checkpoint_invalid` for files that are missing
   *   or of another size; `model_invalid` where the package can't take them
   */
  static async load(
    folder: string,
    manifest: EmbeddingGemmaManifest,
    transformers?: TransformersPackage,
  ): Promise<EmbeddingGemmaModel> {
    const weights = path.resolve(folder, WEIGHTS_FOLDER);
    await checkFiles(weights, manifest);
    const installed = transformers ?? (await loadTransformers());
    try {
      const runtime = await openRuntime(installed, weights, { dtype: manifest.towers.quantization });
      return new EmbeddingGemmaModel(manifest, runtime);
    } catch (cause) {
      const message = `${folder} does not load: ${firstLine(cause)} Fetch it again with "earshot models pull ${manifest.id}".`;
      throw new EarshotError('model_invalid', message, { subject: folder, cause });
    }
  }

  async embedAudio(waveforms: readonly Float32Array[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (const waveform of waveforms) {
      const { processor } = this.#runtime;
      vectors.push(await this.#embed(await processor(null, null, longEnough(waveform), null)));
    }
    return vectors;
  }

  /** @throws EarshotError `shape_mismatch` for blocks without frames or of another size */
  async embedVideo(blocks: readonly FrameBlock[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (const block of blocks) {
      const { processor } = this.#runtime;
      vectors.push(await this.#embed(await processor(null, null, null, this.#toVideo(block))));
    }
    return vectors;
  }

  /** @throws EarshotError `invalid_argument` for a text of no words */
  async embedText(texts: readonly string[]): Promise<TextEmbedding[]> {
    const embedded: TextEmbedding[] = [];
    for (const text of texts) {
      const plain = text.replaceAll(PLACEHOLDERS, ' ').trim();
      if (plain === '') throw new EarshotError('invalid_argument', 'The text says nothing: give some words.');
      const truncated = { truncation: true, max_length: MAX_TOKENS };
      const inputs = await this.#runtime.processor(`${QUERY_PROMPT}${plain}`, null, null, null, truncated);
      // The network takes a text as a whole: there is no word that it leaves out.
      embedded.push({ vector: await this.#embed(inputs), understood: [], unknownWords: [] });
    }
    return embedded;
  }

  dispose(): void {
    // Nobody waits for memory to be given back.
    void this.#runtime.model.dispose().catch(() => undefined);
  }

  #toVideo({ data, count }: FrameBlock): object {
    const { width, height, rateHz } = this.videoInput;
    const size = width * height * 3;
    if (count < 1 || data.length !== count * size) {
      const message = `Frames of ${width}x${height} RGB are needed, at least one a segment.`;
      throw new EarshotError('shape_mismatch', message);
    }
    const { RawImage, RawVideo } = this.#runtime.package;
    const frames = Array.from(
      { length: count },
      (_, i) => new RawImage(data.subarray(i * size, (i + 1) * size), width, height, 3),
    );
    return new RawVideo(frames, count / rateHz);
  }

  async #embed(inputs: Record<string, unknown>): Promise<Float32Array> {
    const { sentence_embedding: embedding } = await this.#runtime.model(inputs);
    return cutShort(embedding.data, this.identity.dimension);
  }
}

/** The beginning of a vector, scaled to unit length. @throws EarshotError `model_invalid` where it has none */
function cutShort(vector: ArrayLike<number>, dimension: number): Float32Array {
  const beginning = Float64Array.from({ length: dimension }, (_, i) => vector[i] ?? Number.NaN);
  const norm = Math.hypot(...beginning);
  if (norm > 0 && Number.isFinite(norm)) return Float32Array.from(beginning, (value) => value / norm);
  const message =
    'The network answered no vector: this quantisation does not suit this machine. Fetch another with "earshot models pull embeddinggemma-2 --quantization".';
  throw new EarshotError('model_invalid', message);
}

function longEnough(waveform: Float32Array): Float32Array {
  if (waveform.length >= LEAST_SAMPLES) return waveform;
  const padded = new Float32Array(LEAST_SAMPLES);
  padded.set(waveform);
  return padded;
}

/** Sizes only: a gigabyte is not read twice at every start. @throws EarshotError `checkpoint_invalid` */
async function checkFiles(weights: string, { id, towers }: EmbeddingGemmaManifest): Promise<void> {
  for (const { file, bytes } of towers.files) {
    const place = path.join(weights, file);
    const found = await stat(place).catch(() => null);
    if (found?.size === bytes) continue;
    const what = found ? `has ${found.size} bytes instead of ${bytes}` : 'is missing';
    const message = `${place} ${what}: fetch the model again with "earshot models pull ${id}".`;
    throw new EarshotError('checkpoint_invalid', message, { subject: place });
  }
}

function firstLine(cause: unknown): string {
  const text = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]?.trim() ?? '';
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
