/**
 * Audio analysis network (AAN): a U-Net over the mixture's log-frequency spectrogram. Its way down hears the mixture
 * once; its way up is walked once for every question, and modulated by it (FiLM) at every level. Separable convolutions,
 * and skips that are added, keep it small enough for a laptop core.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels", section 3.1; Zhao et al. 2019, "The Sound of Motions", for modulation by
 *   what is seen; Chaurasia & Culurciello 2017, "LinkNet", for added skips
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { ConvolutionUnit, SeparableBlock } from '../../layers/convolution.ts';
import type { ParameterStore } from '../../layers/parameters.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../../onnx/graph-builder.ts';
import { BLOCK_POINTS } from './blocks.ts';
import { type Condition, FilmLayer, halfRate, halfRateToOnnx } from './film.ts';

export interface AudioAnalysisOptions {
  /** Channels of the stem and of each further level, each of which halves time and frequency. */
  levelChannels: number[];
  /** Of what modulates. */
  hiddenWidth: number;
}

export class AudioAnalysisNetwork {
  readonly units: ConvolutionUnit[];
  readonly #store: ParameterStore;
  readonly #stem: ConvolutionUnit;
  readonly #down: SeparableBlock[][];
  readonly #across: ConvolutionUnit[];
  readonly #up: SeparableBlock[];
  /** One a level, the finest first. */
  readonly #film: FilmLayer[];

  constructor(store: ParameterStore, name: string, { levelChannels, hiddenWidth }: AudioAnalysisOptions) {
    this.#store = store;
    const [first, ...deeper] = levelChannels as [number, ...number[]];
    this.#stem = new ConvolutionUnit(store, `${name}/stem`, {
      kernelSize: 3,
      inputChannels: BLOCK_POINTS,
      outputChannels: first,
    });
    this.#down = deeper.map((outputChannels, i) => [
      new SeparableBlock(store, `${name}/down/${i}/halve`, {
        inputChannels: levelChannels[i] as number,
        outputChannels,
        strides: [2, 2],
      }),
      new SeparableBlock(store, `${name}/down/${i}/look`, {
        inputChannels: outputChannels,
        outputChannels,
        strides: [1, 1],
      }),
    ]);
    this.#across = deeper.map(
      (inputChannels, i) =>
        new ConvolutionUnit(store, `${name}/up/${i}/narrow`, {
          kernelSize: 1,
          inputChannels,
          outputChannels: levelChannels[i] as number,
          activation: 'none',
        }),
    );
    this.#up = deeper.map((_, i) => {
      const channels = levelChannels[i] as number;
      return new SeparableBlock(store, `${name}/up/${i}/look`, {
        inputChannels: channels,
        outputChannels: channels,
        strides: [1, 1],
      });
    });
    this.#film = levelChannels.map(
      (channels, i) => new FilmLayer(store, `${name}/film/${i}`, hiddenWidth, channels),
    );
    this.units = [
      this.#stem,
      ...this.#down.flat().flatMap((block) => block.units),
      ...this.#across,
      ...this.#up.flatMap((block) => block.units),
    ];
  }

  /**
   * The way down.
   *
   * @param mixture `[batch, steps, 128, 4]`, in blocks
   * @returns the features of every level, the finest first, `[batch, steps / 2^i, 128 / 2^i, channels]`
   */
  hear(mixture: tfTypes.Tensor4D, training: boolean): tfTypes.Tensor4D[] {
    const levels = [this.#stem.apply(mixture, training)];
    for (const blocks of this.#down) {
      let x = levels.at(-1) as tfTypes.Tensor4D;
      for (const block of blocks) x = block.apply(x, training);
      levels.push(x);
    }
    return levels;
  }

  /**
   * The way up, for each question.
   *
   * @param levels    of `hear`, `[batch, ...]`
   * @param condition of `questions * batch` asks, the batch's first question first
   * @returns `[asks, steps, 128, channels]`
   */
  answer(
    levels: readonly tfTypes.Tensor4D[],
    condition: Condition<tfTypes.Tensor>,
    training: boolean,
  ): tfTypes.Tensor4D {
    const { tf } = this.#store.engine;
    const conditions = [condition];
    for (let i = 1; i < levels.length; i++) {
      const { appearance, motion } = conditions[i - 1] as Condition<tfTypes.Tensor>;
      conditions.push({ appearance, motion: halfRate(this.#store, motion as tfTypes.Tensor3D) });
    }
    const questions = condition.appearance.shape[0] / (levels[0]?.shape[0] as number);
    const deepest = levels.length - 1;
    const film = (x: tfTypes.Tensor4D, i: number) =>
      (this.#film[i] as FilmLayer).apply(x, conditions[i] as Condition<tfTypes.Tensor>);
    let x = film(tf.concat(Array<tfTypes.Tensor4D>(questions).fill(levels[deepest] as never), 0), deepest);
    for (let i = deepest - 1; i >= 0; i--) {
      const skip = levels[i] as tfTypes.Tensor4D;
      const [batch, steps, rows, channels] = skip.shape;
      const narrow = (this.#across[i] as ConvolutionUnit).apply(x, training);
      const wide = tf.image.resizeBilinear(narrow, [steps, rows], true);
      // As rows of a matrix: adding to every question alike is fast over a leading axis.
      const sum = tf.add(tf.reshape(wide, [questions, -1]), tf.reshape(skip, [1, -1]));
      const joined = tf.reshape(sum, [questions * batch, steps, rows, channels]) as tfTypes.Tensor4D;
      x = film((this.#up[i] as SeparableBlock).apply(joined, training), i);
    }
    return x;
  }

  /** As `hear`, each level as `[batch, channels, steps, rows]`; batch and steps are free. */
  hearToOnnx(graph: OnnxGraphBuilder, mixture: OnnxValue): OnnxValue[] {
    const levels = [this.#stem.toOnnx(graph, graph.node('Transpose', [mixture], { perm: [0, 3, 1, 2] }))];
    for (const blocks of this.#down) {
      let x = levels.at(-1) as OnnxValue;
      for (const block of blocks) x = block.toOnnx(graph, x);
      levels.push(x);
    }
    return levels;
  }

  /** As `answer`, of one mixture; `[asks, channels, steps, rows]`. */
  answerToOnnx(
    graph: OnnxGraphBuilder,
    levels: readonly OnnxValue[],
    condition: Condition<OnnxValue>,
  ): OnnxValue {
    const conditions = [condition];
    for (let i = 1; i < levels.length; i++) {
      const { appearance, motion } = conditions[i - 1] as Condition<OnnxValue>;
      conditions.push({ appearance, motion: halfRateToOnnx(graph, motion) });
    }
    const deepest = levels.length - 1;
    const film = (x: OnnxValue, i: number) =>
      (this.#film[i] as FilmLayer).toOnnx(graph, x, conditions[i] as Condition<OnnxValue>);
    let x = film(levels[deepest] as OnnxValue, deepest);
    for (let i = deepest - 1; i >= 0; i--) {
      const skip = levels[i] as OnnxValue;
      const narrow = (this.#across[i] as ConvolutionUnit).toOnnx(graph, x);
      // As many asks and channels as there are, steps and rows as the level has.
      const sizes = graph.node(
        'Concat',
        [
          graph.node('Slice', [graph.node('Shape', [narrow]), graph.int64([0]), graph.int64([2])]),
          graph.node('Slice', [graph.node('Shape', [skip]), graph.int64([2]), graph.int64([4])]),
        ],
        { axis: 0 },
      );
      const wide = graph.node('Resize', [narrow, null, null, sizes], {
        mode: 'linear',
        coordinate_transformation_mode: 'align_corners',
      });
      x = film((this.#up[i] as SeparableBlock).toOnnx(graph, graph.node('Add', [wide, skip])), i);
    }
    return x;
  }
}
