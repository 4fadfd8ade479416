/** Frozen towers with projection heads that were learned on a catalog's own pairs, answering as an `EmbeddingModel`. */
import type { AdaptedManifest } from '../checkpoint/manifest.ts';
import type {
  AudioInputSpec,
  EmbeddingModel,
  FrameBlock,
  ModelIdentity,
  SegmentPlan,
  TextEmbedding,
  VideoInputSpec,
} from '../embedding-model.ts';
import { adaptedIdentity, requireSameBase } from './adapted-folder.ts';
import { applyHead, type HeadKernels, meanKernel } from './residual-head.ts';

export class AdaptedModel implements EmbeddingModel {
  readonly identity: ModelIdentity;
  readonly segments: SegmentPlan;
  readonly audioInput: AudioInputSpec;
  readonly videoInput: VideoInputSpec;
  /** Missing where the towers take no words. */
  readonly embedText?: (texts: readonly string[]) => Promise<TextEmbedding[]>;
  readonly #base: EmbeddingModel;
  readonly #kernels: HeadKernels;

  private constructor(base: EmbeddingModel, kernels: HeadKernels, manifest: AdaptedManifest) {
    this.#base = base;
    this.#kernels = kernels;
    this.identity = adaptedIdentity(manifest);
    this.segments = manifest.segments;
    this.audioInput = base.audioInput;
    this.videoInput = base.videoInput;
    if (base.embedText) {
      const kernel = meanKernel(kernels);
      this.embedText = async (texts) => {
        const embedded = (await base.embedText?.(texts)) ?? [];
        return embedded.map((text) => ({ ...text, vector: applyHead(kernel, text.vector) }));
      };
    }
  }

  /**
   * @param base taken over: disposed of with the model, at once where it does not fit
   * @throws EarshotError `model_invalid` where the heads were learned on other towers
   */
  static on(base: EmbeddingModel, kernels: HeadKernels, manifest: AdaptedManifest): AdaptedModel {
    try {
      requireSameBase(manifest, base.identity);
    } catch (error) {
      base.dispose();
      throw error;
    }
    return new AdaptedModel(base, kernels, manifest);
  }

  async embedAudio(waveforms: readonly Float32Array[]): Promise<Float32Array[]> {
    const vectors = await this.#base.embedAudio(waveforms);
    return vectors.map((vector) => applyHead(this.#kernels.audio, vector));
  }

  async embedVideo(blocks: readonly FrameBlock[]): Promise<Float32Array[]> {
    const vectors = await this.#base.embedVideo(blocks);
    return vectors.map((vector) => applyHead(this.#kernels.video, vector));
  }

  dispose(): void {
    this.#base.dispose();
  }
}
