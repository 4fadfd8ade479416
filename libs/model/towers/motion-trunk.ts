/** Motion frames -> a small separable trunk -> one vector a frame: where something moved, and how. */
import type * as tfTypes from '@tensorflow/tfjs';
import { MOTION_CHANNELS, motionBlocks } from '../front-ends/motion.ts';
import { ConvolutionUnit, SeparableBlock } from '../layers/convolution.ts';
import type { ParameterStore } from '../layers/parameters.ts';
import { positionPool, positionPoolToOnnx } from '../layers/position-pool.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';

export interface MotionTrunkOptions {
  /** Side of the motion frames. */
  size: number;
  /** Output channels of the stem and of each separable block. */
  trunkChannels: [number, number, number];
}

export class MotionTrunk {
  readonly units: ConvolutionUnit[];
  /** Of the pooled vector. */
  readonly width: number;
  /** Of the motion frames' grid of blocks. */
  readonly #side: number;
  readonly #store: ParameterStore;
  readonly #stem: ConvolutionUnit;
  readonly #blocks: [SeparableBlock, SeparableBlock];

  constructor(store: ParameterStore, name: string, { size, trunkChannels }: MotionTrunkOptions) {
    this.#store = store;
    this.#side = motionBlocks({ size });
    const [c0, c1, c2] = trunkChannels;
    this.width = 2 * c2;
    this.#stem = new ConvolutionUnit(store, `${name}/stem`, {
      kernelSize: 3,
      inputChannels: MOTION_CHANNELS,
      outputChannels: c0,
      strides: [2, 2],
    });
    const block = (i: number, inputChannels: number, outputChannels: number) =>
      new SeparableBlock(store, `${name}/trunk/${i}`, { inputChannels, outputChannels, strides: [2, 2] });
    this.#blocks = [block(1, c0, c1), block(2, c1, c2)];
    this.units = [this.#stem, ...this.#blocks.flatMap((b) => b.units)];
  }

  /** `[frames, size / 2, size / 2, 8]` to `[frames, width]`: mean and maximum over positions. */
  apply(motion: tfTypes.Tensor4D, training: boolean): tfTypes.Tensor2D {
    let map = this.#stem.apply(motion, training);
    for (const block of this.#blocks) map = block.apply(map, training);
    return positionPool(this.#store.engine.tf, map);
  }
  /** `[frames, size / 2, size / 2, 8]` to `[frames, width]`. */
  toOnnx(graph: OnnxGraphBuilder, motion: OnnxValue): OnnxValue {
    let map = this.#stem.toOnnxFromPixels(graph, motion, { height: this.#side, width: this.#side });
    for (const block of this.#blocks) map = block.toOnnx(graph, map);
    return positionPoolToOnnx(graph, map);
  }
}
