/**
 * From what the guide saw of an object to the query that asks for its sound: K weights in 0..1 at every step, and what
 * modulates the audio network besides. Appearance says what is sounding, and is the same for all steps; motion says
 * when. Either may be left out: a single position of the picture has appearance alone.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels", for the sigmoid over pooled features; Zhao et al. 2019, "The Sound of
 *   Motions", for motion beside appearance
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { Dense } from '../../layers/dense.ts';
import type { ParameterStore } from '../../layers/parameters.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../../onnx/graph-builder.ts';
import { CELL_COUNT } from '../../synchronization/cell-motion.ts';
import type { Condition } from './film.ts';
import { MotionAttention } from './motion-attention.ts';

export interface VisualQueryOptions {
  /** Width of a position's features in the video tower, and of its embedding. */
  positionWidth: number;
  embeddingWidth: number;
  /** Width of a motion step's token, and of a cell's. */
  stepWidth: number;
  cellWidth: number;
  hiddenWidth: number;
  /** K. */
  featureMaps: number;
}

/** Features of a position (pooled over what is asked for), the embedding, and 1 where there is one, else zeros. */
export function appearanceWidth({
  positionWidth,
  embeddingWidth,
}: Pick<VisualQueryOptions, 'positionWidth' | 'embeddingWidth'>): number {
  return positionWidth + embeddingWidth + 1;
}

/** A step's token, and 1 where there is one, else zeros. */
export function motionWidth({ stepWidth }: Pick<VisualQueryOptions, 'stepWidth'>): number {
  return stepWidth + 1;
}

/** What is asked with, in tensors or in values of a graph. */
export interface VisualInputs<Value> {
  /** `[asks, 1, appearanceWidth]` */
  appearance: Value;
  /** `[asks, steps, motionWidth]` */
  motion: Value;
  /** The tokens of the picture's cells, zeros without motion: `[asks, 36, steps, cellWidth]`. */
  cells: Value;
}

export interface VisualQuery<Value> {
  /** K weights in 0..1, `[asks, steps, K]`. */
  weights: Value;
  condition: Condition<Value>;
}

export class VisualQueryNetwork {
  readonly #store: ParameterStore;
  readonly #appearance: [Dense, Dense];
  readonly #motion: [Dense, Dense];
  readonly #attention: MotionAttention;
  readonly #cells: Dense;

  constructor(store: ParameterStore, name: string, options: VisualQueryOptions) {
    this.#store = store;
    const { hiddenWidth, featureMaps, cellWidth } = options;
    const path = (part: string, inputs: number): [Dense, Dense] => [
      new Dense(store, `${name}/${part}/0`, inputs, hiddenWidth),
      new Dense(store, `${name}/${part}/1`, hiddenWidth, featureMaps),
    ];
    this.#appearance = path('appearance', appearanceWidth(options));
    this.#motion = path('motion', motionWidth(options));
    this.#attention = new MotionAttention(store, `${name}/attention`, {
      cells: CELL_COUNT,
      cellWidth,
      hiddenWidth,
    });
    this.#cells = new Dense(store, `${name}/cells`, this.#attention.outputs, hiddenWidth, 0.01);
  }

  apply({ appearance, motion, cells }: VisualInputs<tfTypes.Tensor>): VisualQuery<tfTypes.Tensor> {
    const { tf } = this.#store.engine;
    const looks = tf.relu(this.#appearance[0].apply(appearance));
    const attended = this.#cells.apply(this.#attention.apply(looks, cells as tfTypes.Tensor4D));
    const moves = tf.relu(tf.add(this.#motion[0].apply(motion), attended));
    const logits = tf.add(this.#motion[1].apply(moves), this.#appearance[1].apply(looks));
    return { weights: tf.sigmoid(logits), condition: { appearance: looks, motion: moves } };
  }

  /** Inputs and output as `apply` has them; asks and steps are free. */
  toOnnx(
    graph: OnnxGraphBuilder,
    { appearance, motion, cells }: VisualInputs<OnnxValue>,
  ): VisualQuery<OnnxValue> {
    const looks = graph.node('Relu', [this.#appearance[0].toOnnx(graph, appearance)]);
    const attended = this.#cells.toOnnx(graph, this.#attention.toOnnx(graph, looks, cells));
    const moves = graph.node('Relu', [graph.node('Add', [this.#motion[0].toOnnx(graph, motion), attended])]);
    const logits = graph.node('Add', [
      this.#motion[1].toOnnx(graph, moves),
      this.#appearance[1].toOnnx(graph, looks),
    ]);
    return {
      weights: graph.node('Sigmoid', [logits]),
      condition: { appearance: looks, motion: moves },
    };
  }
}
