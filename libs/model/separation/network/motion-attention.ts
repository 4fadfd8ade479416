/**
 * Which of the picture's cells move as what is asked for: attention over cells, by what the object looks like and by
 * how much each cell's motion says, and the motion of the cells that are attended to, step by step.
 *
 * @see Zhao et al. 2019, "The Sound of Motions", section 3.2, for motion gated by appearance
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { Dense } from '../../layers/dense.ts';
import type { ParameterStore } from '../../layers/parameters.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../../onnx/graph-builder.ts';

export interface MotionAttentionOptions {
  cells: number;
  /** Width of a cell's token in one step. */
  cellWidth: number;
  /** Width of what appearance is told by. */
  hiddenWidth: number;
}

/** Ways to attend: an object may move in several places, each in its own way. */
const HEADS = 3;
const WIDTH = 32;

export class MotionAttention {
  readonly outputs: number;
  readonly #store: ParameterStore;
  readonly #options: MotionAttentionOptions;
  readonly #appearance: Dense;
  readonly #liveliness: Dense;
  readonly #heads: Dense;

  constructor(store: ParameterStore, name: string, options: MotionAttentionOptions) {
    this.#store = store;
    this.#options = options;
    this.outputs = HEADS * options.cellWidth;
    this.#appearance = new Dense(store, `${name}/appearance`, options.hiddenWidth, WIDTH);
    this.#liveliness = new Dense(store, `${name}/liveliness`, options.cellWidth, WIDTH);
    this.#heads = new Dense(store, `${name}/heads`, WIDTH, HEADS);
  }

  /**
   * @param appearance `[asks, 1, hiddenWidth]`
   * @param cells      `[asks, cells, steps, cellWidth]`
   * @returns `[asks, steps, HEADS * cellWidth]`
   */
  apply(appearance: tfTypes.Tensor, cells: tfTypes.Tensor4D): tfTypes.Tensor3D {
    const { tf } = this.#store.engine;
    const [asks, count, steps, width] = cells.shape;
    const liveliness = tf.mean(tf.abs(cells), 2);
    const hidden = tf.tanh(tf.add(this.#liveliness.apply(liveliness), this.#appearance.apply(appearance)));
    const attention = tf.softmax(tf.transpose(this.#heads.apply(hidden), [0, 2, 1]), 2);
    const attended = tf.matMul(attention, tf.reshape(cells, [asks, count, steps * width]));
    const byStep = tf.transpose(tf.reshape(attended, [asks, HEADS, steps, width]), [0, 2, 1, 3]);
    return tf.reshape(byStep, [asks, steps, HEADS * width]);
  }

  /** Inputs and output as `apply` has them; asks and steps are free. */
  toOnnx(graph: OnnxGraphBuilder, appearance: OnnxValue, cells: OnnxValue): OnnxValue {
    const { cells: count, cellWidth: width } = this.#options;
    const liveliness = graph.node('ReduceMean', [graph.node('Abs', [cells])], { axes: [2], keepdims: 0 });
    const sum = graph.node('Add', [
      this.#liveliness.toOnnx(graph, liveliness),
      this.#appearance.toOnnx(graph, appearance),
    ]);
    const scores = this.#heads.toOnnx(graph, graph.node('Tanh', [sum]));
    const attention = graph.node('Softmax', [graph.node('Transpose', [scores], { perm: [0, 2, 1] })], {
      axis: 2,
    });
    const flat = graph.node('Reshape', [cells, graph.int64([0, count, -1])]);
    const attended = graph.node('MatMul', [attention, flat]);
    const byHead = graph.node('Reshape', [attended, graph.int64([0, HEADS, -1, width])]);
    const byStep = graph.node('Transpose', [byHead], { perm: [0, 2, 1, 3] });
    return graph.node('Reshape', [byStep, graph.int64([0, 0, HEADS * width])]);
  }
}
