/**
 * Convolution, batch normalisation and ReLU as one unit, dense or depthwise. In training the batch's own
 * statistics normalise; for serving, the running statistics are folded into kernel and bias once. In an ONNX graph
 * channels come before height and width.
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { EarshotError } from '#core/errors';
import { trainingBatchNorm } from '../engine/batch-norm.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';
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

/** Of the unit's outputs before normalisation; `[channels]` each. */
export interface BatchStatistics {
  mean: Float32Array;
  variance: Float32Array;
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

  /** `[batch, inputChannels, height, width]` to `[batch, outputChannels, height', width']`, as in serving. */
  toOnnx(graph: OnnxGraphBuilder, x: OnnxValue): OnnxValue {
    const { kernelSize: k, inputChannels, strides, depthwise } = this.#options;
    const { kernel, bias } = this.#foldedArrays();
    const inputsPerOutput = depthwise ? 1 : inputChannels;
    const weights = graph.constant(outputsFirst(kernel, k * k, inputsPerOutput, this.outputChannels), [
      this.outputChannels,
      inputsPerOutput,
      k,
      k,
    ]);
    const y = graph.node('Conv', [x, weights, graph.constant(bias, [this.outputChannels])], {
      kernel_shape: [k, k],
      strides,
      group: depthwise ? inputChannels : 1,
      // TensorFlow's `same`: what padding is left over goes to the end.
      auto_pad: 'SAME_UPPER',
    });
    return this.#activated(graph, y);
  }

  /**
   * The same of pictures as they lie in memory, `[batch, height, width, inputChannels]`, without a transposition: a row
   * of pixels is a row of numbers, over which a kernel as many times as wide moves as many times as far.
   *
   * @param size of the pictures: how far `same` pads depends on it
   * @throws EarshotError `shape_mismatch` for a depthwise unit
   */
  toOnnxFromPixels(
    graph: OnnxGraphBuilder,
    pictures: OnnxValue,
    size: { height: number; width: number },
  ): OnnxValue {
    const { kernelSize: k, inputChannels, strides, depthwise } = this.#options;
    if (depthwise)
      throw new EarshotError('shape_mismatch', 'A depthwise convolution has a kernel a channel.');
    const { kernel, bias } = this.#foldedArrays();
    const numbers = k * k * inputChannels;
    const weights = graph.constant(outputsFirst(kernel, numbers, 1, this.outputChannels), [
      this.outputChannels,
      1,
      k,
      k * inputChannels,
    ]);
    const shape = graph.int64([-1, 1, size.height, size.width * inputChannels]);
    const rows = padding(size.height, k, strides[0]);
    const columns = padding(size.width, k, strides[1]);
    const y = graph.node(
      'Conv',
      [graph.node('Reshape', [pictures, shape]), weights, graph.constant(bias, [this.outputChannels])],
      {
        kernel_shape: [k, k * inputChannels],
        strides: [strides[0], strides[1] * inputChannels],
        pads: [rows.before, columns.before * inputChannels, rows.after, columns.after * inputChannels],
      },
    );
    return this.#activated(graph, y);
  }

  /**
   * The same for vectors, `[..., inputChannels]` to `[..., outputChannels]`: one matrix product.
   *
   * @throws EarshotError `shape_mismatch` for any unit but a pointwise one
   */
  toOnnxOverLastAxis(graph: OnnxGraphBuilder, x: OnnxValue): OnnxValue {
    const { kernelSize, inputChannels, strides, depthwise } = this.#options;
    if (kernelSize !== 1 || depthwise || strides.some((stride) => stride !== 1)) {
      throw new EarshotError('shape_mismatch', 'Only a 1x1 convolution without strides is a matrix product.');
    }
    const { kernel, bias } = this.#foldedArrays();
    const product = graph.node('MatMul', [x, graph.constant(kernel, [inputChannels, this.outputChannels])]);
    return this.#activated(graph, graph.node('Add', [product, graph.constant(bias, [this.outputChannels])]));
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

  /** @throws EarshotError `internal` where no batch has been through since the last time */
  takeBatchStatistics(): BatchStatistics {
    const held = this.#batchStatistics;
    if (!held) throw new EarshotError('internal', 'No training batch has been through this unit.');
    const [mean, variance] = [held.mean, held.variance].map((x) => Float32Array.from(x.dataSync()));
    this.#hold(null);
    return { mean, variance } as BatchStatistics;
  }

  putBatchStatistics({ mean, variance }: BatchStatistics): void {
    const { tf } = this.#store.engine;
    this.#hold({ mean: tf.tensor1d(mean), variance: tf.tensor1d(variance) });
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
    const { y, mean, variance } = trainingBatchNorm(tf, z, this.#gamma, this.#beta, EPSILON, activation);
    this.#hold({ mean: tf.keep(mean), variance: tf.keep(variance) });
    return y as tfTypes.Tensor4D;
  }

  #hold(statistics: { mean: tfTypes.Tensor; variance: tfTypes.Tensor } | null): void {
    this.#batchStatistics?.mean.dispose();
    this.#batchStatistics?.variance.dispose();
    this.#batchStatistics = statistics;
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

  #foldedArrays(): { kernel: Float32Array; bias: Float32Array } {
    this.#folded ??= this.#fold();
    const { kernel, bias } = this.#folded;
    return { kernel: kernel.dataSync() as Float32Array, bias: bias.dataSync() as Float32Array };
  }

  #activated(graph: OnnxGraphBuilder, y: OnnxValue): OnnxValue {
    return this.#options.activation === 'relu' ? graph.node('Relu', [y]) : y;
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

/** TensorFlow's `same`: as many outputs as strides fit, and what padding is left over goes to the end. */
function padding(size: number, kernelSize: number, stride: number): { before: number; after: number } {
  const whole = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernelSize - size);
  const before = Math.floor(whole / 2);
  return { before, after: whole - before };
}

/** `[positions, inputs, outputs]` to `[outputs, inputs, positions]`. */
function outputsFirst(
  kernel: Float32Array,
  positions: number,
  inputs: number,
  outputs: number,
): Float32Array {
  const result = new Float32Array(kernel.length);
  let at = 0;
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      for (let position = 0; position < positions; position++, at++) {
        result[at] = kernel[(position * inputs + input) * outputs + output] as number;
      }
    }
  }
  return result;
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
  /** `[batch, inputChannels, height, width]` to `[batch, outputChannels, height', width']`. */
  toOnnx(graph: OnnxGraphBuilder, x: OnnxValue): OnnxValue {
    const [depthwise, pointwise] = this.units;
    return pointwise.toOnnx(graph, depthwise.toOnnx(graph, x));
  }
}
