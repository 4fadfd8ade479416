/** How a kernel of ours takes the place of TensorFlow.js's own on the wasm backend. */
import type { TensorFlow } from '../engine.ts';
import type { SimdModule } from './simd-module.ts';
import type { WasmHeap } from './wasm-heap.ts';

export type TensorInfo = import('@tensorflow/tfjs').TensorInfo;
export type KernelFunc = import('@tensorflow/tfjs').KernelFunc;
export type Attributes = Parameters<KernelFunc>[0]['attrs'];

/** What a SIMD kernel is built from. */
export interface KernelContext {
  tf: TensorFlow;
  heap: WasmHeap;
  simd: SimdModule;
}

/** Kernels by TensorFlow.js's kernel name. */
export type KernelTable = Record<string, KernelFunc>;

/** Registers the kernels for the wasm backend, in place of any that are there. */
export function registerWasmKernels(tf: TensorFlow, kernels: KernelTable): void {
  for (const [kernelName, kernelFunc] of Object.entries(kernels)) {
    // Without this TensorFlow.js warns on the console that the kernel is registered twice.
    if (tf.getKernel(kernelName, 'wasm')) tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc });
  }
}

/** The stock wasm kernel, for the cases where it is as good as ours. */
export function stockKernel(tf: TensorFlow, kernelName: string): KernelFunc {
  return tf.getKernel(kernelName, 'wasm').kernelFunc;
}

/** An input that TensorFlow.js guarantees to be there. */
export function input(inputs: Parameters<KernelFunc>[0]['inputs'], name: string): TensorInfo {
  return inputs[name] as TensorInfo;
}

/** Number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
