/**
 * Sums, means and maxima over one run of neighbouring axes that is not the last (bias gradients, pooling over
 * positions or time): stock wasm transposes the whole tensor first. Any other reduction stays with the stock kernel.
 */
import { input, type KernelContext, type KernelFunc, type KernelTable, stockKernel } from './kernel.ts';
import { asRowReduction, type RowReduction } from './row-reduction.ts';

type Axis = number | number[] | undefined;

/** `Sum`, `Mean` and `Max`. */
export function reductionKernels({ tf, heap, simd }: KernelContext): KernelTable {
  type Reduce = (x: number, out: number, size: RowReduction) => void;
  const kernel = (stock: KernelFunc, axisAttribute: string, reduce: Reduce): KernelFunc => {
    return (call) => {
      const x = input(call.inputs, 'x');
      const axis = call.attrs?.[axisAttribute] as Axis;
      const size = x.dtype === 'float32' ? asRowReduction(tf, x.shape, axis) : undefined;
      if (!size || size.columns === 1) return stock(call);
      const axes = tf.util.parseAxisParam(axis as number | number[], x.shape);
      const kept = tf.backend_util.expandShapeToKeepDim(
        tf.backend_util.computeOutAndReduceShapes(x.shape, axes)[0],
        axes,
      );
      const outShape = call.attrs?.keepDims === true ? kept : kept.filter((_, i) => !axes.includes(i));
      const out = heap.allocate(outShape);
      reduce(heap.address(x), heap.address(out), size);
      return out;
    };
  };
  const sum: Reduce = (x, out, { outer, rows, columns }) => simd.sumRows(x, out, outer, rows, columns);
  const mean: Reduce = (x, out, size) => {
    sum(x, out, size);
    simd.spreadRows(out, 1 / size.rows, out, 1, 1, size.outer * size.columns);
  };
  const max: Reduce = (x, out, { outer, rows, columns }) => simd.maxRows(x, out, outer, rows, columns);
  return {
    Sum: kernel(stockKernel(tf, 'Sum'), 'axis', sum),
    Mean: kernel(stockKernel(tf, 'Mean'), 'axis', mean),
    Max: kernel(stockKernel(tf, 'Max'), 'reductionIndices', max),
  };
}
