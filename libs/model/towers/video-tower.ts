/**
 * Video tower: a few colour frames -> trunk with stride 16 -> a map of positions for each frame -> one token a frame;
 * many small motion frames -> a light trunk -> one token each, at 12.5 Hz. Both kinds of token meet in a temporal
 * transformer; what comes out is pooled for the projection head.
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { ConvolutionUnit, SeparableBlock } from '../layers/convolution.ts';
import { Dense } from '../layers/dense.ts';
import type { ParameterStore } from '../layers/parameters.ts';
import { positionPool, positionPoolToOnnx } from '../layers/position-pool.ts';
import { temporalPool, temporalPoolToOnnx } from '../layers/temporal-pool.ts';
import { TransformerEncoder } from '../layers/transformer.ts';
import { unitLength, unitLengthToOnnx } from '../layers/unit-length.ts';
import type { TowerStages } from '../localization/localization-head.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';
import type { OnnxTowerOutput, TowerOutput } from './audio-tower.ts';
import { alignmentLayer, alignmentOf, alignmentToOnnx, headShape } from './heads.ts';
import { MotionTrunk, type MotionTrunkOptions } from './motion-trunk.ts';
import { ProjectionHead } from './projection-head.ts';

export interface VideoTowerOptions {
  /** Output channels of the stem and of each separable block. */
  trunkChannels: [number, number, number, number, number, number];
  tokenWidth: number;
  numEncoderLayers: number;
  numHeads: number;
  embeddingDimension: number;
  /** Null: the tower sees colour frames alone. */
  motion: MotionTrunkOptions | null;
  /** Parts of the temporal pyramid over the steps; 0 pools the plain mean. */
  temporalParts: number;
  /** Width of the per-step embeddings that align with the other tower's; 0 leaves them out. */
  alignmentDimension: number;
  /** Whether every position of the map is projected into the shared space, for localization. */
  positions: boolean;
}

/** Channels of the trunk's stages of stride 4, 8 and 16, which heads may look at. */
export function stageChannels({ trunkChannels }: VideoTowerOptions): [number, number, number] {
  const [, quarter, , eighth, , map] = trunkChannels;
  return [quarter, eighth, map];
}

export interface VideoInput {
  /** `[batch * count, height, width, 3]`, normalised. */
  frames: tfTypes.Tensor4D;
  /** `[batch * count]`: when each frame is on screen, from the segment's start. */
  frameTimesSec: Float32Array;
  /** `[batch * steps, size / 2, size / 2, 8]`; needed by a tower that sees motion. */
  motion: tfTypes.Tensor4D | null;
  /** `[batch * steps]` */
  motionTimesSec: Float32Array;
  /** How many clips the frames belong to. */
  batch: number;
}

export interface VideoTowerOutput extends TowerOutput {
  /** `[batch * count, height / 16, width / 16, channels]`: what was seen, and where. */
  map: tfTypes.Tensor4D;
  /** The map in the shared space, unit length at each position; null where the tower has no such head. */
  positions: tfTypes.Tensor4D | null;
}

/** `VideoInput` in a graph; the times are `[batch, count]` and `[batch, steps]`. */
interface OnnxVideoInput {
  frames: OnnxValue;
  /** Of the colour frames. */
  size: { height: number; width: number };
  frameTimesSec: OnnxValue;
  /** Null for a tower that sees no motion. */
  motion: { frames: OnnxValue; timesSec: OnnxValue } | null;
  /** int64 `[selected]`: of which frames to answer the map. A list of none costs nothing. */
  mapFrames: OnnxValue;
}

/** `VideoTowerOutput` in a graph, `map` and `positions` of the selected frames alone. */
interface OnnxVideoTowerOutput extends OnnxTowerOutput {
  map: OnnxValue;
  positions: OnnxValue | null;
}

interface Steps {
  /** `[batch, steps, tokenWidth]` */
  steps: tfTypes.Tensor3D;
  /** `[batch, pooled width]` */
  pooled: tfTypes.Tensor2D;
}

export class VideoTower {
  readonly options: VideoTowerOptions;
  readonly units: ConvolutionUnit[];
  readonly #store: ParameterStore;
  readonly #stem: ConvolutionUnit;
  readonly #blocks: SeparableBlock[];
  readonly #token: Dense;
  readonly #motionTrunk: MotionTrunk | null;
  readonly #motionToken: Dense | null;
  readonly #encoder: TransformerEncoder;
  readonly #head: ProjectionHead;
  readonly #alignment: Dense | null;
  readonly #positions: ConvolutionUnit | null;

  constructor(store: ParameterStore, name: string, options: VideoTowerOptions) {
    this.#store = store;
    this.options = options;
    const [c0, c1, c2, c3, c4, c5] = options.trunkChannels;
    this.#stem = new ConvolutionUnit(store, `${name}/stem`, {
      kernelSize: 3,
      inputChannels: 3,
      outputChannels: c0,
      strides: [2, 2],
    });
    const block = (i: number, inputChannels: number, outputChannels: number, stride: number) =>
      new SeparableBlock(store, `${name}/trunk/${i}`, {
        inputChannels,
        outputChannels,
        strides: [stride, stride],
      });
    this.#blocks = [
      block(1, c0, c1, 2),
      block(2, c1, c2, 2),
      block(3, c2, c3, 1),
      block(4, c3, c4, 2),
      block(5, c4, c5, 1),
    ];
    const { tokenWidth, temporalParts, embeddingDimension, motion } = options;
    // Mean and maximum over positions: the scene as a whole, and the one thing that stands out in it.
    this.#token = new Dense(store, `${name}/token`, 2 * c5, tokenWidth);
    this.#motionTrunk = motion && new MotionTrunk(store, `${name}/motion`, motion);
    this.#motionToken =
      this.#motionTrunk && new Dense(store, `${name}/motion/token`, this.#motionTrunk.width, tokenWidth);
    this.#encoder = new TransformerEncoder(store, `${name}/encoder`, {
      width: tokenWidth,
      heads: options.numHeads,
      layers: options.numEncoderLayers,
    });
    this.#head = new ProjectionHead(
      store,
      `${name}/head`,
      headShape(tokenWidth, temporalParts, embeddingDimension, motion ? tokenWidth : 0),
    );
    this.#alignment = alignmentLayer(store, name, options);
    this.#positions = options.positions
      ? new ConvolutionUnit(store, `${name}/positions`, {
          kernelSize: 1,
          inputChannels: c5,
          outputChannels: embeddingDimension,
          activation: 'none',
        })
      : null;
    this.units = [
      this.#stem,
      ...this.#blocks.flatMap((b) => b.units),
      ...(this.#motionTrunk?.units ?? []),
      ...this.#head.units,
      ...(this.#positions ? [this.#positions] : []),
    ];
  }

  /**
   * What the trunk sees of each frame by itself, in serving; nothing of it depends on the other frames.
   *
   * @param frames `[frames, height, width, 3]`, normalised
   * @throws RangeError for a tower whose positions are not in the shared space
   */
  stages(frames: tfTypes.Tensor4D): TowerStages<tfTypes.Tensor4D> {
    const { tf } = this.#store.engine;
    const seen = this.#throughTrunk(this.#stem.apply(frames, false), (block, x) => block.apply(x, false));
    return { ...seen, positions: unitLength(tf, this.#positionsHead().apply(seen.map, false)) };
  }

  /** The same in a graph: channels before height and width, of `positions` last. */
  stagesToOnnx(graph: OnnxGraphBuilder, frames: OnnxValue): TowerStages<OnnxValue> {
    const stem = this.#stem.toOnnx(graph, channelsFirst(graph, frames));
    const seen = this.#throughTrunk(stem, (block, x) => block.toOnnx(graph, x));
    const map = graph.node('Transpose', [seen.map], { perm: [0, 2, 3, 1] });
    const positions = unitLengthToOnnx(graph, this.#positionsHead().toOnnxOverLastAxis(graph, map));
    return { ...seen, positions };
  }

  #throughTrunk<Value>(stem: Value, through: (block: SeparableBlock, x: Value) => Value) {
    const seen = [stem];
    for (const block of this.#blocks) seen.push(through(block, seen.at(-1) as Value));
    const [, quarter, , eighth, , map] = seen as [Value, Value, Value, Value, Value, Value];
    return { quarter, eighth, map };
  }

  #positionsHead(): ConvolutionUnit {
    if (this.#positions) return this.#positions;
    throw new RangeError('This video tower has no positions in the shared space.');
  }

  apply(input: VideoInput, training: boolean): VideoTowerOutput {
    const { tf } = this.#store.engine;
    let map = this.#stem.apply(input.frames, training);
    for (const block of this.#blocks) map = block.apply(map, training);
    const { batch, frameTimesSec } = input;
    const frameTokens = tf.reshape(this.#token.apply(positionPool(tf, map)), [
      batch,
      frameTimesSec.length / batch,
      -1,
    ]) as tfTypes.Tensor3D;
    const { steps, pooled } = this.#motionTrunk
      ? this.#withMotion(frameTokens, input, training)
      : this.#framesAlone(frameTokens, input);
    return {
      embedding: this.#head.apply(pooled, training),
      steps,
      alignment: alignmentOf(tf, this.#alignment, steps),
      map,
      positions: this.#positions && unitLength(tf, this.#positions.apply(map, training)),
    };
  }

  #framesAlone(tokens: tfTypes.Tensor3D, { frameTimesSec }: VideoInput): Steps {
    const { tf } = this.#store.engine;
    const steps = this.#encoder.apply(tokens, frameTimesSec) as tfTypes.Tensor3D;
    return { steps, pooled: temporalPool(tf, steps, this.options.temporalParts) };
  }

  /** One sequence of frame tokens, then motion tokens: attention mixes them, positions in time tell them apart. */
  #withMotion(frameTokens: tfTypes.Tensor3D, input: VideoInput, training: boolean): Steps {
    const { tf } = this.#store.engine;
    const { batch, motion, motionTimesSec } = input;
    if (!motion) throw new RangeError('This video tower needs motion frames.');
    const [, frameCount, width] = frameTokens.shape;
    const stepCount = motionTimesSec.length / batch;
    const vectors = (this.#motionTrunk as MotionTrunk).apply(motion, training);
    const motionTokens = tf.reshape((this.#motionToken as Dense).apply(vectors), [batch, stepCount, width]);
    const encoded = this.#encoder.apply(
      tf.concat([frameTokens, motionTokens], 1),
      interleave(input.frameTimesSec, motionTimesSec, batch),
    ) as tfTypes.Tensor3D;
    const frames = tf.slice(encoded, [0, 0, 0], [batch, frameCount, width]);
    const steps = tf.slice(encoded, [0, frameCount, 0], [batch, stepCount, width]);
    const pooled = tf.concat([temporalPool(tf, steps, this.options.temporalParts), tf.mean(frames, 1)], 1);
    return { steps, pooled: pooled as tfTypes.Tensor2D };
  }
  toOnnx(graph: OnnxGraphBuilder, input: OnnxVideoInput): OnnxVideoTowerOutput {
    let map = this.#stem.toOnnxFromPixels(graph, input.frames, input.size);
    for (const block of this.#blocks) map = block.toOnnx(graph, map);
    const tokens = this.#token.toOnnx(graph, positionPoolToOnnx(graph, map));
    const frameTokens = this.#byClip(graph, tokens, input.frameTimesSec);
    const { steps, pooled } = input.motion
      ? this.#withMotionToOnnx(graph, frameTokens, input.frameTimesSec, input.motion)
      : this.#framesAloneToOnnx(graph, frameTokens, input.frameTimesSec);
    const selected = graph.node('Transpose', [graph.node('Gather', [map, input.mapFrames], { axis: 0 })], {
      perm: [0, 2, 3, 1],
    });
    return {
      embedding: this.#head.toOnnx(graph, pooled),
      steps,
      alignment: alignmentToOnnx(graph, this.#alignment, steps),
      map: selected,
      positions:
        this.#positions && unitLengthToOnnx(graph, this.#positions.toOnnxOverLastAxis(graph, selected)),
    };
  }

  #framesAloneToOnnx(graph: OnnxGraphBuilder, tokens: OnnxValue, timesSec: OnnxValue) {
    const steps = this.#encoder.toOnnx(graph, tokens, timesSec);
    return { steps, pooled: temporalPoolToOnnx(graph, steps, this.options.temporalParts) };
  }

  #withMotionToOnnx(
    graph: OnnxGraphBuilder,
    frameTokens: OnnxValue,
    frameTimesSec: OnnxValue,
    motion: { frames: OnnxValue; timesSec: OnnxValue },
  ) {
    const vectors = (this.#motionTrunk as MotionTrunk).toOnnx(graph, motion.frames);
    const motionTokens = this.#byClip(
      graph,
      (this.#motionToken as Dense).toOnnx(graph, vectors),
      motion.timesSec,
    );
    const encoded = this.#encoder.toOnnx(
      graph,
      graph.node('Concat', [frameTokens, motionTokens], { axis: 1 }),
      graph.node('Concat', [frameTimesSec, motion.timesSec], { axis: 1 }),
    );
    const counts = [frameTimesSec, motion.timesSec].map((times) => graph.sizeOf(times, 1));
    const [frames, steps] = graph.nodes('Split', [encoded, graph.node('Concat', counts, { axis: 0 })], 2, {
      axis: 1,
    }) as [OnnxValue, OnnxValue];
    const pyramid = temporalPoolToOnnx(graph, steps, this.options.temporalParts);
    const mean = graph.node('ReduceMean', [frames], { axes: [1], keepdims: 0 });
    return { steps, pooled: graph.node('Concat', [pyramid, mean], { axis: 1 }) };
  }

  /** `[batch * count, tokenWidth]` to `[batch, count, tokenWidth]`, counted by the times. */
  #byClip(graph: OnnxGraphBuilder, tokens: OnnxValue, timesSec: OnnxValue): OnnxValue {
    const width = graph.int64([this.options.tokenWidth]);
    const shape = graph.node('Concat', [graph.node('Shape', [timesSec]), width], { axis: 0 });
    return graph.node('Reshape', [tokens, shape]);
  }
}

function channelsFirst(graph: OnnxGraphBuilder, x: OnnxValue): OnnxValue {
  return graph.node('Transpose', [x], { perm: [0, 3, 1, 2] });
}

/** The times of each clip's frames, then of its motion steps, clip by clip. */
export function interleave(frames: Float32Array, steps: Float32Array, batch: number): Float32Array {
  const perFrames = frames.length / batch;
  const perSteps = steps.length / batch;
  const times = new Float32Array(frames.length + steps.length);
  for (let row = 0; row < batch; row++) {
    const at = row * (perFrames + perSteps);
    times.set(frames.subarray(row * perFrames, (row + 1) * perFrames), at);
    times.set(steps.subarray(row * perSteps, (row + 1) * perSteps), at + perFrames);
  }
  return times;
}
