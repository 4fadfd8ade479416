/**
 * Sums and means over one run of neighbouring axes that is not the last (bias gradients, pooling over positions or
 * time): stock wasm transposes the whole tensor first. Any other reduction stays with the stock kernel.
 */
import type { TensorFlow } from '../engine.ts';
import {
  type Attributes,
  elementCount,
  input,
  type KernelContext,
  type KernelFunc,
  type KernelTable,
  stockKernel,
  type TensorInfo,
} from './kernel.ts';

/** A tensor seen as `[outer, rows, columns]`, to be reduced over its rows. */
interface RowReduction {
  outer: number;
  rows: number;
  columns: number;
  outShape: number[];
}

/** `Sum` and `Mean`. */
export function reductionKernels({ tf, heap, simd }: KernelContext): KernelTable {
  const kernel = (stock: KernelFunc, divide: boolean): KernelFunc => {
    return (call) => {
      const x = input(call.inputs, 'x');
      const reduction = asRowReduction(tf, x, call.attrs);
      if (!reduction) return stock(call);
      const { outer, rows, columns, outShape } = reduction;
      const out = heap.allocate(outShape);
      simd.sumRows(heap.address(x), heap.address(out), outer, rows, columns);
      if (divide) {
        const sums = heap.floats(out);
        for (let i = 0; i < sums.length; i++) sums[i] = sums[i]! / rows;
      }
      return out;
    };
  };
  return { Sum: kernel(stockKernel(tf, 'Sum'), false), Mean: kernel(stockKernel(tf, 'Mean'), true) };
}

function asRowReduction(tf: TensorFlow, x: TensorInfo, attributes: Attributes): RowReduction | undefined {
  if (x.dtype !== 'float32') return undefined;
  const axes = tf.util
    .parseAxisParam(attributes?.axis as number | number[], x.shape)
    .toSorted((left, right) => left - right);
  const first = axes[0];
  if (first === undefined) return undefined;
  const end = first + axes.length;
  const columns = elementCount(x.shape.slice(end));
  const rows = elementCount(x.shape.slice(first, end));
  const isRun = axes.every((axis, i) => axis === first + i);
  if (!isRun || columns === 1 || rows === 0 || columns === 0) return undefined;
  const kept = attributes?.keepDims === true ? axes.map(() => 1) : [];
  return {
    outer: elementCount(x.shape.slice(0, first)),
    rows,
    columns,
    outShape: [...x.shape.slice(0, first), ...kept, ...x.shape.slice(end)],
  };
}
