/**
 * The trained part of visually guided separation: the mixture as the audio network hears it, the query of what is seen,
 * and the synthesiser that joins them at every point of the spectrogram.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels"; Zhao et al. 2019, "The Sound of Motions"
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { Engine } from '../../engine/engine.ts';
import { ParameterStore } from '../../layers/parameters.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../../onnx/graph-builder.ts';
import { AudioAnalysisNetwork } from './audio-analysis.ts';
import { Synthesizer } from './synthesizer.ts';
import { type VisualInputs, VisualQueryNetwork, type VisualQueryOptions } from './visual-query.ts';

export interface SeparationNetworkOptions extends VisualQueryOptions {
  /** Channels of the U-Net's stem and of each further level. */
  levelChannels: number[];
  /** What the logits become: the probability of being the loudest there, or a share of the mixture from 0 to 5. */
  mask: 'binary' | 'ratio';
}

export class SeparationNetwork {
  readonly engine: Engine;
  readonly store: ParameterStore;
  readonly options: SeparationNetworkOptions;
  readonly audio: AudioAnalysisNetwork;
  readonly #query: VisualQueryNetwork;
  readonly #synthesizer: Synthesizer;

  constructor(engine: Engine, options: SeparationNetworkOptions, seed: number) {
    this.engine = engine;
    this.options = options;
    this.store = new ParameterStore(engine, seed);
    this.audio = new AudioAnalysisNetwork(this.store, 'audio', options);
    this.#query = new VisualQueryNetwork(this.store, 'query', options);
    const { featureMaps, levelChannels } = options;
    this.#synthesizer = new Synthesizer(this.store, { channels: levelChannels[0] as number, featureMaps });
  }

  /**
   * @param mixture `[batch, steps, 128, 4]`, see `networkInput` and `toBlocks`
   * @param asked   of `questions * batch` asks: the first question of every mixture, then the second of each, and so on
   * @returns z before its activation, `[questions * batch, steps, 128 * 4]`
   */
  logits(
    mixture: tfTypes.Tensor4D,
    asked: VisualInputs<tfTypes.Tensor>,
    training: boolean,
  ): tfTypes.Tensor3D {
    const { weights, condition } = this.#query.apply(asked);
    const features = this.audio.answer(this.audio.hear(mixture, training), condition, training);
    return this.#synthesizer.apply(features, weights);
  }

  /** z of the asks about one mixture, `[asks, steps, 512]`. @param levels of `AudioAnalysisNetwork.hearToOnnx` */
  answerToOnnx(
    graph: OnnxGraphBuilder,
    levels: readonly OnnxValue[],
    asked: VisualInputs<OnnxValue>,
  ): OnnxValue {
    const { weights, condition } = this.#query.toOnnx(graph, asked);
    const features = this.audio.answerToOnnx(graph, levels, condition);
    return this.#synthesizer.toOnnx(graph, features, weights);
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
