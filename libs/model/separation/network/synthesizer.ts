/**
 * Audio synthesiser network (ASN): the inner product of a query with K feature maps, and a bias. The maps are a linear
 * function of the U-Net's last features, so the query weighs that function's kernel, and the maps themselves, K of them
 * for each point and question, are never made.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels", section 3.1: `z = sum_k scale_k v_k s_k + bias`
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { ParameterStore } from '../../layers/parameters.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../../onnx/graph-builder.ts';
import { BLOCK_POINTS } from './blocks.ts';

export interface SynthesizerOptions {
  /** Of the last features. */
  channels: number;
  /** K. */
  featureMaps: number;
}

export class Synthesizer {
  readonly #store: ParameterStore;
  readonly #options: SynthesizerOptions;
  /** `[channels, 4 * K]`: of each point of a block, its K maps. */
  readonly #kernel: tfTypes.Variable;
  readonly #mapBias: tfTypes.Variable;
  readonly #scale: tfTypes.Variable;
  readonly #bias: tfTypes.Variable;

  constructor(store: ParameterStore, options: SynthesizerOptions) {
    this.#store = store;
    this.#options = options;
    const { channels, featureMaps } = options;
    this.#kernel = store.weight('audio/maps/kernel', [channels, BLOCK_POINTS * featureMaps], {
      kind: 'normal',
      deviation: Math.sqrt(1 / channels),
    });
    this.#mapBias = store.weight('audio/maps/bias', [BLOCK_POINTS * featureMaps], {
      kind: 'constant',
      value: 0,
    });
    this.#scale = store.weight('synthesizer/scale', [featureMaps], { kind: 'constant', value: 0.25 });
    this.#bias = store.weight('synthesizer/bias', [1], { kind: 'constant', value: 0 });
  }

  /**
   * @param features `[asks, steps, rows, channels]`
   * @param query    `[asks, steps, K]`
   * @returns z, `[asks, steps, rows * 4]`
   */
  apply(features: tfTypes.Tensor4D, query: tfTypes.Tensor): tfTypes.Tensor3D {
    const { tf } = this.#store.engine;
    const { channels, featureMaps } = this.#options;
    const [asks, steps, rows] = features.shape;
    const scaled = tf.reshape(tf.mul(query, this.#scale), [asks * steps, featureMaps]);
    const byMap = tf.transpose(tf.reshape(this.#kernel, [channels, BLOCK_POINTS, featureMaps]), [2, 0, 1]);
    const kernels = tf.matMul(
      scaled as tfTypes.Tensor2D,
      tf.reshape(byMap, [featureMaps, channels * BLOCK_POINTS]) as tfTypes.Tensor2D,
    );
    const mapBias = tf.reshape(this.#mapBias, [BLOCK_POINTS, featureMaps]) as tfTypes.Tensor2D;
    const biases = tf.add(tf.matMul(scaled as tfTypes.Tensor2D, mapBias, false, true), this.#bias);
    const z = tf.add(
      tf.matMul(
        tf.reshape(features, [asks * steps, rows, channels]),
        tf.reshape(kernels, [asks * steps, channels, BLOCK_POINTS]),
      ),
      tf.reshape(biases, [asks * steps, 1, BLOCK_POINTS]),
    );
    return tf.reshape(z, [asks, steps, rows * BLOCK_POINTS]);
  }

  /** `features` as `[asks, channels, steps, rows]`, the others as `apply` has them. */
  toOnnx(graph: OnnxGraphBuilder, features: OnnxValue, query: OnnxValue): OnnxValue {
    const { channels, featureMaps } = this.#options;
    const scale = this.#scale.dataSync() as Float32Array;
    const scaled = graph.node('Mul', [query, graph.constant(scale, [featureMaps])]);
    const byMap = graph.constant(this.#kernelByMap(), [featureMaps, channels * BLOCK_POINTS]);
    const kernels = graph.node('Reshape', [
      graph.node('MatMul', [scaled, byMap]),
      graph.int64([0, 0, channels, BLOCK_POINTS]),
    ]);
    const biases = graph.node('Add', [
      graph.node('MatMul', [scaled, graph.constant(this.#biasByMap(), [featureMaps, BLOCK_POINTS])]),
      graph.constant(this.#bias.dataSync() as Float32Array, [1]),
    ]);
    const last = graph.node('Transpose', [features], { perm: [0, 2, 3, 1] });
    const z = graph.node('Add', [
      graph.node('MatMul', [last, kernels]),
      graph.node('Unsqueeze', [biases, graph.int64([2])]),
    ]);
    return graph.node('Reshape', [z, graph.int64([0, 0, -1])]);
  }

  /** `[K, channels, 4]` */
  #kernelByMap(): Float32Array {
    const { channels, featureMaps } = this.#options;
    const kernel = this.#kernel.dataSync() as Float32Array;
    const out = new Float32Array(kernel.length);
    for (let channel = 0; channel < channels; channel++) {
      for (let point = 0; point < BLOCK_POINTS; point++) {
        for (let map = 0; map < featureMaps; map++) {
          out[(map * channels + channel) * BLOCK_POINTS + point] = kernel[
            (channel * BLOCK_POINTS + point) * featureMaps + map
          ] as number;
        }
      }
    }
    return out;
  }

  /** `[K, 4]` */
  #biasByMap(): Float32Array {
    const { featureMaps } = this.#options;
    const bias = this.#mapBias.dataSync() as Float32Array;
    return Float32Array.from(
      bias,
      (_, i) => bias[(i % BLOCK_POINTS) * featureMaps + Math.floor(i / BLOCK_POINTS)] as number,
    );
  }
}
