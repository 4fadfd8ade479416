/**
 * Two ways to make one vector or sequence of what is heard and what is seen: a weighted mean, and attention in which
 * the picture asks the sound.
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';
import { MultiHeadAttention } from './attention.ts';
import { Dense, LayerNorm } from './dense.ts';
import type { ParameterStore } from './parameters.ts';

/**
 * `h = a * audio + (1 - a) * video`. The weight `a` is learned from both (a gated multimodal unit with one gate), or
 * given, from the quality of the sound for example.
 *
 * @see Arevalo et al. 2017, "Gated multimodal units for information fusion"
 */
export class WeightedFusion {
  readonly #store: ParameterStore;
  readonly #gate: Dense;

  constructor(store: ParameterStore, name: string, width: number) {
    this.#store = store;
    this.#gate = new Dense(store, `${name}/gate`, 2 * width, 1);
  }

  /**
   * @param audio  `[batch, width]`
   * @param video  `[batch, width]`
   * @param weight `[batch, 1]`, 0..1, of the sound, in place of the learned one
   * @returns `[batch, width]`, and the weights used, `[batch, 1]`
   */
  apply(
    audio: tfTypes.Tensor,
    video: tfTypes.Tensor,
    weight?: tfTypes.Tensor,
  ): { fused: tfTypes.Tensor; weight: tfTypes.Tensor } {
    const { tf } = this.#store.engine;
    const used = weight ?? tf.sigmoid(this.#gate.apply(tf.concat([audio, video], -1)));
    return { fused: tf.add(tf.mul(used, audio), tf.mul(tf.sub(1, used), video)), weight: used };
  }

  /** As `apply`. */
  toOnnx(
    graph: OnnxGraphBuilder,
    audio: OnnxValue,
    video: OnnxValue,
    weight?: OnnxValue,
  ): { fused: OnnxValue; weight: OnnxValue } {
    const both = graph.node('Concat', [audio, video], { axis: -1 });
    const used = weight ?? graph.node('Sigmoid', [this.#gate.toOnnx(graph, both)]);
    const rest = graph.node('Sub', [graph.scalar(1), used]);
    const fused = graph.node('Add', [graph.node('Mul', [used, audio]), graph.node('Mul', [rest, video])]);
    return { fused, weight: used };
  }
}

/** The picture's steps ask the sound's steps, and keep what they were: a pre-norm residual block of attention. */
export class CrossModalAttention {
  readonly #store: ParameterStore;
  readonly #normVideo: LayerNorm;
  readonly #normAudio: LayerNorm;
  readonly #attention: MultiHeadAttention;

  /** @param width a whole multiple of `heads` */
  constructor(store: ParameterStore, name: string, width: number, heads: number) {
    this.#store = store;
    this.#normVideo = new LayerNorm(store, `${name}/norm-video`, width);
    this.#normAudio = new LayerNorm(store, `${name}/norm-audio`, width);
    this.#attention = new MultiHeadAttention(store, `${name}/attention`, width, heads);
  }

  /**
   * @param video     `[batch, videoSteps, width]`
   * @param audio     `[batch, audioSteps, width]`
   * @param audioMask `[batch, audioSteps]`, 0 for steps that are padding
   * @returns `[batch, videoSteps, width]`
   */
  apply(video: tfTypes.Tensor, audio: tfTypes.Tensor, audioMask?: tfTypes.Tensor): tfTypes.Tensor {
    const heard = this.#attention.apply(
      this.#normVideo.apply(video),
      this.#normAudio.apply(audio),
      audioMask,
    );
    return this.#store.engine.tf.add(video, heard);
  }

  /** As `apply`. */
  toOnnx(graph: OnnxGraphBuilder, video: OnnxValue, audio: OnnxValue, audioMask?: OnnxValue): OnnxValue {
    const asking = this.#normVideo.toOnnx(graph, video);
    const asked = this.#normAudio.toOnnx(graph, audio);
    return graph.node('Add', [video, this.#attention.toOnnx(graph, asking, asked, audioMask)]);
  }
}
