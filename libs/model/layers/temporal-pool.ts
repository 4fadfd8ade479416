/**
 * Temporal pyramid pooling: the mean over all steps beside the means over equal parts of the time, so that a pooled
 * vector still knows when something happened.
 *
 * @see Grauman & Darrell 2005 and Lazebnik et al. 2006 for pyramids; He et al. 2015 for pooling into a fixed length
 */
import type * as tfTypes from '@tensorflow/tfjs';
import type { TensorFlow } from '../engine/engine.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';

/**
 * Weights of the pyramid: column 0 averages all steps, column `p + 1` those of part `p`. Every part has at least one
 * step, so fewer steps than parts repeat themselves.
 *
 * @returns `[steps, parts + 1]`, row by row
 */
export function poolingWeights(steps: number, parts: number): Float32Array {
  const columns = parts + 1;
  const weights = new Float32Array(steps * columns);
  for (let step = 0; step < steps; step++) weights[step * columns] = 1 / steps;
  for (let part = 0; part < parts; part++) {
    const first = Math.floor((part * steps) / parts);
    const end = Math.max(first + 1, Math.floor(((part + 1) * steps) / parts));
    for (let step = first; step < end; step++) weights[step * columns + part + 1] = 1 / (end - first);
  }
  return weights;
}

/**
 * @param x     `[batch, steps, width]`
 * @param parts equal parts of the time; 0 leaves the plain mean
 * @returns `[batch, width * (parts + 1)]`, the pyramid's values of one channel side by side
 */
export function temporalPool(tf: TensorFlow, x: tfTypes.Tensor3D, parts: number): tfTypes.Tensor2D {
  const [batch, steps, width] = x.shape;
  if (parts === 0) return tf.mean(x, 1) as tfTypes.Tensor2D;
  const weights = tf.tensor2d(poolingWeights(steps, parts), [steps, parts + 1]);
  // One flat product: a batched one would repeat the weights for every row.
  const byChannel = tf.reshape(tf.transpose(x, [0, 2, 1]), [batch * width, steps]);
  return tf.reshape(tf.matMul(byChannel as tfTypes.Tensor2D, weights), [batch, width * (parts + 1)]);
}

/** The same in a graph, for any number of steps: `[batch, steps, width]` to `[batch, width * (parts + 1)]`. */
export function temporalPoolToOnnx(graph: OnnxGraphBuilder, x: OnnxValue, parts: number): OnnxValue {
  if (parts === 0) return graph.node('ReduceMean', [x], { axes: [1], keepdims: 0 });
  const pooled = graph.node('MatMul', [poolingWeightsToOnnx(graph, x, parts), x]);
  const byChannel = graph.node('Transpose', [pooled], { perm: [0, 2, 1] });
  return graph.node('Reshape', [byChannel, graph.int64([0, -1])]);
}

/** `poolingWeights` by columns, `[parts + 1, steps]`, from the number of steps that x turns out to have. */
function poolingWeightsToOnnx(graph: OnnxGraphBuilder, x: OnnxValue, parts: number): OnnxValue {
  const steps = graph.sizeOf(x, 1);
  // Column 0 is a part of its own, from 0 to 1 of 1; the others go from `part` to `part + 1` of `parts`.
  const column = (first: number, value: (part: number) => number) =>
    graph.constant(
      BigInt64Array.from([first, ...Array.from({ length: parts }, (_, part) => value(part))], BigInt),
      [parts + 1, 1],
    );
  const divisor = column(1, () => parts);
  const boundary = (numerator: OnnxValue) =>
    graph.node('Div', [graph.node('Mul', [numerator, steps]), divisor]);
  const first = boundary(column(0, (part) => part));
  const atLeastOne = graph.node('Add', [first, graph.int64([1])]);
  const end = graph.node('Max', [boundary(column(1, (part) => part + 1)), atLeastOne]);
  const step = graph.range(steps);
  const inside = graph.node('And', [
    graph.node('GreaterOrEqual', [step, first]),
    graph.node('Less', [step, end]),
  ]);
  const length = graph.node('Sub', [end, first]);
  return graph.node('Div', [graph.cast(inside, 'float32'), graph.cast(length, 'float32')]);
}
