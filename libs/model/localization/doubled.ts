import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';

/** Twice as high and wide, bilinear with half-pixel centres; channels before height and width. */
export function doubled(graph: OnnxGraphBuilder, x: OnnxValue): OnnxValue {
  const scales = graph.constant(Float32Array.of(1, 1, 2, 2), [4]);
  return graph.node('Resize', [x, null, scales], {
    mode: 'linear',
    coordinate_transformation_mode: 'half_pixel',
  });
}
