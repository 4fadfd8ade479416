/**
 * Matrix products that stock wasm does slowly: transposed operands (every weight gradient) and batches (attention).
 * The plain product of two single matrices stays with XNNPACK.
 */
import { elementCount, input, type KernelContext, type KernelTable, stockKernel } from './kernel.ts';

/** `BatchMatMul` with both transpose flags and NumPy's broadcasting over the leading dimensions. */
export function matmulKernels({ tf, heap, simd }: KernelContext): KernelTable {
  const stock = stockKernel(tf, 'BatchMatMul');
  return {
    BatchMatMul: (call) => {
      const a = input(call.inputs, 'a');
      const b = input(call.inputs, 'b');
      const transposeA = call.attrs?.transposeA === true;
      const transposeB = call.attrs?.transposeB === true;
      const outerA = a.shape.slice(0, -2);
      const outerB = b.shape.slice(0, -2);
      const single = elementCount(outerA) === 1 && elementCount(outerB) === 1;
      if ((single && !transposeA && !transposeB) || a.dtype !== 'float32' || b.dtype !== 'float32') {
        return stock(call);
      }
      const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
      const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
      const [M, K] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
      const N = transposeB ? rowsB : columnsB;
      const outer = tf.broadcast_util.assertAndGetBroadcastShape(outerA, outerB);
      const matrixOfA = broadcastIndices(outerA, outer);
      const matrixOfB = broadcastIndices(outerB, outer);
      const out = heap.allocateZeros([...outer, M, N]);

      const multiply = (from: number, right: number, to: number): void => {
        if (transposeA) simd.accumulateTransposedProduct(from, right, to, K, M, N, M, N);
        else simd.accumulateProduct(from, right, to, M, K, N, K, N);
      };
      const multiplyAll = (scratch: number): void => {
        let inScratch = -1;
        for (let i = 0; i < matrixOfA.length; i++) {
          const indexB = matrixOfB[i]!;
          let right = heap.address(b) + indexB * K * N * 4;
          if (transposeB) {
            // A broadcast matrix is turned once, not once a use.
            if (indexB !== inScratch) simd.transpose(right, scratch, N, K);
            inScratch = indexB;
            right = scratch;
          }
          multiply(heap.address(a) + matrixOfA[i]! * M * K * 4, right, heap.address(out) + i * M * N * 4);
        }
      };
      if (transposeB) heap.withScratch(K * N, multiplyAll);
      else multiplyAll(0);
      return out;
    },
  };
}

/**
 * For every matrix of the result, the index of the operand's matrix that goes into it.
 *
 * @param shape the operand's leading dimensions, aligned at the end with `outer`
 * @param outer the result's leading dimensions
 */
function broadcastIndices(shape: readonly number[], outer: readonly number[]): number[] {
  let indices = [0];
  let matrices = 1;
  for (let axis = outer.length - 1; axis >= 0; axis--) {
    const size = outer[axis]!;
    const own = shape[axis - (outer.length - shape.length)] ?? 1;
    const step = own === 1 ? 0 : matrices;
    indices = Array.from({ length: size }, (_, i) => indices.map((index) => index + i * step)).flat();
    matrices *= own;
  }
  return indices;
}
