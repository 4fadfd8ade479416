/**
 * Scaled dot-product attention with several heads: each step of one sequence asks all steps of another, or of its own.
 *
 * @see Vaswani et al. 2017, "Attention is all you need", section 3.2
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';
import { Dense } from './dense.ts';
import type { ParameterStore } from './parameters.ts';

/** Taken from the scores of steps that are left out: nothing is left of them after the softmax. */
const LEFT_OUT = 1e9;

export class MultiHeadAttention {
  readonly #store: ParameterStore;
  readonly #width: number;
  readonly #heads: number;
  readonly #query: Dense;
  readonly #key: Dense;
  readonly #value: Dense;
  readonly #output: Dense;

  /** @param width a whole multiple of `heads` */
  constructor(store: ParameterStore, name: string, width: number, heads: number) {
    this.#store = store;
    this.#width = width;
    this.#heads = heads;
    this.#query = new Dense(store, `${name}/query`, width, width);
    this.#key = new Dense(store, `${name}/key`, width, width);
    this.#value = new Dense(store, `${name}/value`, width, width);
    this.#output = new Dense(store, `${name}/output`, width, width);
  }

  /**
   * @param asking `[batch, steps, width]`
   * @param asked  `[batch, askedSteps, width]`
   * @param mask   `[batch, askedSteps]`, 1 for steps that may answer and 0 for those that may not; a row of zeros answers
   *   the output's bias
   * @returns `[batch, steps, width]`
   */
  apply(asking: tfTypes.Tensor, asked: tfTypes.Tensor, mask?: tfTypes.Tensor): tfTypes.Tensor {
    const { tf } = this.#store.engine;
    const [batch, steps] = asking.shape as [number, number, number];
    const headWidth = this.#width / this.#heads;
    const split = (t: tfTypes.Tensor) =>
      tf.transpose(tf.reshape(t, [batch, t.shape[1] as number, this.#heads, headWidth]), [0, 2, 1, 3]);
    const query = split(this.#query.apply(asking));
    const key = split(this.#key.apply(asked));
    const value = split(this.#value.apply(asked));
    let scores = tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(headWidth));
    const open = mask && tf.reshape(mask, [batch, 1, 1, mask.shape[1] as number]);
    if (open) scores = tf.add(scores, tf.mul(tf.sub(open, 1), LEFT_OUT));
    const softened = tf.softmax(scores);
    const weights = open ? tf.mul(softened, open) : softened;
    const mixed = tf.transpose(tf.matMul(weights, value), [0, 2, 1, 3]);
    return this.#output.apply(tf.reshape(mixed, [batch, steps, this.#width]));
  }

  /** As `apply`. */
  toOnnx(graph: OnnxGraphBuilder, asking: OnnxValue, asked: OnnxValue, mask?: OnnxValue): OnnxValue {
    const headWidth = this.#width / this.#heads;
    // A 0 keeps the size that is there: batch and steps are free.
    const split = (value: OnnxValue, perm: number[]) =>
      graph.node('Transpose', [graph.node('Reshape', [value, graph.int64([0, 0, this.#heads, headWidth])])], {
        perm,
      });
    const query = split(this.#query.toOnnx(graph, asking), [0, 2, 1, 3]);
    const key = split(this.#key.toOnnx(graph, asked), [0, 2, 3, 1]);
    const value = split(this.#value.toOnnx(graph, asked), [0, 2, 1, 3]);
    let scores = graph.node('Mul', [
      graph.node('MatMul', [query, key]),
      graph.scalar(1 / Math.sqrt(headWidth)),
    ]);
    const open = mask && graph.node('Unsqueeze', [mask, graph.int64([1, 2])]);
    if (open) {
      const closed = graph.node('Sub', [open, graph.scalar(1)]);
      scores = graph.node('Add', [scores, graph.node('Mul', [closed, graph.scalar(LEFT_OUT)])]);
    }
    const softened = graph.node('Softmax', [scores], { axis: -1 });
    const weights = open ? graph.node('Mul', [softened, open]) : softened;
    const mixed = graph.node('Transpose', [graph.node('MatMul', [weights, value])], { perm: [0, 2, 1, 3] });
    return this.#output.toOnnx(graph, graph.node('Reshape', [mixed, graph.int64([0, 0, this.#width])]));
  }
}
