/** Matrix products: stock wasm is slow at transposed operands (every weight gradient) and at batches (attention). */
import { input, type KernelContext, type KernelTable, stockKernel } from './kernel.ts';

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
      if (a.dtype !== 'float32' || b.dtype !== 'float32') return stock(call);
      const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
      const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
      const [M, K] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
      const N = transposeB ? rowsB : columnsB;
      const outer = tf.broadcast_util.assertAndGetBroadcastShape(outerA, outerB);
      const matrixOfA = broadcastIndices(outerA, outer);
      const matrixOfB = broadcastIndices(outerB, outer);
      const out = heap.allocate([...outer, M, N]);
      if (K === 0) heap.floats(out).fill(0);
      // A left operand is turned by the product of columns; if both are, the right one is turned beforehand.
      const turned = transposeA && transposeB ? K * N : 0;
      const needed = transposeA ? simd.transposedProductScratch(K, M, N) : simd.productScratch(K, N);
      heap.withScratch(turned + needed, (memory) => {
        const scratch = memory + turned * 4;
        for (let i = 0; i < matrixOfA.length; i++) {
          const left = heap.address(a) + matrixOfA[i]! * M * K * 4;
          const right = heap.address(b) + matrixOfB[i]! * K * N * 4;
          const to = heap.address(out) + i * M * N * 4;
          if (!transposeA) {
            simd.product(left, right, to, M, K, N, K, N, transposeB, false, scratch);
            continue;
          }
          if (transposeB) simd.transpose(right, memory, N, K);
          simd.transposedProduct(left, transposeB ? memory : right, to, K, M, N, M, N, false, scratch);
        }
      });
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
