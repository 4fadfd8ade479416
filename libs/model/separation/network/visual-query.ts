/**
 * From what the video tower saw of an object to the query that asks for its sound: K weights in 0..1 at every step.
 * Appearance says what is sounding, and is the same for all steps; motion says when. Either may be left out: a single
 * position of the picture has appearance alone.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels", for the sigmoid over pooled features; Zhao et al. 2019, "The Sound of
 *   Motions", for motion beside appearance
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { Dense } from '../../layers/dense.ts';
import type { ParameterStore } from '../../layers/parameters.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../../onnx/graph-builder.ts';

export interface VisualQueryOptions {
  /** Width of a position's features in the video tower, and of its embedding. */
  positionWidth: number;
  embeddingWidth: number;
  /** Width of a motion step's token. */
  stepWidth: number;
  hiddenWidth: number;
  /** K. */
  featureMaps: number;
}

/** Features of a position (pooled over what is asked for), the embedding, and 1 where there is one, else zeros. */
export function appearanceWidth({ positionWidth, embeddingWidth }: VisualQueryOptions): number {
  return positionWidth + embeddingWidth + 1;
}

/** A step's token, and 1 where there is one, else zeros. */
export function motionWidth({ stepWidth }: VisualQueryOptions): number {
  return stepWidth + 1;
}

export class VisualQueryNetwork {
  readonly #store: ParameterStore;
  readonly #appearance: [Dense, Dense];
  readonly #motion: [Dense, Dense];

  constructor(store: ParameterStore, name: string, options: VisualQueryOptions) {
    this.#store = store;
    const { hiddenWidth, featureMaps } = options;
    const path = (part: string, inputs: number): [Dense, Dense] => [
      new Dense(store, `${name}/${part}/0`, inputs, hiddenWidth),
      new Dense(store, `${name}/${part}/1`, hiddenWidth, featureMaps),
    ];
    this.#appearance = path('appearance', appearanceWidth(options));
    this.#motion = path('motion', motionWidth(options));
  }

  /**
   * @param appearance `[batch, 1, queries, appearanceWidth]`
   * @param motion     `[batch, steps, queries, motionWidth]`
   * @returns `[batch, steps, queries, K]`
   */
  apply(appearance: tfTypes.Tensor4D, motion: tfTypes.Tensor4D): tfTypes.Tensor4D {
    const { tf } = this.#store.engine;
    const through = ([first, second]: [Dense, Dense], x: tfTypes.Tensor) =>
      second.apply(tf.relu(first.apply(x)));
    const logits = tf.add(through(this.#motion, motion), through(this.#appearance, appearance));
    return tf.sigmoid(logits) as tfTypes.Tensor4D;
  }

  /** Inputs and output as `apply` has them; batch, steps and queries are free. */
  toOnnx(graph: OnnxGraphBuilder, appearance: OnnxValue, motion: OnnxValue): OnnxValue {
    const through = ([first, second]: [Dense, Dense], x: OnnxValue) =>
      second.toOnnx(graph, graph.node('Relu', [first.toOnnx(graph, x)]));
    const logits = graph.node('Add', [through(this.#motion, motion), through(this.#appearance, appearance)]);
    return graph.node('Sigmoid', [logits]);
  }
}
