/**
 * The optional package that runs EmbeddingGemma 2, as far as it is used here. It is imported only where the model is
 * chosen, under a name the compiler does not follow: most installations are without it.
 */
import { EarshotError } from '#core/errors';

const PACKAGE = '@huggingface/transformers';
/** The first with `EmbeddingGemma2Model`. */
const LEAST_VERSION = '4.3.1';

/** An n-dimensional array of the package. */
interface PackageTensor {
  data: ArrayLike<number>;
  dims: readonly number[];
}

/** What goes into the model; the package's own business. */
type ModelInputs = Record<string, unknown>;

/** Opaque: a picture, and frames in order. */
type RawImage = object;
type RawVideo = object;

/** Turns words, waveforms and frames into the model's inputs. */
export type MediaProcessor = (
  text: string | null,
  images: null,
  audio: Float32Array | null,
  videos: RawVideo | null,
  options?: { truncation: boolean; max_length: number },
) => Promise<ModelInputs>;

export interface PackageModel {
  (inputs: ModelInputs): Promise<{ sentence_embedding: PackageTensor }>;
  dispose(): Promise<unknown>;
}

interface LoadingOptions {
  /** Where downloads are kept, by repository. */
  cache_dir?: string;
  local_files_only: boolean;
  progress_callback?: (event: { status: string; loaded?: number; total?: number }) => void;
}

interface ModelLoadingOptions extends LoadingOptions {
  device: 'cpu';
  dtype: string;
  session_options: { intraOpNumThreads: number; interOpNumThreads: number; logSeverityLevel: number };
}

/** Its own names. */
export interface TransformersPackage {
  EmbeddingGemma2Model: {
    from_pretrained(place: string, options: ModelLoadingOptions): Promise<PackageModel>;
  };
  EmbeddingGemma2Processor: {
    from_pretrained(place: string, options: LoadingOptions): Promise<MediaProcessor>;
  };
  /** Settings of the package as a whole. */
  env: { fetch(url: string | URL, init?: { headers?: Headers }): Promise<Response> };
  RawImage: new (data: Uint8Array, width: number, height: number, channels: 3) => RawImage;
  RawVideo: new (frames: RawImage[], durationSec: number) => RawVideo;
}

/**
 * @param name of the package, or the address of a file in it
 * @throws EarshotError `configuration_invalid` where it is not installed, or too old
 */
export async function loadTransformers(name: string = PACKAGE): Promise<TransformersPackage> {
  const install = `npm install ${PACKAGE}@^${LEAST_VERSION}`;
  let found: Partial<TransformersPackage>;
  try {
    found = await import(name);
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const message = isMissing
      ? `The model embeddinggemma-2 runs on the package ${PACKAGE}, which is not installed: run "${install}" in Earshot's folder, then this again.`
      : `The package ${PACKAGE}, which the model embeddinggemma-2 runs on, does not load: ${(cause as Error).message}`;
    throw new EarshotError('configuration_invalid', message, { subject: PACKAGE, cause });
  }
  if (!found.EmbeddingGemma2Model || !found.EmbeddingGemma2Processor) {
    const message = `The package ${PACKAGE} that is installed knows no EmbeddingGemma 2: run "${install}" in Earshot's folder, then this again.`;
    throw new EarshotError('configuration_invalid', message, { subject: PACKAGE });
  }
  return found as TransformersPackage;
}
