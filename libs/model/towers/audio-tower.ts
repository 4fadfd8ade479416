/**
 * Audio tower: log-mel -> depthwise-separable trunk -> one token a time step -> transformer -> projection head.
 * Tokens keep a rate of 12.5 Hz, because synchronisation needs to see shifts of a fraction of a second.
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { ConvolutionUnit, SeparableBlock } from '../layers/convolution.ts';
import { Dense } from '../layers/dense.ts';
import type { ParameterStore } from '../layers/parameters.ts';
import { temporalPool, temporalPoolToOnnx } from '../layers/temporal-pool.ts';
import { TransformerEncoder } from '../layers/transformer.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';
import { alignmentLayer, alignmentOf, alignmentToOnnx, headShape } from './heads.ts';
import { ProjectionHead } from './projection-head.ts';

export interface AudioTowerOptions {
  /** Mel bands of the input; a power of two of at least 16. */
  bands: number;
  /** Seconds between input frames. */
  hopSec: number;
  /** Output channels of the stem and of each separable block; the strides are fixed by the design. */
  trunkChannels: [number, number, number, number, number];
  tokenWidth: number;
  numEncoderLayers: number;
  numHeads: number;
  embeddingDimension: number;
  /** Parts of the temporal pyramid; 0 pools the plain mean. */
  temporalParts: number;
  /** Width of the per-step embeddings that align with the other tower's; 0 leaves them out. */
  alignmentDimension: number;
}

/** Input frames for one token: the trunk halves time three times. */
export const AUDIO_TIME_STRIDE = 8;
const BAND_STRIDE = 16;

export interface TowerOutput {
  /** `[batch, dimension]`, unit length. */
  embedding: tfTypes.Tensor2D;
  /** `[batch, steps, tokenWidth]`: what the head pools. */
  steps: tfTypes.Tensor3D;
  /** `[batch, steps, alignmentDimension]`, unit length: what happens at each step; null where the tower has none. */
  alignment: tfTypes.Tensor3D | null;
}

/** `TowerOutput` in a graph. */
export interface OnnxTowerOutput {
  embedding: OnnxValue;
  steps: OnnxValue;
  alignment: OnnxValue | null;
}

export class AudioTower {
  readonly options: AudioTowerOptions;
  readonly units: ConvolutionUnit[];
  readonly #store: ParameterStore;
  readonly #stem: ConvolutionUnit;
  readonly #blocks: SeparableBlock[];
  readonly #token: Dense;
  readonly #encoder: TransformerEncoder;
  readonly #head: ProjectionHead;
  readonly #alignment: Dense | null;

  constructor(store: ParameterStore, name: string, options: AudioTowerOptions) {
    this.#store = store;
    this.options = options;
    const [c0, c1, c2, c3, c4] = options.trunkChannels;
    this.#stem = new ConvolutionUnit(store, `${name}/stem`, {
      kernelSize: 3,
      inputChannels: 1,
      outputChannels: c0,
      strides: [2, 2],
    });
    const block = (i: number, inputChannels: number, outputChannels: number, strides: [number, number]) =>
      new SeparableBlock(store, `${name}/trunk/${i}`, { inputChannels, outputChannels, strides });
    this.#blocks = [
      block(1, c0, c1, [2, 2]),
      block(2, c1, c2, [2, 2]),
      block(3, c2, c3, [1, 2]),
      block(4, c3, c4, [1, 1]),
    ];
    // Bands stay apart in the token: pitch is where the energy lies, and a mean over bands would lose it.
    this.#token = new Dense(store, `${name}/token`, (options.bands / BAND_STRIDE) * c4, options.tokenWidth);
    this.#encoder = new TransformerEncoder(store, `${name}/encoder`, {
      width: options.tokenWidth,
      heads: options.numHeads,
      layers: options.numEncoderLayers,
    });
    this.#head = new ProjectionHead(
      store,
      `${name}/head`,
      headShape(options.tokenWidth, options.temporalParts, options.embeddingDimension),
    );
    this.#alignment = alignmentLayer(store, name, options);
    this.units = [this.#stem, ...this.#blocks.flatMap((b) => b.units), ...this.#head.units];
  }

  /** Seconds between tokens. */
  get stepSec(): number {
    return this.options.hopSec * AUDIO_TIME_STRIDE;
  }

  /** @param logMel `[batch, frames, bands, 1]`, normalised; frames a multiple of 8 */
  apply(logMel: tfTypes.Tensor4D, training: boolean): TowerOutput {
    const { tf } = this.#store.engine;
    let map = this.#stem.apply(logMel, training);
    for (const block of this.#blocks) map = block.apply(map, training);
    const [batch, steps, bands, channels] = map.shape;
    const tokens = this.#token.apply(tf.reshape(map, [batch, steps, bands * channels]));
    const timesSec = Float32Array.from({ length: steps }, (_, i) => (i + 0.5) * this.stepSec);
    const encoded = this.#encoder.apply(tokens, timesSec) as tfTypes.Tensor3D;
    const pooled = temporalPool(tf, encoded, this.options.temporalParts);
    const embedding = this.#head.apply(pooled, training);
    return { embedding, steps: encoded, alignment: alignmentOf(tf, this.#alignment, encoded) };
  }
  /** @param logMel `[batch, frames, bands, 1]`, as in `apply` */
  toOnnx(graph: OnnxGraphBuilder, logMel: OnnxValue): OnnxTowerOutput {
    let map = this.#stem.toOnnx(graph, graph.node('Transpose', [logMel], { perm: [0, 3, 1, 2] }));
    for (const block of this.#blocks) map = block.toOnnx(graph, map);
    const byStep = graph.node('Transpose', [map], { perm: [0, 2, 3, 1] });
    const tokens = this.#token.toOnnx(graph, graph.node('Reshape', [byStep, graph.int64([0, 0, -1])]));
    const steps = this.#encoder.toOnnx(graph, tokens, this.#timesToOnnx(graph, tokens));
    const pooled = temporalPoolToOnnx(graph, steps, this.options.temporalParts);
    return {
      embedding: this.#head.toOnnx(graph, pooled),
      steps,
      alignment: alignmentToOnnx(graph, this.#alignment, steps),
    };
  }

  /** Middle of each token's step, `[1, steps]`. */
  #timesToOnnx(graph: OnnxGraphBuilder, tokens: OnnxValue): OnnxValue {
    const number = (value: number) => graph.constant(Float64Array.of(value), []);
    const index = graph.cast(graph.range(graph.sizeOf(tokens, 1)), 'float64');
    const middle = graph.node('Add', [index, number(0.5)]);
    const timesSec = graph.node('Mul', [middle, number(this.stepSec)]);
    return graph.node('Unsqueeze', [graph.cast(timesSec, 'float32'), graph.int64([0])]);
  }
}
