/**
 * Copies that need not be made. TensorFlow.js clones every tensor that a gradient will want again, and casts float32
 * to float32; stock wasm copies the values each time. Tensors never change, so both may share their memory.
 */
import type { TensorFlow } from '../engine.ts';
import { input, type KernelTable, stockKernel } from './kernel.ts';
import type { WasmHeap } from './wasm-heap.ts';

/** `Identity` and `Cast`. */
export function sharingKernels(tf: TensorFlow, heap: WasmHeap): KernelTable {
  const stockIdentity = stockKernel(tf, 'Identity');
  const stockCast = stockKernel(tf, 'Cast');
  return {
    Identity: (call) => {
      const x = input(call.inputs, 'x');
      return x.dtype === 'string' ? stockIdentity(call) : heap.share(x);
    },
    Cast: (call) => {
      const x = input(call.inputs, 'x');
      const same = x.dtype === call.attrs?.dtype && x.dtype !== 'string';
      return same ? heap.share(x) : stockCast(call);
    },
  };
}
