/** Small whole powers by multiplication: stock wasm computes every power from a logarithm and an exponential. */
import type { TensorFlow } from '../engine.ts';
import { elementCount, input, type KernelTable, stockKernel } from './kernel.ts';
import type { WasmHeap } from './wasm-heap.ts';

const LARGEST_EXPONENT = 16;

/** `Pow` with one whole exponent from -16 to 16 for all of a float32 tensor; the rest stays with the stock kernel. */
export function powerKernels(tf: TensorFlow, heap: WasmHeap): KernelTable {
  const stock = stockKernel(tf, 'Pow');
  return {
    Pow: (call) => {
      const base = input(call.inputs, 'a');
      const exponent = input(call.inputs, 'b');
      const floats = base.dtype === 'float32' && exponent.dtype === 'float32';
      const single = elementCount(exponent.shape) === 1 && exponent.shape.length <= base.shape.length;
      if (!floats || !single) return stock(call);
      const power = heap.floats(exponent)[0]!;
      if (!Number.isInteger(power) || Math.abs(power) > LARGEST_EXPONENT) return stock(call);
      const out = heap.allocate(base.shape);
      raise(heap.floats(base), power, heap.floats(out));
      return out;
    },
  };
}

/** In double precision, rounded once. */
function raise(base: Float32Array, power: number, out: Float32Array): void {
  const factors = Math.abs(power);
  for (let i = 0; i < base.length; i++) {
    const x = base[i]!;
    let product = 1;
    for (let n = 0; n < factors; n++) product *= x;
    out[i] = power < 0 ? 1 / product : product;
  }
}
