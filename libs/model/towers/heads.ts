/** What both towers' heads have in common. */
import type * as tfTypes from '@tensorflow/tfjs';
import type { TensorFlow } from '../engine/engine.ts';
import { Dense } from '../layers/dense.ts';
import type { ParameterStore } from '../layers/parameters.ts';
import { unitLength, unitLengthToOnnx } from '../layers/unit-length.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';

/** Widths of the projection head over a temporal pyramid of tokens (`extraWidth`: what else is pooled beside it). */
export function headShape(tokenWidth: number, parts: number, dimension: number, extraWidth = 0) {
  const inputWidth = tokenWidth * (parts + 1) + extraWidth;
  return { inputWidth, hiddenWidth: parts === 0 ? tokenWidth : 2 * tokenWidth, dimension };
}

/** Per-step projection for the alignment of both towers; null where the options ask for none. */
export function alignmentLayer(
  store: ParameterStore,
  name: string,
  options: { tokenWidth: number; alignmentDimension: number },
): Dense | null {
  const { tokenWidth, alignmentDimension } = options;
  return alignmentDimension > 0
    ? new Dense(store, `${name}/alignment`, tokenWidth, alignmentDimension)
    : null;
}

/** `[batch, steps, tokenWidth]` to unit vectors `[batch, steps, alignmentDimension]`. */
export function alignmentOf(
  tf: TensorFlow,
  layer: Dense | null,
  steps: tfTypes.Tensor3D,
): tfTypes.Tensor3D | null {
  return layer ? unitLength(tf, layer.apply(steps) as tfTypes.Tensor3D) : null;
}

/** The same in a graph. */
export function alignmentToOnnx(
  graph: OnnxGraphBuilder,
  layer: Dense | null,
  steps: OnnxValue,
): OnnxValue | null {
  return layer && unitLengthToOnnx(graph, layer.toOnnx(graph, steps));
}
