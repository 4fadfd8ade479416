/**
 * The part of TensorFlow.js's wasm backend that our kernels use: tensors as addresses in its heap.
 *
 * The heap may grow with any allocation. Addresses stay valid when it does, typed-array views do not: allocate
 * first, take views afterwards.
 */
import { EarshotError } from '#core/errors';
import type { TensorFlow } from '../engine.ts';

type TensorInfo = import('@tensorflow/tfjs').TensorInfo;

/** What the backend object offers; `@tensorflow/tfjs-backend-wasm` declares these but exports no type for `wasm`. */
interface WasmBackend {
  wasm: {
    asm: { memory: WebAssembly.Memory };
    _malloc(byteCount: number): number;
    _free(address: number): void;
  };
  dataIdMap: { get(dataId: object): { memoryOffset: number } };
  makeOutput(shape: number[], dtype: string): TensorInfo;
  typedArrayFromHeap(info: TensorInfo): Float32Array | Int32Array | Uint8Array;
  disposeData(dataId: object): boolean;
  incRef(dataId: object): void;
}

export class WasmHeap {
  private readonly backend: WasmBackend;

  /** @param tf TensorFlow.js with its wasm backend active */
  constructor(tf: TensorFlow) {
    this.backend = tf.backend() as unknown as WasmBackend;
  }

  get memory(): WebAssembly.Memory {
    return this.backend.wasm.asm.memory;
  }

  /** A new float32 tensor of undefined content. */
  allocate(shape: readonly number[]): TensorInfo {
    return this.backend.makeOutput([...shape], 'float32');
  }

  /** A new float32 tensor filled with zeros. */
  allocateZeros(shape: readonly number[]): TensorInfo {
    const info = this.allocate(shape);
    this.floats(info).fill(0);
    return info;
  }

  /** The tensor's address. */
  address(info: TensorInfo): number {
    return this.backend.dataIdMap.get(info.dataId).memoryOffset;
  }

  /** A float32 tensor's values in place; good until the next allocation. */
  floats(info: TensorInfo): Float32Array {
    return this.backend.typedArrayFromHeap(info) as Float32Array;
  }

  /** An int32 tensor's values in place; good until the next allocation. */
  integers(info: TensorInfo): Int32Array {
    return this.backend.typedArrayFromHeap(info) as Int32Array;
  }

  /** The same values under another tensor: no copy, and each of the two is released on its own. */
  share(info: TensorInfo): TensorInfo {
    this.backend.incRef(info.dataId);
    return { dataId: info.dataId, shape: info.shape, dtype: info.dtype };
  }

  release(info: TensorInfo): void {
    this.backend.disposeData(info.dataId);
  }

  /**
   * Lends `floatCount` floats of scratch space to `use`.
   *
   * @throws EarshotError `internal` when the heap cannot grow any more
   */
  withScratch(floatCount: number, use: (address: number) => void): void {
    // malloc answers a signed number: above 2 GB it would be negative.
    const address = this.backend.wasm._malloc(floatCount * 4) >>> 0;
    if (address === 0) {
      throw new EarshotError('internal', 'The WebAssembly heap is full: use a smaller batch.');
    }
    try {
      use(address);
    } finally {
      this.backend.wasm._free(address);
    }
  }
}
