/**
 * Convolution, batch normalisation and ReLU as one unit, dense or depthwise. In training the batch's own
 * statistics normalise; for serving, the running statistics are folded into kernel and bias once.
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { trainingBatchNorm } from '../engine/batch-norm.ts';
import type { ParameterStore } from './parameters.ts';

const EPSILON = 1e-3;

export interface ConvolutionOptions {
  kernelSize: number;
  inputChannels: number;
  /** Ignored by depthwise convolutions, which keep their channels. */
  outputChannels: number;
  /** Rows, columns. */
  strides?: [number, number];
  depthwise?: boolean;
  activation?: 'relu' | 'none';
}

export class ConvolutionUnit {
  readonly outputChannels: number;
  readonly #store: ParameterStore;
  readonly #options: Required<ConvolutionOptions>;
  readonly #kernel: tfTypes.Variable;
  readonly #gamma: tfTypes.Variable;
  readonly #beta: tfTypes.Variable;
  readonly #runningMean: tfTypes.Variable;
  readonly #runningVariance: tfTypes.Variable;
  #batchStatistics: { mean: tfTypes.Tensor; variance: tfTypes.Tensor } | null = null;
  #folded: { kernel: tfTypes.Tensor4D; bias: tfTypes.Tensor1D } | null = null;

  constructor(store: ParameterStore, name: string, options: ConvolutionOptions) {
    this.#store = store;
    this.#options = { strides: [1, 1], depthwise: false, activation: 'relu', ...options };
    const { kernelSize: k, inputChannels, depthwise } = this.#options;
    this.outputChannels = depthwise ? inputChannels : options.outputChannels;
    const fanIn = k * k * (depthwise ? 1 : inputChannels);
    const shape = depthwise ? [k, k, inputChannels, 1] : [k, k, inputChannels, this.outputChannels];
    this.#kernel = store.weight(`${name}/kernel`, shape, { kind: 'normal', deviation: Math.sqrt(2 / fanIn) });
    this.#gamma = store.weight(`${name}/gamma`, [this.outputChannels], { kind: 'constant', value: 1 });
    this.#beta = store.weight(`${name}/beta`, [this.outputChannels], { kind: 'constant', value: 0 });
    this.#runningMean = store.statistic(`${name}/mean`, [this.outputChannels], 0);
    this.#runningVariance = store.statistic(`${name}/variance`, [this.outputChannels], 1);
  }

  /** `[batch, height, width, inputChannels]` to `[batch, height', width', outputChannels]`. */
  apply(x: tfTypes.Tensor4D, training: boolean): tfTypes.Tensor4D {
    return training ? this.#applyTraining(x) : this.#applyServing(x);
  }

  /** Moves the running statistics towards the last batch's; called once after each optimiser step. */
  absorbBatchStatistics(momentum: number): void {
    if (!this.#batchStatistics) return;
    const { tf } = this.#store.engine;
    const { mean, variance } = this.#batchStatistics;
    for (const [running, batch] of [
      [this.#runningMean, mean],
      [this.#runningVariance, variance],
    ] as const) {
      tf.tidy(() => running.assign(tf.add(tf.mul(running, momentum), tf.mul(batch, 1 - momentum))));
      batch.dispose();
    }
    this.#batchStatistics = null;
  }

  /** Must be called when weights change after serving has begun. */
  forgetFolded(): void {
    this.#folded?.kernel.dispose();
    this.#folded?.bias.dispose();
    this.#folded = null;
  }

  #applyTraining(x: tfTypes.Tensor4D): tfTypes.Tensor4D {
    const { tf } = this.#store.engine;
    const { strides, depthwise, activation } = this.#options;
    const kernel = this.#kernel as unknown as tfTypes.Tensor4D;
    const z = depthwise
      ? tf.depthwiseConv2d(x, kernel, strides, 'same')
      : tf.conv2d(x, kernel, strides, 'same');
    const { y, mean, variance } = trainingBatchNorm(tf, z, this.#gamma, this.#beta, EPSILON);
    this.#batchStatistics?.mean.dispose();
    this.#batchStatistics?.variance.dispose();
    this.#batchStatistics = { mean: tf.keep(mean), variance: tf.keep(variance) };
    return (activation === 'relu' ? tf.relu(y) : y) as tfTypes.Tensor4D;
  }

  #applyServing(x: tfTypes.Tensor4D): tfTypes.Tensor4D {
    const { tf } = this.#store.engine;
    const { strides, depthwise, activation } = this.#options;
    this.#folded ??= this.#fold();
    const shared = {
      x,
      filter: this.#folded.kernel,
      strides,
      pad: 'same' as const,
      bias: this.#folded.bias,
      activation: activation === 'relu' ? ('relu' as const) : ('linear' as const),
    };
    return depthwise ? tf.fused.depthwiseConv2d(shared) : tf.fused.conv2d(shared);
  }

  #fold(): { kernel: tfTypes.Tensor4D; bias: tfTypes.Tensor1D } {
    const { tf } = this.#store.engine;
    const { depthwise, inputChannels } = this.#options;
    return tf.tidy(() => {
      const scale = tf.mul(this.#gamma, tf.rsqrt(tf.add(this.#runningVariance, EPSILON)));
      const perKernel = depthwise ? tf.reshape(scale, [1, 1, inputChannels, 1]) : scale;
      return {
        kernel: tf.keep(tf.mul(this.#kernel, perKernel)) as tfTypes.Tensor4D,
        bias: tf.keep(tf.sub(this.#beta, tf.mul(this.#runningMean, scale))) as tfTypes.Tensor1D,
      };
    });
  }
}

/** Depthwise 3x3, then pointwise 1x1: most of a full convolution's power at a ninth of its cost (MobileNet). */
export class SeparableBlock {
  readonly units: [ConvolutionUnit, ConvolutionUnit];
  readonly outputChannels: number;

  constructor(
    store: ParameterStore,
    name: string,
    options: { inputChannels: number; outputChannels: number; strides?: [number, number] },
  ) {
    const { inputChannels, outputChannels, strides } = options;
    this.outputChannels = outputChannels;
    this.units = [
      new ConvolutionUnit(store, `${name}/depthwise`, {
        kernelSize: 3,
        inputChannels,
        outputChannels: inputChannels,
        depthwise: true,
        strides,
      }),
      new ConvolutionUnit(store, `${name}/pointwise`, { kernelSize: 1, inputChannels, outputChannels }),
    ];
  }

  apply(x: tfTypes.Tensor4D, training: boolean): tfTypes.Tensor4D {
    const [depthwise, pointwise] = this.units;
    return pointwise.apply(depthwise.apply(x, training), training);
  }
}
