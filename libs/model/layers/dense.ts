/** Dense layer and layer normalisation over the last axis. */
import type * as tfTypes from '@tensorflow/tfjs';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';
import type { ParameterStore } from './parameters.ts';

export class Dense {
  readonly outputs: number;
  readonly #store: ParameterStore;
  readonly #inputs: number;
  readonly #kernel: tfTypes.Variable;
  readonly #bias: tfTypes.Variable;

  /** @param deviation of the first weights, `1 / sqrt(inputs)` unless told; 0: the layer answers nothing at first */
  constructor(
    store: ParameterStore,
    name: string,
    inputs: number,
    outputs: number,
    deviation = Math.sqrt(1 / inputs),
  ) {
    this.#store = store;
    this.#inputs = inputs;
    this.outputs = outputs;
    this.#kernel = store.weight(`${name}/kernel`, [inputs, outputs], { kind: 'normal', deviation });
    this.#bias = store.weight(`${name}/bias`, [outputs], { kind: 'constant', value: 0 });
  }

  /** `[..., inputs]` to `[..., outputs]`. */
  apply(x: tfTypes.Tensor): tfTypes.Tensor {
    const { tf } = this.#store.engine;
    // One flat matrix product is far faster than a batched one, and its gradient needs no broadcasting.
    const flat = tf.reshape(x, [-1, this.#inputs]);
    const y = tf.add(tf.matMul(flat, this.#kernel as unknown as tfTypes.Tensor2D), this.#bias);
    return tf.reshape(y, [...x.shape.slice(0, -1), this.outputs]);
  }

  /** `[..., inputs]` to `[..., outputs]`. */
  toOnnx(graph: OnnxGraphBuilder, x: OnnxValue): OnnxValue {
    const kernel = graph.constant(this.#kernel.dataSync() as Float32Array, [this.#inputs, this.outputs]);
    const bias = graph.constant(this.#bias.dataSync() as Float32Array, [this.outputs]);
    return graph.node('Add', [graph.node('MatMul', [x, kernel]), bias]);
  }
}

/** Added to the variance. */
const EPSILON = 1e-5;

export class LayerNorm {
  readonly #store: ParameterStore;
  readonly #gain: tfTypes.Variable;
  readonly #offset: tfTypes.Variable;

  constructor(store: ParameterStore, name: string, width: number) {
    this.#store = store;
    this.#gain = store.weight(`${name}/gain`, [width], { kind: 'constant', value: 1 });
    this.#offset = store.weight(`${name}/offset`, [width], { kind: 'constant', value: 0 });
  }

  apply(x: tfTypes.Tensor): tfTypes.Tensor {
    const { tf } = this.#store.engine;
    const mean = tf.mean(x, -1, true);
    const centred = tf.sub(x, mean);
    const variance = tf.mean(tf.square(centred), -1, true);
    return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, 1e-5))), this.#gain), this.#offset);
  }
  toOnnx(graph: OnnxGraphBuilder, x: OnnxValue): OnnxValue {
    const [gain, offset] = [this.#gain, this.#offset].map((variable) =>
      graph.constant(variable.dataSync() as Float32Array, variable.shape),
    ) as [OnnxValue, OnnxValue];
    return graph.node('LayerNormalization', [x, gain, offset], { axis: -1, epsilon: { float: EPSILON } });
  }
}
