/** The gradient of max pooling. Stock wasm has one, but it is wrong even for a window of one pixel. */
import type { TensorFlow } from '../engine.ts';
import { type Attributes, input, type KernelTable } from './kernel.ts';
import type { WasmHeap } from './wasm-heap.ts';

type PoolInfo = ReturnType<TensorFlow['backend_util']['computePool2DInfo']>;

interface PoolAttributes {
  filterSize: number | [number, number];
  strides: number | [number, number];
  pad: 'same' | 'valid' | number;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** `MaxPoolGrad`: each output's gradient goes to the first largest input of its window. */
export function poolingKernels(tf: TensorFlow, heap: WasmHeap): KernelTable {
  return {
    MaxPoolGrad: ({ inputs, attrs }) => {
      const x = input(inputs, 'input');
      const dy = input(inputs, 'dy');
      const info = poolInfo(tf, x.shape, attrs);
      const out = heap.allocateZeros(x.shape);
      routeToMaxima(heap.floats(x), heap.floats(dy), heap.floats(out), info);
      return out;
    },
  };
}

function poolInfo(tf: TensorFlow, shape: readonly number[], attributes: Attributes): PoolInfo {
  const { filterSize, strides, pad, dimRoundingMode } = attributes as unknown as PoolAttributes;
  const shape4 = shape as [number, number, number, number];
  return tf.backend_util.computePool2DInfo(shape4, filterSize, strides, 1, pad, dimRoundingMode);
}

function routeToMaxima(x: Float32Array, dy: Float32Array, dx: Float32Array, info: PoolInfo): void {
  const { inHeight, inWidth, inChannels: channels, outHeight, outWidth } = info;
  for (let b = 0; b < info.batchSize; b++) {
    for (let outRow = 0; outRow < outHeight; outRow++) {
      const top = outRow * info.strideHeight - info.padInfo.top;
      const rows = [Math.max(0, top), Math.min(inHeight, top + info.filterHeight)] as const;
      for (let outColumn = 0; outColumn < outWidth; outColumn++) {
        const left = outColumn * info.strideWidth - info.padInfo.left;
        const columns = [Math.max(0, left), Math.min(inWidth, left + info.filterWidth)] as const;
        const position = ((b * outHeight + outRow) * outWidth + outColumn) * channels;
        for (let c = 0; c < channels; c++) {
          let largest = Number.NEGATIVE_INFINITY;
          let winner = -1;
          for (let row = rows[0]; row < rows[1]; row++) {
            for (let column = columns[0]; column < columns[1]; column++) {
              const at = ((b * inHeight + row) * inWidth + column) * channels + c;
              if (x[at]! > largest) {
                largest = x[at]!;
                winner = at;
              }
            }
          }
          if (winner >= 0) dx[winner] = dx[winner]! + dy[position + c]!;
        }
      }
    }
  }
}
