/**
 * Checked media through one tower, segment by segment, and gradients the same way back. An embedding of several
 * segments is their mean, scaled to unit length again.
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { FrontEnds } from '../checkpoint/manifest.ts';
import type { SegmentPlan } from '../embedding-model.ts';
import { LogMelFrontEnd } from '../front-ends/log-mel.ts';
import { logMelBatch } from '../front-ends/log-mel-batch.ts';
import type { PixelBlock, VideoBatch } from '../front-ends/video-batch.ts';
import { viewCount, viewedBatch, viewedPixelGradient } from '../front-ends/views.ts';
import { unitLength } from '../layers/unit-length.ts';
import type { TwoTowerNetwork } from '../towers/two-tower.ts';
import { dot } from './dot.ts';
import type { VideoFrames } from './inputs.ts';
import { type Segment, segmentsOf } from './segments.ts';

/** Segments a forward pass: bounds memory, whatever the length of the clip. */
const BATCH = 8;

export interface Embedded {
  /** `[dimension]`, unit length. */
  embedding: Float32Array;
  /** Length of the segments' mean; 1 for one segment. */
  meanLength: number;
  segments: Segment[];
}

interface SegmentedVideo extends VideoBatch {
  /** Segments in it, each in every view. */
  batch: number;
}

export class TowerPasses {
  readonly #network: TwoTowerNetwork;
  readonly #frontEnds: FrontEnds;
  readonly #plan: SegmentPlan;
  readonly #logMel: LogMelFrontEnd;

  constructor(network: TwoTowerNetwork, frontEnds: FrontEnds, plan: SegmentPlan) {
    this.#network = network;
    this.#frontEnds = frontEnds;
    this.#plan = plan;
    this.#logMel = new LogMelFrontEnd(frontEnds.audio);
  }

  embedAudio(samples: Float32Array): Embedded {
    const segments = segmentsOf(samples.length, this.#frontEnds.audio.sampleRateHz, this.#plan);
    const vectors = batches(segments).flatMap((batch) => {
      const input = this.#logMelOf(samples, batch);
      return this.#rows(() => this.#audioEmbedding(this.#audioTensor(input)));
    });
    return { ...pooled(vectors), segments };
  }

  /** What the audio tower makes of one segment, step by step: `[steps, tokenWidth]`. */
  audioSteps(samples: Float32Array): Float32Array {
    const { tf } = this.#network.engine;
    const input = logMelBatch(this.#logMel, [samples], this.#frontEnds.audio);
    const steps = tf.tidy(() => this.#network.audio.apply(this.#audioTensor(input), false).steps);
    const data = steps.dataSync() as Float32Array;
    steps.dispose();
    return data;
  }

  embedVideo(frames: VideoFrames): Embedded {
    const segments = segmentsOf(frames.count, this.#frontEnds.video.rateHz, this.#plan);
    const vectors = batches(segments).flatMap((batch) => {
      const input = this.#videoInput(frames, batch);
      return this.#rows(() => this.#videoEmbedding(input, ...this.#videoTensors(input)));
    });
    return { ...pooled(vectors), segments };
  }

  /**
   * How `dot(embedding, direction)` changes with each sample.
   *
   * @param of what `embedAudio` answered for the same samples
   */
  audioGradient(samples: Float32Array, of: Embedded, direction: Float32Array): Float32Array {
    const { tf } = this.#network.engine;
    const gradient = new Float64Array(samples.length);
    const { bands, frames, normalization } = this.#frontEnds.audio;
    for (const batch of batches(of.segments)) {
      const tensor = tf.tidy(() => {
        const cotangents = this.#cotangents(of, direction, batch.length);
        const through = (x: tfTypes.Tensor) =>
          tf.sum(tf.mul(this.#audioEmbedding(x as tfTypes.Tensor4D), cotangents));
        return tf.grad(through)(this.#audioTensor(this.#logMelOf(samples, batch)));
      });
      const perLogMel = (tensor.dataSync() as Float32Array).map((value) => value / normalization.deviation);
      tensor.dispose();
      batch.forEach(({ start, length }, row) => {
        const rows = perLogMel.subarray(row * frames * bands, (row + 1) * frames * bands);
        addInto(gradient, this.#logMel.gradient(samples.subarray(start, start + length), rows), start);
      });
    }
    return Float32Array.from(gradient);
  }

  /**
   * How `dot(embedding, direction)` changes with each pixel, for pixels in 0..1.
   *
   * @param of what `embedVideo` answered for the same frames
   */
  videoGradient(frames: VideoFrames, of: Embedded, direction: Float32Array): Float32Array {
    const { tf } = this.#network.engine;
    const spec = this.#frontEnds.video;
    const { motion } = this.#network.options.video;
    const gradient = new Float64Array(frames.data.length);
    for (const batch of batches(of.segments)) {
      const input = this.#videoInput(frames, batch);
      const tensors = tf.tidy(() => {
        const cotangents = this.#cotangents(of, direction, batch.length);
        const through = (...x: tfTypes.Tensor[]) => {
          const [colour, moving = null] = x as [tfTypes.Tensor4D, tfTypes.Tensor4D?];
          return tf.sum(tf.mul(this.#videoEmbedding(input, colour, moving), cotangents));
        };
        const inputs = this.#videoTensors(input).filter((tensor) => tensor !== null);
        return tf.grads(through)(inputs);
      });
      const [colour, moving = null] = tensors.map((tensor) => tensor.dataSync()) as [
        Float32Array,
        Float32Array?,
      ];
      tf.dispose(tensors);
      batch.forEach(({ start, length }, block) => {
        const place = { block, blocks: batch.length, count: length };
        const pixels = viewedPixelGradient({ colour, motion: moving }, place, spec, motion);
        addInto(gradient, pixels, start * spec.width * spec.height * 3);
      });
    }
    return Float32Array.from(gradient);
  }

  /**
   * Gradient of `dot(embedding, direction)` for each segment's vector: through the scaling to unit length, then through
   * the mean.
   */
  #cotangents(of: Embedded, direction: Float32Array, rows: number): tfTypes.Tensor2D {
    const { tf } = this.#network.engine;
    const score = dot(of.embedding, direction);
    const factor = 1 / (of.meanLength * of.segments.length);
    const row = direction.map((value, i) => (value - score * (of.embedding[i] as number)) * factor);
    return tf.tile(tf.tensor2d(row, [1, row.length]), [rows, 1]);
  }

  #logMelOf(samples: Float32Array, segments: readonly Segment[]): Float32Array {
    const parts = segments.map(({ start, length }) => samples.subarray(start, start + length));
    return logMelBatch(this.#logMel, parts, this.#frontEnds.audio);
  }

  #audioTensor(input: Float32Array): tfTypes.Tensor4D {
    const { frames, bands } = this.#frontEnds.audio;
    return this.#network.engine.tf.tensor4d(input, [input.length / (frames * bands), frames, bands, 1]);
  }

  #audioEmbedding(logMel: tfTypes.Tensor4D): tfTypes.Tensor2D {
    return this.#network.audio.apply(logMel, false).embedding;
  }

  #videoInput(frames: VideoFrames, segments: readonly Segment[]): SegmentedVideo {
    const { width, height } = this.#frontEnds.video;
    const size = width * height * 3;
    const blocks: PixelBlock[] = segments.map(({ start, length }) => ({
      data: frames.data.subarray(start * size, (start + length) * size),
      count: length,
    }));
    const batch = viewedBatch(blocks, this.#frontEnds.video, this.#network.options.video.motion);
    return { ...batch, batch: segments.length };
  }

  #videoTensors(input: SegmentedVideo): [tfTypes.Tensor4D, tfTypes.Tensor4D | null] {
    const { tf } = this.#network.engine;
    const { width, height } = this.#frontEnds.video;
    return [
      tf.tensor4d(input.frames, [input.frameTimesSec.length, height, width, 3]),
      input.motion && tf.tensor4d(input.motion.data, input.motion.shape),
    ];
  }

  #videoEmbedding(
    { frameTimesSec, motionTimesSec, batch }: SegmentedVideo,
    frames: tfTypes.Tensor4D,
    motion: tfTypes.Tensor4D | null,
  ): tfTypes.Tensor2D {
    const { tf } = this.#network.engine;
    const views = viewCount(this.#frontEnds.video);
    const input = { frames, frameTimesSec, motion, motionTimesSec, batch: views * batch };
    const { embedding } = this.#network.video.apply(input, false);
    if (views === 1) return embedding;
    const mean = tf.mean(tf.reshape(embedding, [views, batch, -1]), 0);
    return unitLength(tf, mean as tfTypes.Tensor2D);
  }

  #rows(compute: () => tfTypes.Tensor2D): Float32Array[] {
    const tensor = this.#network.engine.tf.tidy(compute);
    const data = tensor.dataSync() as Float32Array;
    const [rows, width] = tensor.shape;
    tensor.dispose();
    return Array.from({ length: rows }, (_, i) => data.slice(i * width, (i + 1) * width));
  }
}

function batches(segments: readonly Segment[]): Segment[][] {
  return Array.from({ length: Math.ceil(segments.length / BATCH) }, (_, i) =>
    segments.slice(i * BATCH, (i + 1) * BATCH),
  );
}

function pooled(vectors: readonly Float32Array[]): Omit<Embedded, 'segments'> {
  const [first] = vectors as [Float32Array];
  if (vectors.length === 1) return { embedding: first, meanLength: 1 };
  const mean = Float64Array.from(first, (_, i) => {
    let sum = 0;
    for (const vector of vectors) sum += vector[i] as number;
    return sum / vectors.length;
  });
  // Segments that contradict each other to nothing leave a vector without direction; it stays as it is.
  const meanLength = Math.hypot(...mean) || 1;
  return { embedding: Float32Array.from(mean, (value) => value / meanLength), meanLength };
}

function addInto(target: Float64Array, values: Float32Array, at: number): void {
  for (let i = 0; i < values.length; i++) target[at + i] = (target[at + i] as number) + (values[i] as number);
}
