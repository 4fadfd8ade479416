/**
 * One modality of the audio-visual grouping network: learned class tokens join the modality's features in
 * self-attention; then each feature is given to the classes that it speaks for, and each class token gathers its own.
 *
 * @see Mo & Tian 2023, "Audio-visual grouping network for sound localization from mixtures", section 3.2;
 *   Xu et al. 2022, "GroupViT", for the grouping block
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { Dense, LayerNorm } from '../layers/dense.ts';
import type { ParameterStore } from '../layers/parameters.ts';
import { EncoderLayer } from '../layers/transformer.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';

const HEADS = 4;
/** Keeps classes that no feature speaks for from a division by nothing. */
const LEAST_WEIGHT = 1e-6;
/** Added to the logits of presence, because most classes are not there. */
const RARE = -3;

export interface GroupingBranchOptions {
  /** Channels of the features. */
  inputs: number;
  width: number;
  classCount: number;
  /** Without it a class token stays what self-attention made of it: the ablation. */
  grouping: boolean;
}

export interface Attended<Value> {
  /** `[batch, positions, width]`: the features after self-attention. */
  features: Value;
  /** `[batch, classes, width]`: the class tokens after self-attention. */
  classTokens: Value;
}

export interface Grouped<Value> {
  /** `[batch, classes, width]`: what the modality says of each class. */
  grouped: Value;
  /** `[batch, classes]`: logits of each class being there. */
  presence: Value;
  /** Logits `[batch, features, classes]`: which class each feature is given to; null without grouping. */
  affinity: Value | null;
}

export class GroupingBranch {
  readonly #store: ParameterStore;
  readonly #options: GroupingBranchOptions;
  readonly #input: Dense;
  readonly #tokens: tfTypes.Variable;
  readonly #attention: EncoderLayer;
  readonly #norm: LayerNorm;
  readonly #block: GroupingBlock | null;
  readonly #identity: Dense;
  readonly #presence: Dense;

  constructor(store: ParameterStore, name: string, options: GroupingBranchOptions) {
    const { inputs, width, classCount, grouping } = options;
    this.#store = store;
    this.#options = options;
    this.#input = new Dense(store, `${name}/input`, inputs, width);
    this.#tokens = store.weight(`${name}/class-tokens`, [classCount, width], {
      kind: 'normal',
      deviation: 1,
    });
    this.#attention = new EncoderLayer(store, `${name}/attention`, width, HEADS);
    this.#norm = new LayerNorm(store, `${name}/norm`, width);
    this.#block = grouping ? new GroupingBlock(store, `${name}/assignment`, width) : null;
    this.#identity = new Dense(store, `${name}/identity`, width, classCount);
    this.#presence = new Dense(store, `${name}/presence`, width, 1);
  }

  /** @param x `[batch, positions, inputs]` */
  attend(x: tfTypes.Tensor): Attended<tfTypes.Tensor> {
    const { tf } = this.#store.engine;
    const { width, classCount } = this.#options;
    const [batch, positions] = x.shape as [number, number, number];
    const tokens = tf.add(tf.zeros([batch, classCount, width]), this.#tokens);
    const joined = tf.concat([this.#input.apply(x), tokens], 1);
    const attended = this.#norm.apply(this.#attention.apply(joined)) as tfTypes.Tensor3D;
    const features = tf.slice(attended, [0, 0, 0], [batch, positions, width]);
    const classTokens = tf.slice(attended, [0, positions, 0], [batch, classCount, width]);
    return { features, classTokens };
  }

  /** @param features `[batch, features, width]`: those that the classes gather */
  group(features: tfTypes.Tensor, classTokens: tfTypes.Tensor): Grouped<tfTypes.Tensor> {
    const { tf } = this.#store.engine;
    const [batch, classCount] = classTokens.shape as [number, number, number];
    const { grouped, affinity } = this.#block?.apply(features, classTokens) ?? {
      ...{ grouped: classTokens, affinity: null },
    };
    const presence = tf.add(tf.reshape(this.#presence.apply(grouped), [batch, classCount]), RARE);
    return { grouped, presence, affinity };
  }

  /** Which class each class token stands for, as logits `[batch, classes, classes]`: only training asks. */
  identityOf(classTokens: tfTypes.Tensor): tfTypes.Tensor {
    return this.#identity.apply(classTokens);
  }

  /** @param x `[batch, positions, inputs]` */
  attendToOnnx(graph: OnnxGraphBuilder, x: OnnxValue): Attended<OnnxValue> {
    const { width, classCount } = this.#options;
    const tokens = graph.constant(this.#tokens.dataSync() as Float32Array, [1, classCount, width]);
    const sizes = graph.node('Concat', [graph.sizeOf(x, 0), graph.int64([1, 1])], { axis: 0 });
    const forEach = graph.node('Expand', [tokens, sizes]);
    const joined = graph.node('Concat', [this.#input.toOnnx(graph, x), forEach], { axis: 1 });
    const attended = this.#norm.toOnnx(graph, this.#attention.toOnnx(graph, joined));
    const [last, axis] = [graph.int64([-classCount]), graph.int64([1])];
    const features = graph.node('Slice', [attended, graph.int64([0]), last, axis]);
    const end = graph.int64([Number.MAX_SAFE_INTEGER]);
    const classTokens = graph.node('Slice', [attended, last, end, axis]);
    return { features, classTokens };
  }

  /** @param features `[batch, features, width]` */
  groupToOnnx(graph: OnnxGraphBuilder, features: OnnxValue, classTokens: OnnxValue): Grouped<OnnxValue> {
    const { grouped, affinity } = this.#block?.toOnnx(graph, features, classTokens) ?? {
      ...{ grouped: classTokens, affinity: null },
    };
    const flat = graph.node('Squeeze', [this.#presence.toOnnx(graph, grouped), graph.int64([2])]);
    const presence = graph.node('Add', [flat, graph.scalar(RARE)]);
    return { grouped, presence, affinity };
  }
}

/**
 * `A = softmax over classes of (W_q f . W_k c)`, `g_i = c_i + W_o (sum_p A_pi W_v f_p) / (sum_p A_pi)`: classes compete
 * for each feature, and each takes the mean of what it won.
 */
class GroupingBlock {
  readonly #store: ParameterStore;
  readonly #scale: number;
  readonly #query: Dense;
  readonly #key: Dense;
  readonly #value: Dense;
  readonly #output: Dense;

  constructor(store: ParameterStore, name: string, width: number) {
    this.#store = store;
    this.#scale = 1 / Math.sqrt(width);
    this.#query = new Dense(store, `${name}/query`, width, width);
    this.#key = new Dense(store, `${name}/key`, width, width);
    this.#value = new Dense(store, `${name}/value`, width, width);
    // What is gathered adds nothing at first: the tokens are learned before what is theirs.
    this.#output = new Dense(store, `${name}/output`, width, width, 0);
  }

  /** `[batch, features, width]` and `[batch, classes, width]` to `[batch, classes, width]`. */
  apply(
    features: tfTypes.Tensor,
    classTokens: tfTypes.Tensor,
  ): { grouped: tfTypes.Tensor; affinity: tfTypes.Tensor } {
    const { tf } = this.#store.engine;
    const keys = tf.transpose(this.#key.apply(classTokens), [0, 2, 1]);
    const affinity = tf.mul(tf.matMul(this.#query.apply(features), keys), this.#scale);
    const weights = tf.transpose(tf.softmax(affinity), [0, 2, 1]);
    const won = tf.matMul(weights, this.#value.apply(features));
    const mean = tf.div(won, tf.add(tf.sum(weights, -1, true), LEAST_WEIGHT));
    return { grouped: tf.add(classTokens, this.#output.apply(mean)), affinity };
  }

  toOnnx(
    graph: OnnxGraphBuilder,
    features: OnnxValue,
    classTokens: OnnxValue,
  ): { grouped: OnnxValue; affinity: OnnxValue } {
    const swapped = (x: OnnxValue) => graph.node('Transpose', [x], { perm: [0, 2, 1] });
    const keys = swapped(this.#key.toOnnx(graph, classTokens));
    const product = graph.node('MatMul', [this.#query.toOnnx(graph, features), keys]);
    const affinity = graph.node('Mul', [product, graph.scalar(this.#scale)]);
    const weights = swapped(graph.node('Softmax', [affinity], { axis: -1 }));
    const won = graph.node('MatMul', [weights, this.#value.toOnnx(graph, features)]);
    const sums = graph.node('ReduceSum', [weights, graph.int64([-1])], { keepdims: 1 });
    const mean = graph.node('Div', [won, graph.node('Add', [sums, graph.scalar(LEAST_WEIGHT)])]);
    return { grouped: graph.node('Add', [classTokens, this.#output.toOnnx(graph, mean)]), affinity };
  }
}
