/** A trained two-tower checkpoint, answering as an `EmbeddingModel`. */
import { EarshotError } from '#core/errors';
import type { ModelManifest } from './checkpoint/manifest.ts';
import type { StoredSynchronization } from './checkpoint/synchronization.ts';
import type {
  AudioInputSpec,
  EmbeddingModel,
  FrameBlock,
  ModelIdentity,
  SegmentPlan,
  SynchronizationScene,
  VideoInputSpec,
} from './embedding-model.ts';
import { LogMelFrontEnd } from './front-ends/log-mel.ts';
import { logMelBatch } from './front-ends/log-mel-batch.ts';
import { videoBatch } from './front-ends/video-batch.ts';
import { checkSynchronization, type SynchronizationAnswer } from './synchronization/check-synchronization.ts';
import type { TowerBackend, TowerResult, VideoTowerResult } from './towers/tower-backend.ts';

/** Segments a forward pass: bounds memory, large enough that per-call costs vanish. */
const BATCH = 8;

export class TwoTowerEmbeddingModel implements EmbeddingModel {
  readonly identity: ModelIdentity;
  readonly segments: SegmentPlan;
  readonly audioInput: AudioInputSpec;
  readonly videoInput: VideoInputSpec;
  readonly #manifest: ModelManifest;
  readonly #towers: TowerBackend;
  readonly #frontEnd: LogMelFrontEnd;
  readonly checkSynchronization?: (scene: SynchronizationScene) => Promise<SynchronizationAnswer>;

  /**
   * @param towers          taken over: disposed of with the model
   * @param synchronization null where the model has no such head
   */
  constructor(
    manifest: ModelManifest,
    towers: TowerBackend,
    synchronization: StoredSynchronization | null = null,
  ) {
    this.#manifest = manifest;
    this.#towers = towers;
    this.identity = { id: manifest.id, version: manifest.version, dimension: manifest.dimension };
    this.segments = manifest.segments;
    this.audioInput = { sampleRateHz: manifest.frontEnds.audio.sampleRateHz };
    const { rateHz, width, height, fit } = manifest.frontEnds.video;
    this.videoInput = { rateHz, width, height, fit };
    this.#frontEnd = new LogMelFrontEnd(manifest.frontEnds.audio);
    if (synchronization) {
      const { head, leastSynchronizability } = synchronization;
      this.checkSynchronization = async ({ samples, luma, count }) =>
        checkSynchronization(head, samples, luma, count, leastSynchronizability);
    }
  }

  async embedAudio(waveforms: readonly Float32Array[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (let start = 0; start < waveforms.length; start += BATCH) {
      vectors.push(...(await this.#audioBatch(waveforms.slice(start, start + BATCH))));
    }
    return vectors;
  }

  async embedVideo(blocks: readonly FrameBlock[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    // Only blocks of one length share a forward pass; most do, so runs of equal length are batched.
    for (let start = 0; start < blocks.length; ) {
      let end = start + 1;
      while (end < blocks.length && end - start < BATCH && blocks[end]?.count === blocks[start]?.count) end++;
      vectors.push(...(await this.#videoBatch(blocks.slice(start, end))));
      start = end;
    }
    return vectors;
  }

  audioFeatures(waveform: Float32Array): Promise<TowerResult> {
    return this.#runAudio([waveform]);
  }

  videoFeatures(block: FrameBlock, mapFrames: readonly number[]): Promise<VideoTowerResult> {
    return this.#runVideo([block], mapFrames);
  }

  dispose(): void {
    this.#towers.dispose();
  }

  async #audioBatch(waveforms: readonly Float32Array[]): Promise<Float32Array[]> {
    return this.#rows((await this.#runAudio(waveforms)).embedding.data);
  }

  #runAudio(waveforms: readonly Float32Array[]): Promise<TowerResult> {
    const input = logMelBatch(this.#frontEnd, waveforms, this.#manifest.frontEnds.audio);
    return this.#towers.audio(input, waveforms.length);
  }

  async #videoBatch(blocks: readonly FrameBlock[]): Promise<Float32Array[]> {
    return this.#rows((await this.#runVideo(blocks)).embedding.data);
  }

  async #runVideo(
    blocks: readonly FrameBlock[],
    mapFrames: readonly number[] = [],
  ): Promise<VideoTowerResult> {
    const spec = this.#manifest.frontEnds.video;
    for (const block of blocks) {
      if (block.count < 1 || block.data.length !== block.count * spec.width * spec.height * 3) {
        throw new EarshotError(
          'shape_mismatch',
          `Frames of ${spec.width}x${spec.height} RGB are needed, at least one a segment.`,
        );
      }
    }
    const input = videoBatch(blocks, spec, this.#manifest.towers.video.motion);
    return this.#towers.video(input, blocks.length, mapFrames);
  }

  #rows(data: Float32Array): Float32Array[] {
    const { dimension } = this.identity;
    return Array.from({ length: data.length / dimension }, (_, i) =>
      data.slice(i * dimension, (i + 1) * dimension),
    );
  }
}
