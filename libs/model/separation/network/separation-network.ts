/**
 * The trained part of visually guided separation: the mixture's feature maps, the query of what is seen, and the
 * synthesiser (ASN) that joins them, `z = sum_k scale_k v_k s_k + bias` at every point of the spectrogram.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels"
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { Engine } from '../../engine/engine.ts';
import { ParameterStore } from '../../layers/parameters.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../../onnx/graph-builder.ts';
import { AudioAnalysisNetwork, type AudioAnalysisOptions } from './audio-analysis.ts';
import { VisualQueryNetwork, type VisualQueryOptions } from './visual-query.ts';

export interface SeparationNetworkOptions extends AudioAnalysisOptions, VisualQueryOptions {
  /** What the logits become: the probability of being the loudest there, or a share of the mixture from 0 to 5. */
  mask: 'binary' | 'ratio';
}

export class SeparationNetwork {
  readonly engine: Engine;
  readonly store: ParameterStore;
  readonly options: SeparationNetworkOptions;
  readonly audio: AudioAnalysisNetwork;
  readonly query: VisualQueryNetwork;
  readonly #scale: tfTypes.Variable;
  readonly #bias: tfTypes.Variable;

  constructor(engine: Engine, options: SeparationNetworkOptions, seed: number) {
    this.engine = engine;
    this.options = options;
    this.store = new ParameterStore(engine, seed);
    this.audio = new AudioAnalysisNetwork(this.store, 'audio', options);
    this.query = new VisualQueryNetwork(this.store, 'query', options);
    const small = { kind: 'constant', value: 0.25 } as const;
    this.#scale = this.store.weight('synthesizer/scale', [options.featureMaps], small);
    this.#bias = this.store.weight('synthesizer/bias', [1], { kind: 'constant', value: 0 });
  }

  /**
   * @param mixture    `[batch, steps, 128, 4]`, see `networkInput` and `toBlocks`
   * @param appearance `[batch, 1, queries, appearanceWidth]`
   * @param motion     `[batch, steps, queries, motionWidth]`
   * @returns z before its activation, `[batch, steps, 128 * 4, queries]`
   */
  logits(
    mixture: tfTypes.Tensor4D,
    appearance: tfTypes.Tensor4D,
    motion: tfTypes.Tensor4D,
    training: boolean,
  ): tfTypes.Tensor4D {
    const { tf } = this.engine;
    const maps = this.audio.apply(mixture, training);
    const query = tf.mul(this.query.apply(appearance, motion), this.#scale);
    return tf.add(tf.matMul(maps, query, false, true), this.#bias) as tfTypes.Tensor4D;
  }

  /** The scaled query, so that the synthesiser of a served model is one plain inner product and a bias. */
  queryToOnnx(graph: OnnxGraphBuilder, appearance: OnnxValue, motion: OnnxValue): OnnxValue {
    const scale = this.#scale.dataSync() as Float32Array;
    return graph.node('Mul', [
      this.query.toOnnx(graph, appearance, motion),
      graph.constant(scale, [scale.length]),
    ]);
  }

  get bias(): number {
    return this.#bias.dataSync()[0] as number;
  }

  /** After each optimiser step. */
  afterUpdate(statisticsMomentum: number): void {
    for (const unit of this.audio.units) unit.absorbBatchStatistics(statisticsMomentum);
  }

  forgetFolded(): void {
    for (const unit of this.audio.units) unit.forgetFolded();
  }

  dispose(): void {
    this.forgetFolded();
    this.store.dispose();
  }
}
