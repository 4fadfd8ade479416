/**
 * Video tower: frames -> trunk with stride 16 -> a map of positions for each frame -> one token a frame ->
 * temporal transformer -> projection head.
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { ConvolutionUnit, SeparableBlock } from '../layers/convolution.ts';
import { Dense } from '../layers/dense.ts';
import type { ParameterStore } from '../layers/parameters.ts';
import { TransformerEncoder } from '../layers/transformer.ts';
import type { TowerOutput } from './audio-tower.ts';
import { ProjectionHead } from './projection-head.ts';

export interface VideoTowerOptions {
  /** Output channels of the stem and of each separable block. */
  trunkChannels: [number, number, number, number, number, number];
  tokenWidth: number;
  numEncoderLayers: number;
  numHeads: number;
  embeddingDimension: number;
}

export interface VideoTowerOutput extends TowerOutput {
  /** `[batch * frames, height / 16, width / 16, channels]`: what was seen, and where. */
  map: tfTypes.Tensor4D;
}

export class VideoTower {
  readonly units: ConvolutionUnit[];
  readonly #store: ParameterStore;
  readonly #stem: ConvolutionUnit;
  readonly #blocks: SeparableBlock[];
  readonly #token: Dense;
  readonly #encoder: TransformerEncoder;
  readonly #head: ProjectionHead;

  constructor(store: ParameterStore, name: string, options: VideoTowerOptions) {
    this.#store = store;
    const [c0, c1, c2, c3, c4, c5] = options.trunkChannels;
    this.#stem = new ConvolutionUnit(store, `${name}/stem`, {
      kernelSize: 3,
      inputChannels: 3,
      outputChannels: c0,
      strides: [2, 2],
    });
    const block = (i: number, inputChannels: number, outputChannels: number, stride: number) =>
      new SeparableBlock(store, `${name}/trunk/${i}`, {
        inputChannels,
        outputChannels,
        strides: [stride, stride],
      });
    this.#blocks = [
      block(1, c0, c1, 2),
      block(2, c1, c2, 2),
      block(3, c2, c3, 1),
      block(4, c3, c4, 2),
      block(5, c4, c5, 1),
    ];
    // Mean and maximum over positions: the scene as a whole, and the one thing that stands out in it.
    this.#token = new Dense(store, `${name}/token`, 2 * c5, options.tokenWidth);
    this.#encoder = new TransformerEncoder(store, `${name}/encoder`, {
      width: options.tokenWidth,
      heads: options.numHeads,
      layers: options.numEncoderLayers,
    });
    this.#head = new ProjectionHead(store, `${name}/head`, options.tokenWidth, options.embeddingDimension);
    this.units = [this.#stem, ...this.#blocks.flatMap((b) => b.units), ...this.#head.units];
  }

  /**
   * @param frames   `[batch * count, height, width, 3]`, normalised
   * @param timesSec `[batch * count]`: when each frame is on screen, from the segment's start
   * @param batch    how many clips the frames belong to
   */
  apply(
    frames: tfTypes.Tensor4D,
    timesSec: Float32Array,
    batch: number,
    training: boolean,
  ): VideoTowerOutput {
    const { tf } = this.#store.engine;
    let map = this.#stem.apply(frames, training);
    for (const block of this.#blocks) map = block.apply(map, training);
    const pooled = tf.concat([tf.mean(map, [1, 2]), tf.max(map, [1, 2])], 1);
    const tokens = tf.reshape(this.#token.apply(pooled), [batch, timesSec.length / batch, -1]);
    const encoded = this.#encoder.apply(tokens, timesSec) as tfTypes.Tensor3D;
    const embedding = this.#head.apply(tf.mean(encoded, 1) as tfTypes.Tensor2D, training);
    return { embedding, steps: encoded, map };
  }
}
