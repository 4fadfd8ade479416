/**
 * From what the video tower sees at three of its stages, and from what moves with the sound, to a map of where the
 * sound comes from: a small decoder that refines the tower's map of stride 16 to stride 4. The sound chooses the
 * channels that count (the product of both modalities), the finer stages say where the object ends.
 *
 * @see Zhou et al. 2022, "Audio-visual segmentation"; Ronneberger et al. 2015, "U-Net" for the way back up
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { type ConvolutionUnit, SeparableBlock } from '../layers/convolution.ts';
import { Dense } from '../layers/dense.ts';
import type { ParameterStore } from '../layers/parameters.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';
import { doubled } from './doubled.ts';
import { EVIDENCE_CHANNELS } from './motion-evidence.ts';

export interface LocalizationHeadOptions {
  /** Channels of the tower's stages of stride 4, 8 and 16. */
  stageChannels: [number, number, number];
  /** Of the shared space. */
  embeddingDimension: number;
  /** Channels in which sound and picture are multiplied. */
  width: number;
}

/** What the tower sees of each frame. */
export interface TowerStages<Value> {
  /** `[frames, height / 4, width / 4, channels]` */
  quarter: Value;
  /** `[frames, height / 8, width / 8, channels]` */
  eighth: Value;
  /** `[frames, height / 16, width / 16, channels]` */
  map: Value;
  /** The map in the shared space, unit length at each position. */
  positions: Value;
}

export class LocalizationHead {
  readonly options: LocalizationHeadOptions;
  readonly units: ConvolutionUnit[];
  readonly #store: ParameterStore;
  readonly #audio: Dense;
  readonly #visual: Dense;
  readonly #coarse: SeparableBlock;
  readonly #middle: SeparableBlock;
  readonly #whole: Dense;
  readonly #fine: SeparableBlock;
  readonly #finest: SeparableBlock;
  readonly #logit: Dense;

  constructor(store: ParameterStore, name: string, options: LocalizationHeadOptions) {
    this.options = options;
    this.#store = store;
    const { width, embeddingDimension, stageChannels } = options;
    const [quarter, eighth, map] = stageChannels;
    this.#audio = new Dense(store, `${name}/audio`, embeddingDimension, width);
    this.#visual = new Dense(store, `${name}/visual`, map, width);
    const block = (part: string, inputChannels: number) =>
      new SeparableBlock(store, `${name}/${part}`, { inputChannels, outputChannels: width, strides: [1, 1] });
    this.#coarse = block('coarse', 2 * width + 1);
    this.#middle = block('middle', width + eighth);
    this.#whole = new Dense(store, `${name}/whole`, 2 * width + 2 * EVIDENCE_CHANNELS, width);
    this.#fine = block('fine', width + quarter + EVIDENCE_CHANNELS);
    this.#finest = block('finest', width);
    this.#logit = new Dense(store, `${name}/logit`, width, 1);
    this.units = [this.#coarse, this.#middle, this.#fine, this.#finest].flatMap(({ units }) => units);
  }

  /**
   * @param stages   of the frames
   * @param evidence `[frames, height / 4, width / 4, EVIDENCE_CHANNELS]`
   * @param audio    `[frames, embeddingDimension]`: the sound asked about, for each frame
   * @returns logits `[frames, height / 4, width / 4]`
   */
  apply(
    stages: TowerStages<tfTypes.Tensor4D>,
    evidence: tfTypes.Tensor4D,
    audio: tfTypes.Tensor2D,
    training: boolean,
  ): tfTypes.Tensor3D {
    const { tf } = this.#store.engine;
    const { quarter, eighth, map, positions } = stages;
    const [frames, height, width] = quarter.shape;
    const heard = (x: tfTypes.Tensor) => tf.reshape(x, [frames, 1, 1, -1]);
    const seen = this.#visual.apply(map);
    const product = tf.mul(seen, heard(this.#audio.apply(audio)));
    const cosine = tf.sum(tf.mul(positions, heard(audio)), -1, true);
    const up = (x: tfTypes.Tensor4D, [, h, w]: number[]) =>
      tf.image.resizeBilinear(x, [h as number, w as number], false, true);
    const coarse = this.#coarse.apply(
      tf.concat([tf.relu(seen), product, cosine], -1) as tfTypes.Tensor4D,
      training,
    );
    const middle = this.#middle.apply(
      tf.concat([up(coarse, eighth.shape), eighth], -1) as tfTypes.Tensor4D,
      training,
    );
    const pooled = [coarse, evidence].flatMap((x) => [tf.mean(x, [1, 2]), tf.max(x, [1, 2])]);
    const whole = heard(this.#whole.apply(tf.concat(pooled, -1)));
    const parts = [tf.add(up(middle, quarter.shape), whole), quarter, evidence];
    const fine = this.#fine.apply(tf.concat(parts, -1) as tfTypes.Tensor4D, training);
    const logits = this.#logit.apply(this.#finest.apply(fine, training));
    return tf.reshape(logits, [frames, height, width]);
  }

  /**
   * The same in a graph.
   *
   * @param stages channels before height and width, `positions` channels last
   */
  toOnnx(
    graph: OnnxGraphBuilder,
    stages: TowerStages<OnnxValue>,
    evidence: OnnxValue,
    audio: OnnxValue,
  ): OnnxValue {
    const first = (x: OnnxValue) => graph.node('Transpose', [x], { perm: [0, 3, 1, 2] });
    const last = (x: OnnxValue) => graph.node('Transpose', [x], { perm: [0, 2, 3, 1] });
    const spread = (x: OnnxValue) => graph.node('Unsqueeze', [x, graph.int64([1, 2])]);
    const join = (...parts: OnnxValue[]) => graph.node('Concat', parts, { axis: 1 });
    const seen = this.#visual.toOnnx(graph, last(stages.map));
    const product = graph.node('Mul', [seen, spread(this.#audio.toOnnx(graph, audio))]);
    const cosine = graph.node(
      'ReduceSum',
      [graph.node('Mul', [stages.positions, spread(audio)]), graph.int64([-1])],
      { keepdims: 1 },
    );
    const coarse = this.#coarse.toOnnx(
      graph,
      join(first(graph.node('Relu', [seen])), first(product), first(cosine)),
    );
    const middle = this.#middle.toOnnx(graph, join(doubled(graph, coarse), stages.eighth));
    const moving = first(evidence);
    const pooled = [coarse, moving].flatMap((x) => [
      graph.node('ReduceMean', [x], { axes: [2, 3], keepdims: 0 }),
      graph.node('ReduceMax', [x], { axes: [2, 3], keepdims: 0 }),
    ]);
    const whole = this.#whole.toOnnx(graph, join(...pooled));
    const wholeEverywhere = graph.node('Unsqueeze', [whole, graph.int64([2, 3])]);
    const fine = this.#fine.toOnnx(
      graph,
      join(graph.node('Add', [doubled(graph, middle), wholeEverywhere]), stages.quarter, moving),
    );
    const logits = this.#logit.toOnnx(graph, last(this.#finest.toOnnx(graph, fine)));
    return graph.node('Squeeze', [logits, graph.int64([3])]);
  }
}
