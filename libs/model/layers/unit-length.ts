/** Scaling to unit length over the last axis. */
import type * as tfTypes from '@tensorflow/tfjs';
import type { TensorFlow } from '../engine/engine.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';

/** Added under the root, so that a vector of zeros stays one. */
const UNIT_LENGTH_EPSILON = 1e-8;

/** `x / sqrt(sum(x^2) + 1e-8)` over the last axis. */
export function unitLength<T extends tfTypes.Tensor>(tf: TensorFlow, x: T): T {
  return tf.mul(x, tf.rsqrt(tf.add(tf.sum(tf.square(x), -1, true), UNIT_LENGTH_EPSILON))) as T;
}

/** The same in a graph. */
export function unitLengthToOnnx(graph: OnnxGraphBuilder, x: OnnxValue): OnnxValue {
  const squares = graph.node('ReduceSumSquare', [x], { axes: [-1], keepdims: 1 });
  const length = graph.node('Sqrt', [graph.node('Add', [squares, graph.scalar(UNIT_LENGTH_EPSILON)])]);
  return graph.node('Div', [x, length]);
}
