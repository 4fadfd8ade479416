/**
 * Audio analysis network (AAN): a U-Net over the mixture's log-frequency spectrogram, answering K feature maps at every
 * point. Separable convolutions, and skips that are added, keep it small enough for a laptop core.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels", section 3.1; Chaurasia & Culurciello 2017, "LinkNet", for added skips
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { ConvolutionUnit, SeparableBlock } from '../../layers/convolution.ts';
import { Dense } from '../../layers/dense.ts';
import type { ParameterStore } from '../../layers/parameters.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../../onnx/graph-builder.ts';
import { BLOCK_POINTS } from './blocks.ts';

export interface AudioAnalysisOptions {
  /** Channels of the stem and of each further level, each of which halves time and frequency. */
  levelChannels: number[];
  /** K. */
  featureMaps: number;
}

export class AudioAnalysisNetwork {
  readonly units: ConvolutionUnit[];
  readonly #store: ParameterStore;
  readonly #options: AudioAnalysisOptions;
  readonly #stem: ConvolutionUnit;
  readonly #down: SeparableBlock[][];
  readonly #across: ConvolutionUnit[];
  readonly #up: SeparableBlock[];
  readonly #maps: Dense;

  constructor(store: ParameterStore, name: string, options: AudioAnalysisOptions) {
    this.#store = store;
    this.#options = options;
    const { levelChannels, featureMaps } = options;
    const [first, ...deeper] = levelChannels as [number, ...number[]];
    this.#stem = new ConvolutionUnit(store, `${name}/stem`, {
      kernelSize: 3,
      inputChannels: BLOCK_POINTS,
      outputChannels: first,
    });
    this.#down = deeper.map((outputChannels, i) => [
      new SeparableBlock(store, `${name}/down/${i}/halve`, {
        inputChannels: levelChannels[i] as number,
        outputChannels,
        strides: [2, 2],
      }),
      new SeparableBlock(store, `${name}/down/${i}/look`, {
        inputChannels: outputChannels,
        outputChannels,
        strides: [1, 1],
      }),
    ]);
    this.#across = deeper.map(
      (inputChannels, i) =>
        new ConvolutionUnit(store, `${name}/up/${i}/narrow`, {
          kernelSize: 1,
          inputChannels,
          outputChannels: levelChannels[i] as number,
          activation: 'none',
        }),
    );
    this.#up = deeper.map((_, i) => {
      const channels = levelChannels[i] as number;
      return new SeparableBlock(store, `${name}/up/${i}/look`, {
        inputChannels: channels,
        outputChannels: channels,
        strides: [1, 1],
      });
    });
    this.#maps = new Dense(store, `${name}/maps`, first, BLOCK_POINTS * featureMaps);
    this.units = [
      this.#stem,
      ...this.#down.flat().flatMap((block) => block.units),
      ...this.#across,
      ...this.#up.flatMap((block) => block.units),
    ];
  }

  /**
   * @param mixture `[batch, steps, 128, 4]`, in blocks
   * @returns `[batch, steps, 128 * 4, K]`
   */
  apply(mixture: tfTypes.Tensor4D, training: boolean): tfTypes.Tensor4D {
    const { tf } = this.#store.engine;
    let x = this.#stem.apply(mixture, training);
    const skips: tfTypes.Tensor4D[] = [];
    for (const level of this.#down) {
      skips.push(x);
      for (const block of level) x = block.apply(x, training);
    }
    for (let i = this.#down.length - 1; i >= 0; i--) {
      const skip = skips[i] as tfTypes.Tensor4D;
      const narrow = (this.#across[i] as ConvolutionUnit).apply(x, training);
      const wide = tf.image.resizeBilinear(narrow, [skip.shape[1], skip.shape[2]], true);
      x = (this.#up[i] as SeparableBlock).apply(tf.add(wide, skip), training);
    }
    const [batch, steps, rows] = mixture.shape;
    return tf.reshape(this.#maps.apply(x), [batch, steps, rows * BLOCK_POINTS, this.#options.featureMaps]);
  }

  /** Input and output as `apply` has them; batch and steps are free. */
  toOnnx(graph: OnnxGraphBuilder, mixture: OnnxValue): OnnxValue {
    let x = this.#stem.toOnnx(graph, graph.node('Transpose', [mixture], { perm: [0, 3, 1, 2] }));
    const skips: OnnxValue[] = [];
    for (const level of this.#down) {
      skips.push(x);
      for (const block of level) x = block.toOnnx(graph, x);
    }
    for (let i = this.#down.length - 1; i >= 0; i--) {
      const skip = skips[i] as OnnxValue;
      const narrow = (this.#across[i] as ConvolutionUnit).toOnnx(graph, x);
      const wide = graph.node('Resize', [narrow, null, null, graph.node('Shape', [skip])], {
        mode: 'linear',
        coordinate_transformation_mode: 'align_corners',
      });
      x = (this.#up[i] as SeparableBlock).toOnnx(graph, graph.node('Add', [wide, skip]));
    }
    const maps = this.#maps.toOnnx(graph, graph.node('Transpose', [x], { perm: [0, 2, 3, 1] }));
    // Zeros keep the input's size; the last two axes are rows times points, and K.
    return graph.node('Reshape', [maps, graph.int64([0, 0, -1, this.#options.featureMaps])]);
  }
}
