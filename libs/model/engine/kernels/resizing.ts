/**
 * The gradient of bilinear resizing with half-pixel centres. The stock kernel takes no notice of that flag and
 * answers the gradient of another resizing; without the flag it is right and stays.
 */
import type { TensorFlow } from '../engine.ts';
import { input, type KernelTable, stockKernel } from './kernel.ts';
import type { WasmHeap } from './wasm-heap.ts';

/** Where one output line comes from: two input lines and the weight of the second. */
interface Source {
  lower: number;
  upper: number;
  upperWeight: number;
}

/** `ResizeBilinearGrad`: every output hands its gradient back to the four inputs it was mixed from. */
export function resizingKernels(tf: TensorFlow, heap: WasmHeap): KernelTable {
  const stock = stockKernel(tf, 'ResizeBilinearGrad');
  return {
    ResizeBilinearGrad: (call) => {
      if (call.attrs?.halfPixelCenters !== true) return stock(call);
      const images = input(call.inputs, 'images');
      const dy = input(call.inputs, 'dy');
      const [batch, height, width, channels] = images.shape as [number, number, number, number];
      const [, outHeight, outWidth] = dy.shape as [number, number, number, number];
      const out = heap.allocateZeros(images.shape);
      const dx = heap.floats(out);
      const gradient = heap.floats(dy);
      const rows = halfPixelSources(outHeight, height);
      const columns = halfPixelSources(outWidth, width);
      let at = 0;
      for (let b = 0; b < batch; b++) {
        const image = b * height;
        for (const row of rows) {
          const lower = (image + row.lower) * width;
          const upper = (image + row.upper) * width;
          for (const column of columns) {
            spread(dx, gradient, at, channels, [lower, upper], row.upperWeight, column);
            at += channels;
          }
        }
      }
      return out;
    },
  };
}

/** Adds one output position's gradient to its four inputs; `lines` are the positions where its two rows start. */
function spread(
  dx: Float32Array,
  dy: Float32Array,
  at: number,
  channels: number,
  lines: readonly [number, number],
  rowWeight: number,
  column: Source,
): void {
  for (let line = 0; line < 2; line++) {
    const weight = line === 0 ? 1 - rowWeight : rowWeight;
    const left = (lines[line]! + column.lower) * channels;
    const right = (lines[line]! + column.upper) * channels;
    for (let c = 0; c < channels; c++) {
      const share = dy[at + c]! * weight;
      dx[left + c] = dx[left + c]! + share * (1 - column.upperWeight);
      dx[right + c] = dx[right + c]! + share * column.upperWeight;
    }
  }
}

function halfPixelSources(outSize: number, size: number): Source[] {
  return Array.from({ length: outSize }, (_, i) => {
    const position = ((i + 0.5) * size) / outSize - 0.5;
    const lower = Math.max(0, Math.floor(position));
    const upper = Math.min(size - 1, Math.max(0, Math.ceil(position)));
    return { lower, upper, upperWeight: position - lower };
  });
}
