/** Makes TensorFlow.js's wasm backend fit for training: the kernels it lacks, and faster ones for a few it has. */
import type { TensorFlow } from '../engine.ts';
import { batchNormKernels } from './batch-norm.ts';
import { composedKernels } from './composed.ts';
import { convolutionKernels } from './convolution.ts';
import { registerFastGradients } from './fast-gradients.ts';
import { gatherKernels } from './gather.ts';
import { registerWasmKernels } from './kernel.ts';
import { matmulKernels } from './matmul.ts';
import { poolingKernels } from './pooling.ts';
import { powerKernels } from './power.ts';
import { rearrangingKernels, registerStridedSliceGradient } from './rearranging.ts';
import { reductionKernels } from './reductions.ts';
import { resizingKernels } from './resizing.ts';
import { samePaddingKernels } from './same-padding.ts';
import { sharingKernels } from './sharing.ts';
import { loadSimdModule, type SimdModule } from './simd-module.ts';
import { WasmHeap } from './wasm-heap.ts';

/**
 * Registers the kernels; the wasm backend must be active.
 *
 * @param load where the SIMD module comes from; when it answers nothing, the missing gradients are composed from
 *   other operations: right, but 7 to 20 times slower
 */
export async function installWasmKernels(
  tf: TensorFlow,
  load: (memory: WebAssembly.Memory) => Promise<SimdModule | undefined> = loadSimdModule,
): Promise<void> {
  const heap = new WasmHeap(tf);
  registerWasmKernels(tf, samePaddingKernels(tf));
  registerWasmKernels(tf, sharingKernels(tf, heap));
  registerWasmKernels(tf, gatherKernels(heap));
  registerWasmKernels(tf, poolingKernels(tf, heap));
  registerWasmKernels(tf, resizingKernels(tf, heap));
  registerWasmKernels(tf, powerKernels(tf, heap));
  registerWasmKernels(tf, rearrangingKernels(tf, heap));
  registerStridedSliceGradient(tf);
  const simd = await load(heap.memory);
  if (!simd) {
    registerWasmKernels(tf, composedKernels(tf));
    return;
  }
  const context = { tf, heap, simd };
  registerWasmKernels(tf, convolutionKernels(context));
  registerWasmKernels(tf, matmulKernels(context));
  registerWasmKernels(tf, reductionKernels(context));
  registerWasmKernels(tf, batchNormKernels(context));
  registerFastGradients(context);
}
