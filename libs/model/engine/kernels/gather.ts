/** The gradient of `gather` (embedding look-ups), which stock wasm lacks. */
import { elementCount, input, type KernelTable } from './kernel.ts';
import type { WasmHeap } from './wasm-heap.ts';

/** `UnsortedSegmentSum`: rows of x added up by segment; ids outside `[0, numSegments)` are dropped. */
export function gatherKernels(heap: WasmHeap): KernelTable {
  return {
    UnsortedSegmentSum: ({ inputs, attrs }) => {
      const x = input(inputs, 'x');
      const segmentIds = input(inputs, 'segmentIds');
      const numSegments = attrs?.numSegments as number;
      const rowShape = x.shape.slice(segmentIds.shape.length);
      const rowSize = elementCount(rowShape);
      const out = heap.allocateZeros([numSegments, ...rowShape]);
      const values = heap.floats(x);
      const ids = heap.integers(segmentIds);
      const sums = heap.floats(out);
      for (let row = 0; row < ids.length; row++) {
        const segment = ids[row]!;
        if (segment < 0 || segment >= numSegments) continue;
        for (let i = 0; i < rowSize; i++) {
          sums[segment * rowSize + i] = sums[segment * rowSize + i]! + values[row * rowSize + i]!;
        }
      }
      return out;
    },
  };
}
