/** From a map to one vector: its mean over all positions, which is the scene, beside its maximum, what stands out. */
import type * as tfTypes from '@tensorflow/tfjs';
import type { TensorFlow } from '../engine/engine.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';

/** `[batch, height, width, channels]` to `[batch, 2 * channels]`. */
export function positionPool(tf: TensorFlow, map: tfTypes.Tensor4D): tfTypes.Tensor2D {
  return tf.concat([tf.mean(map, [1, 2]), tf.max(map, [1, 2])], 1) as tfTypes.Tensor2D;
}

/** `[batch, channels, height, width]` to `[batch, 2 * channels]`. */
export function positionPoolToOnnx(graph: OnnxGraphBuilder, map: OnnxValue): OnnxValue {
  const pooled = ['GlobalAveragePool', 'GlobalMaxPool'].map((operator) => graph.node(operator, [map]));
  return graph.node('Flatten', [graph.node('Concat', pooled, { axis: 1 })], { axis: 1 });
}
