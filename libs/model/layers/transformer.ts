/**
 * Pre-norm transformer encoder with sinusoidal positions in seconds, so that one set of weights serves any
 * number of steps and any sampling of them.
 *
 * @see Vaswani et al. 2017; Xiong et al. 2020 for the placement of the norm
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';
import { MultiHeadAttention } from './attention.ts';
import { Dense, LayerNorm } from './dense.ts';
import type { ParameterStore } from './parameters.ts';

/** Wavelengths from 0.2 s to about 20 s, one for each pair of sine and cosine. */
function wavelengthsSec(width: number): number[] {
  const half = width / 2;
  return Array.from({ length: half }, (_, i) => 0.2 * 100 ** (i / Math.max(1, half - 1)));
}

/**
 * Sines and cosines of the time, in turn.
 *
 * @param timesSec `[rows * steps]`
 * @returns `[rows * steps * width]`
 */
function timeEncoding(timesSec: Float32Array, width: number): Float32Array {
  const wavelengths = wavelengthsSec(width);
  const encoding = new Float32Array(timesSec.length * width);
  for (let step = 0; step < timesSec.length; step++) {
    wavelengths.forEach((wavelengthSec, i) => {
      const phase = (2 * Math.PI * (timesSec[step] as number)) / wavelengthSec;
      encoding[step * width + 2 * i] = Math.sin(phase);
      encoding[step * width + 2 * i + 1] = Math.cos(phase);
    });
  }
  return encoding;
}

/** The same in a graph: `[rows, steps]` to `[rows, steps, width]`. */
function timeEncodingToOnnx(graph: OnnxGraphBuilder, timesSec: OnnxValue, width: number): OnnxValue {
  const lastAxis = graph.int64([-1]);
  const perSec = Float64Array.from(wavelengthsSec(width), (wavelengthSec) => 1 / wavelengthSec);
  const times = graph.node('Unsqueeze', [graph.cast(timesSec, 'float64'), lastAxis]);
  // Whole turns are taken off in double precision: far into a recording, floats would have lost the phase.
  const turns = graph.node('Mul', [times, graph.constant(perSec, [perSec.length])]);
  const fraction = graph.node('Sub', [turns, graph.node('Floor', [turns])]);
  const phase = graph.node('Mul', [graph.cast(fraction, 'float32'), graph.scalar(2 * Math.PI)]);
  const waves = ['Sin', 'Cos'].map((wave) => graph.node('Unsqueeze', [graph.node(wave, [phase]), lastAxis]));
  return graph.node('Reshape', [graph.node('Concat', waves, { axis: -1 }), graph.int64([0, 0, width])]);
}

/** Self-attention and a feed-forward layer, each with its norm before it and what came in added behind it. */
export class EncoderLayer {
  readonly #store: ParameterStore;
  readonly #normAttention: LayerNorm;
  readonly #normFeedForward: LayerNorm;
  readonly #attention: MultiHeadAttention;
  readonly #expand: Dense;
  readonly #contract: Dense;

  constructor(store: ParameterStore, name: string, width: number, heads: number) {
    this.#store = store;
    this.#normAttention = new LayerNorm(store, `${name}/attention/norm`, width);
    this.#attention = new MultiHeadAttention(store, `${name}/attention`, width, heads);
    this.#normFeedForward = new LayerNorm(store, `${name}/feed-forward/norm`, width);
    this.#expand = new Dense(store, `${name}/feed-forward/expand`, width, 2 * width);
    this.#contract = new Dense(store, `${name}/feed-forward/contract`, 2 * width, width);
  }

  /** `[batch, steps, width]` to the same. */
  apply(x: tfTypes.Tensor): tfTypes.Tensor {
    const { tf } = this.#store.engine;
    const normed = this.#normAttention.apply(x);
    const attended = tf.add(x, this.#attention.apply(normed, normed));
    const hidden = tf.relu(this.#expand.apply(this.#normFeedForward.apply(attended)));
    return tf.add(attended, this.#contract.apply(hidden));
  }

  /** `[batch, steps, width]` to the same. */
  toOnnx(graph: OnnxGraphBuilder, x: OnnxValue): OnnxValue {
    const normed = this.#normAttention.toOnnx(graph, x);
    const attended = graph.node('Add', [x, this.#attention.toOnnx(graph, normed, normed)]);
    const expanded = this.#expand.toOnnx(graph, this.#normFeedForward.toOnnx(graph, attended));
    const hidden = graph.node('Relu', [expanded]);
    return graph.node('Add', [attended, this.#contract.toOnnx(graph, hidden)]);
  }
}

export class TransformerEncoder {
  readonly #store: ParameterStore;
  readonly #width: number;
  readonly #layers: EncoderLayer[];
  readonly #norm: LayerNorm;

  constructor(
    store: ParameterStore,
    name: string,
    options: { width: number; heads: number; layers: number },
  ) {
    this.#store = store;
    this.#width = options.width;
    this.#layers = Array.from(
      { length: options.layers },
      (_, i) => new EncoderLayer(store, `${name}/${i}`, options.width, options.heads),
    );
    this.#norm = new LayerNorm(store, `${name}/norm`, options.width);
  }

  /**
   * @param x        `[batch, steps, width]`
   * @param timesSec `[steps]`, or `[batch * steps]` where every row has its own times
   */
  apply(x: tfTypes.Tensor, timesSec: Float32Array): tfTypes.Tensor {
    const { tf } = this.#store.engine;
    const [, steps] = x.shape as [number, number, number];
    const positions = tf.tensor(timeEncoding(timesSec, this.#width), [
      timesSec.length / steps,
      steps,
      this.#width,
    ]);
    let y = tf.add(x, positions);
    for (const layer of this.#layers) y = layer.apply(y);
    return this.#norm.apply(y);
  }
  /**
   * @param x        `[batch, steps, width]`
   * @param timesSec `[1, steps]` for all rows, or `[batch, steps]`
   */
  toOnnx(graph: OnnxGraphBuilder, x: OnnxValue, timesSec: OnnxValue): OnnxValue {
    let y = graph.node('Add', [x, timeEncodingToOnnx(graph, timesSec, this.#width)]);
    for (const layer of this.#layers) y = layer.toOnnx(graph, y);
    return this.#norm.toOnnx(graph, y);
  }
}
