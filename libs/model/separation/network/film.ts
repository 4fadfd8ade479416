/**
 * Feature-wise linear modulation (FiLM): what is seen turns each feature of what is heard up or down, level by level of
 * the U-Net and step by step. An untrained one changes nothing.
 *
 * @see Perez et al. 2018, "FiLM: visual reasoning with a general conditioning layer"; Zhao et al. 2019, "The Sound of
 *   Motions", section 3.2, for its place in a U-Net
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { Dense } from '../../layers/dense.ts';
import type { ParameterStore } from '../../layers/parameters.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../../onnx/graph-builder.ts';

/** What modulates: of each question, what it is about, and how that moves. */
export interface Condition<Value> {
  /** `[asks, 1, width]` */
  appearance: Value;
  /** `[asks, steps, width]` */
  motion: Value;
}

export class FilmLayer {
  readonly #store: ParameterStore;
  readonly #channels: number;
  readonly #appearance: Dense;
  readonly #motion: Dense;

  /** @param channels of what is modulated; `width` of what modulates */
  constructor(store: ParameterStore, name: string, width: number, channels: number) {
    this.#store = store;
    this.#channels = channels;
    this.#appearance = new Dense(store, `${name}/appearance`, width, 2 * channels, 0);
    this.#motion = new Dense(store, `${name}/motion`, width, 2 * channels, 0);
  }

  /**
   * @param x         `[asks, steps, rows, channels]`
   * @param condition its motion at the rate of `x`
   */
  apply(x: tfTypes.Tensor4D, condition: Condition<tfTypes.Tensor>): tfTypes.Tensor4D {
    const { tf } = this.#store.engine;
    const [asks, steps] = x.shape;
    const both = tf.add(this.#motion.apply(condition.motion), this.#appearance.apply(condition.appearance));
    const [gain, shift] = tf.split(tf.reshape(both, [asks, steps, 1, 2 * this.#channels]), 2, 3) as [
      tfTypes.Tensor4D,
      tfTypes.Tensor4D,
    ];
    return tf.add(tf.mul(x, tf.add(gain, 1)), shift);
  }

  /** `x` and the answer as `[asks, channels, steps, rows]`. */
  toOnnx(graph: OnnxGraphBuilder, x: OnnxValue, condition: Condition<OnnxValue>): OnnxValue {
    const both = graph.node('Add', [
      this.#motion.toOnnx(graph, condition.motion),
      this.#appearance.toOnnx(graph, condition.appearance),
    ]);
    const columns = graph.node('Unsqueeze', [
      graph.node('Transpose', [both], { perm: [0, 2, 1] }),
      graph.int64([3]),
    ]);
    const halves = graph.int64([this.#channels, this.#channels]);
    const [gain, shift] = graph.nodes('Split', [columns, halves], 2, { axis: 1 }) as [OnnxValue, OnnxValue];
    const scaled = graph.node('Mul', [x, graph.node('Add', [gain, graph.scalar(1)])]);
    return graph.node('Add', [scaled, shift]);
  }
}

/** The mean of each two neighbouring steps, `[asks, steps, width]` to `[asks, ceil(steps / 2), width]`. */
export function halfRate(store: ParameterStore, x: tfTypes.Tensor3D): tfTypes.Tensor3D {
  const { tf } = store.engine;
  const steps = x.shape[1];
  const half = Math.ceil(steps / 2);
  // A product: TensorFlow.js's wasm has no gradient of average pooling.
  const means = new Float32Array(half * steps);
  for (let step = 0; step < steps; step++) {
    const to = step >> 1;
    means[to * steps + step] = 2 * to + 1 < steps ? 0.5 : 1;
  }
  return tf.matMul(tf.tensor3d(means, [1, half, steps]), x) as tfTypes.Tensor3D;
}

export function halfRateToOnnx(graph: OnnxGraphBuilder, x: OnnxValue): OnnxValue {
  const line = graph.node('Transpose', [x], { perm: [0, 2, 1] });
  const pooled = graph.node('AveragePool', [line], {
    kernel_shape: [2],
    strides: [2],
    auto_pad: 'SAME_UPPER',
  });
  return graph.node('Transpose', [pooled], { perm: [0, 2, 1] });
}
