/**
 * Where each of several sounds comes from: the audio-visual grouping network. Of each class it keeps one vector of
 * what is heard and one of what is seen; a place belongs to a class as far as the cosine between what is heard of the
 * class and what is seen of it there says. Audio time steps are the tokens of the sound, because with one token alone
 * its grouping would have nothing to group. A way back up to stride 4 finds small objects, and what moves with the
 * sound tells two of a kind apart.
 *
 * @see Mo & Tian 2023, "Audio-visual grouping network for sound localization from mixtures"
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { type ConvolutionUnit, SeparableBlock } from '../layers/convolution.ts';
import { Dense } from '../layers/dense.ts';
import type { ParameterStore } from '../layers/parameters.ts';
import { unitLength, unitLengthToOnnx } from '../layers/unit-length.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';
import { doubled } from './doubled.ts';
import { type Attended, type Grouped, GroupingBranch } from './grouping-branch.ts';
import type { TowerStages } from './localization-head.ts';
import { EVIDENCE_CHANNELS } from './motion-evidence.ts';

export interface GroupingNetworkOptions {
  /** Channels of the video tower's stages of stride 4, 8 and 16. */
  stageChannels: [number, number, number];
  /** Width of the audio tower's steps. */
  stepWidth: number;
  width: number;
  classCount: number;
  /** Whether class tokens gather features; false only for the ablation. */
  grouping: boolean;
}

export interface GroupingInput<Value> {
  stages: Pick<TowerStages<Value>, 'quarter' | 'eighth' | 'map'>;
  /** `[frames, height / 4, width / 4, EVIDENCE_CHANNELS]` */
  evidence: Value;
  /** `[frames, steps, stepWidth]` of the audio tower, or `[1, steps, stepWidth]` for all frames. */
  steps: Value;
}

type BranchOutput = Attended<tfTypes.Tensor> & Grouped<tfTypes.Tensor>;

export interface GroupingOutput {
  audio: BranchOutput;
  visual: BranchOutput;
  /** `[frames, cells, width]`: what is seen at each place, stride 4, and of which class it is held to be. */
  places: tfTypes.Tensor;
  /** `[frames, cells, classes]`: logits of each class sounding at each place. */
  logits: tfTypes.Tensor;
}

/** Initial inverse temperature of the maps' cosines, and the logit where sound and place have nothing in common. */
const FIRST_SCALE = 10;
const FIRST_BIAS = -4;
/** Under roots. */
const EPSILON = 1e-6;

export class GroupingNetwork {
  readonly options: GroupingNetworkOptions;
  readonly units: ConvolutionUnit[];
  readonly audio: GroupingBranch;
  readonly visual: GroupingBranch;
  readonly #store: ParameterStore;
  readonly #middle: SeparableBlock;
  readonly #whole: Dense;
  readonly #fine: SeparableBlock;
  readonly #finest: SeparableBlock;
  readonly #place: Dense;
  /** Tells each place what the class is that it was given to; null without grouping. */
  readonly #told: Dense | null;
  readonly #logScale: tfTypes.Variable;
  readonly #bias: tfTypes.Variable;

  constructor(store: ParameterStore, name: string, options: GroupingNetworkOptions) {
    this.#store = store;
    this.options = options;
    const { width, stepWidth, stageChannels, classCount, grouping } = options;
    const [quarter, eighth, map] = stageChannels;
    const branch = { width, classCount, grouping };
    this.audio = new GroupingBranch(store, `${name}/audio`, { ...branch, inputs: stepWidth });
    this.visual = new GroupingBranch(store, `${name}/visual`, { ...branch, inputs: map });
    const block = (part: string, inputChannels: number) =>
      new SeparableBlock(store, `${name}/${part}`, { inputChannels, outputChannels: width, strides: [1, 1] });
    this.#middle = block('middle', width + eighth);
    this.#whole = new Dense(store, `${name}/whole`, 2 * width + 2 * EVIDENCE_CHANNELS, width);
    this.#fine = block('fine', width + quarter + EVIDENCE_CHANNELS);
    this.#finest = block('finest', width);
    this.#place = new Dense(store, `${name}/place`, width, width);
    this.#told = grouping ? new Dense(store, `${name}/told`, width, width, 0) : null;
    this.#logScale = store.weight(`${name}/log-scale`, [], {
      kind: 'constant',
      value: Math.log(FIRST_SCALE),
    });
    this.#bias = store.weight(`${name}/bias`, [], { kind: 'constant', value: FIRST_BIAS });
    this.units = [this.#middle, this.#fine, this.#finest].flatMap(({ units }) => units);
  }

  apply(input: GroupingInput<tfTypes.Tensor>, training: boolean): GroupingOutput {
    const { tf } = this.#store.engine;
    const { map } = input.stages;
    const [frames, height, width, channels] = map.shape as [number, number, number, number];
    const listened = this.audio.attend(input.steps);
    const audio = { ...listened, ...this.audio.group(listened.features, listened.classTokens) };
    const looked = this.visual.attend(tf.reshape(map, [frames, height * width, channels]));
    const coarse = tf.reshape(looked.features, [frames, height, width, -1]) as tfTypes.Tensor4D;
    const seen = this.#places(coarse, input, training);
    // The places, not the positions of stride 16: a small object has no position to itself.
    const visual = { ...looked, ...this.visual.group(seen, looked.classTokens) };
    const places = this.#classAware(seen, visual);
    const heard = unitLength(tf, audio.grouped);
    const across = (x: tfTypes.Tensor) => tf.transpose(x, [0, 2, 1]);
    const asked = tf.matMul(places, across(tf.mul(heard, visual.grouped)));
    const lengths = tf.matMul(tf.square(places), across(tf.square(visual.grouped)));
    const cosine = tf.mul(asked, tf.rsqrt(tf.add(lengths, EPSILON)));
    const logits = tf.add(tf.mul(cosine, tf.exp(this.#logScale)), this.#bias);
    return { audio, visual, places, logits };
  }

  /** Places with what is known of the class that each was given to. */
  #classAware(places: tfTypes.Tensor, { affinity, grouped }: Grouped<tfTypes.Tensor>): tfTypes.Tensor {
    if (!this.#told || !affinity) return places;
    const { tf } = this.#store.engine;
    return tf.add(places, this.#told.apply(tf.matMul(tf.softmax(affinity), grouped)));
  }

  /** `[frames, cells, width]` */
  #places(
    coarse: tfTypes.Tensor4D,
    { stages, evidence }: GroupingInput<tfTypes.Tensor>,
    training: boolean,
  ): tfTypes.Tensor {
    const { tf } = this.#store.engine;
    const up = (x: tfTypes.Tensor4D, [, h, w]: number[]) =>
      tf.image.resizeBilinear(x, [h as number, w as number], false, true);
    const { quarter, eighth } = stages;
    const joined = tf.concat([up(coarse, eighth.shape), eighth], -1) as tfTypes.Tensor4D;
    const middle = this.#middle.apply(joined, training);
    const pooled = [coarse, evidence].flatMap((x) => [tf.mean(x, [1, 2]), tf.max(x, [1, 2])]);
    const frames = coarse.shape[0];
    const whole = tf.reshape(this.#whole.apply(tf.concat(pooled, -1)), [frames, 1, 1, -1]);
    const parts = [tf.add(up(middle, quarter.shape), whole), quarter, evidence];
    const fine = this.#fine.apply(tf.concat(parts, -1) as tfTypes.Tensor4D, training);
    const places = this.#place.apply(this.#finest.apply(fine, training));
    return tf.reshape(places, [frames, -1, this.options.width]);
  }

  /**
   * The same in a graph.
   *
   * @param input of the stages, channels before height and width
   * @returns `logits` `[frames, classes, cells]`, `heard` `[1 or frames, classes]`, `seen` `[frames, classes]`
   */
  toOnnx(
    graph: OnnxGraphBuilder,
    { stages, evidence, steps }: GroupingInput<OnnxValue>,
  ): { logits: OnnxValue; heard: OnnxValue; seen: OnnxValue } {
    const { width } = this.options;
    const listened = this.audio.attendToOnnx(graph, steps);
    const audio = this.audio.groupToOnnx(graph, listened.features, listened.classTokens);
    const channels = graph.node('Reshape', [stages.map, graph.int64([0, 0, -1])]);
    const looked = this.visual.attendToOnnx(graph, swapped(graph, channels));
    const shape = graph.node('Shape', [stages.map]);
    const head = graph.node('Slice', [shape, graph.int64([0]), graph.int64([1]), graph.int64([0])]);
    const sides = graph.node('Slice', [shape, graph.int64([2]), graph.int64([4]), graph.int64([0])]);
    const target = graph.node('Concat', [head, graph.int64([width]), sides], { axis: 0 });
    const coarse = graph.node('Reshape', [swapped(graph, looked.features), target]);
    const byPlace = this.#placesToOnnx(graph, coarse, stages, evidence);
    const visual = this.visual.groupToOnnx(graph, byPlace, looked.classTokens);
    const places = swapped(graph, this.#classAwareToOnnx(graph, byPlace, visual));
    const heard = unitLengthToOnnx(graph, audio.grouped);
    const asked = graph.node('MatMul', [graph.node('Mul', [heard, visual.grouped]), places]);
    const squares = [visual.grouped, places].map((x) => graph.node('Mul', [x, x]));
    const lengths = graph.node('Add', [graph.node('MatMul', squares), graph.scalar(EPSILON)]);
    const cosine = graph.node('Div', [asked, graph.node('Sqrt', [lengths])]);
    const scale = graph.scalar(Math.exp(this.#logScale.dataSync()[0] as number));
    const bias = graph.scalar(this.#bias.dataSync()[0] as number);
    const logits = graph.node('Add', [graph.node('Mul', [cosine, scale]), bias]);
    return { logits, heard: audio.presence, seen: visual.presence };
  }

  /** `[frames, cells, width]` */
  #classAwareToOnnx(
    graph: OnnxGraphBuilder,
    places: OnnxValue,
    { affinity, grouped }: Grouped<OnnxValue>,
  ): OnnxValue {
    if (!this.#told || !affinity) return places;
    const weights = graph.node('Softmax', [affinity], { axis: -1 });
    const told = this.#told.toOnnx(graph, graph.node('MatMul', [weights, grouped]));
    return graph.node('Add', [places, told]);
  }

  /** `[frames, cells, width]` */
  #placesToOnnx(
    graph: OnnxGraphBuilder,
    coarse: OnnxValue,
    { quarter, eighth }: GroupingInput<OnnxValue>['stages'],
    evidence: OnnxValue,
  ): OnnxValue {
    const join = (...parts: OnnxValue[]) => graph.node('Concat', parts, { axis: 1 });
    const middle = this.#middle.toOnnx(graph, join(doubled(graph, coarse), eighth));
    const moving = graph.node('Transpose', [evidence], { perm: [0, 3, 1, 2] });
    const pooled = [coarse, moving].flatMap((x) => [
      graph.node('ReduceMean', [x], { axes: [2, 3], keepdims: 0 }),
      graph.node('ReduceMax', [x], { axes: [2, 3], keepdims: 0 }),
    ]);
    const whole = this.#whole.toOnnx(graph, join(...pooled));
    const everywhere = graph.node('Unsqueeze', [whole, graph.int64([2, 3])]);
    const lifted = graph.node('Add', [doubled(graph, middle), everywhere]);
    const fine = this.#finest.toOnnx(graph, this.#fine.toOnnx(graph, join(lifted, quarter, moving)));
    const cells = swapped(graph, graph.node('Reshape', [fine, graph.int64([0, 0, -1])]));
    return this.#place.toOnnx(graph, cells);
  }
}

function swapped(graph: OnnxGraphBuilder, x: OnnxValue): OnnxValue {
  return graph.node('Transpose', [x], { perm: [0, 2, 1] });
}
