/** A trained two-tower checkpoint, answering as an `EmbeddingModel`. */
import { EarshotError } from '#core/errors';
import type { ModelManifest } from './checkpoint/manifest.ts';
import type {
  AudioInputSpec,
  EmbeddingModel,
  FrameBlock,
  ModelIdentity,
  SegmentPlan,
  VideoInputSpec,
} from './embedding-model.ts';
import { LogMelFrontEnd } from './front-ends/log-mel.ts';
import { logMelBatch } from './front-ends/log-mel-batch.ts';
import { videoBatch } from './front-ends/video-batch.ts';
import type { TwoTowerNetwork } from './towers/two-tower.ts';

/** Segments a forward pass: bounds memory, large enough that per-call costs vanish. */
const BATCH = 8;

export class TwoTowerEmbeddingModel implements EmbeddingModel {
  readonly identity: ModelIdentity;
  readonly segments: SegmentPlan;
  readonly audioInput: AudioInputSpec;
  readonly videoInput: VideoInputSpec;
  readonly #manifest: ModelManifest;
  readonly #network: TwoTowerNetwork;
  readonly #frontEnd: LogMelFrontEnd;

  constructor(manifest: ModelManifest, network: TwoTowerNetwork) {
    this.#manifest = manifest;
    this.#network = network;
    this.identity = { id: manifest.id, version: manifest.version, dimension: manifest.dimension };
    this.segments = manifest.segments;
    this.audioInput = { sampleRateHz: manifest.frontEnds.audio.sampleRateHz };
    const { rateHz, width, height, fit } = manifest.frontEnds.video;
    this.videoInput = { rateHz, width, height, fit };
    this.#frontEnd = new LogMelFrontEnd(manifest.frontEnds.audio);
  }

  async embedAudio(waveforms: readonly Float32Array[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (let start = 0; start < waveforms.length; start += BATCH) {
      vectors.push(...this.#audioBatch(waveforms.slice(start, start + BATCH)));
    }
    return vectors;
  }

  async embedVideo(blocks: readonly FrameBlock[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    // Only blocks of one length share a forward pass; most do, so runs of equal length are batched.
    for (let start = 0; start < blocks.length; ) {
      let end = start + 1;
      while (end < blocks.length && end - start < BATCH && blocks[end]?.count === blocks[start]?.count) end++;
      vectors.push(...this.#videoBatch(blocks.slice(start, end)));
      start = end;
    }
    return vectors;
  }

  dispose(): void {
    this.#network.dispose();
  }

  #audioBatch(waveforms: readonly Float32Array[]): Float32Array[] {
    const { tf } = this.#network.engine;
    const spec = this.#manifest.frontEnds.audio;
    const input = logMelBatch(this.#frontEnd, waveforms, spec);
    const embedding = tf.tidy(
      () =>
        this.#network.audio.apply(tf.tensor4d(input, [waveforms.length, spec.frames, spec.bands, 1]), false)
          .embedding,
    );
    return this.#rows(embedding.dataSync() as Float32Array, () => embedding.dispose());
  }

  #videoBatch(blocks: readonly FrameBlock[]): Float32Array[] {
    const { tf } = this.#network.engine;
    const spec = this.#manifest.frontEnds.video;
    for (const block of blocks) {
      if (block.count < 1 || block.data.length !== block.count * spec.width * spec.height * 3) {
        throw new EarshotError(
          'shape_mismatch',
          `Frames of ${spec.width}x${spec.height} RGB are needed, at least one a segment.`,
        );
      }
    }
    const input = videoBatch(blocks, spec, this.#network.options.video.motion);
    const embedding = tf.tidy(() => {
      const frames = tf.tensor4d(input.frames, [input.frameTimesSec.length, spec.height, spec.width, 3]);
      const motion = input.motion && tf.tensor4d(input.motion.data, input.motion.shape);
      const { frameTimesSec, motionTimesSec } = input;
      const batch = blocks.length;
      return this.#network.video.apply({ frames, frameTimesSec, motion, motionTimesSec, batch }, false)
        .embedding;
    });
    return this.#rows(embedding.dataSync() as Float32Array, () => embedding.dispose());
  }

  #rows(data: Float32Array, dispose: () => void): Float32Array[] {
    const { dimension } = this.identity;
    const rows = Array.from({ length: data.length / dimension }, (_, i) =>
      data.slice(i * dimension, (i + 1) * dimension),
    );
    dispose();
    return rows;
  }
}
