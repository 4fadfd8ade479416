/**
 * A tensor's elements in the order of another one. Reversing, repeating and taking every so many are all the same: the
 * elements of a dense tensor, in row order, correspond to those of a strided view of the other.
 */

/** One element for each index below `sizes`: that at `start + sum over axes of index * stride`. */
export interface StridedView {
  start: number;
  sizes: readonly number[];
  /** May be negative, or zero where an axis repeats. */
  strides: readonly number[];
}

/** Called for `count` elements that lie `stride` apart in the view and side by side, from `dense` on, in the other. */
type Run = (dense: number, strided: number, count: number, stride: number) => void;

/** Runs as long as `TypedArray.set` needs them to be faster than a loop. */
const LONG_RUN = 32;

/** `dense[i] = strided[view's i-th element]`. */
export function gatherView(strided: Float32Array, view: StridedView, dense: Float32Array): void {
  walk(view, (to, from, count, stride) => {
    if (stride === 1 && count >= LONG_RUN) {
      dense.set(strided.subarray(from, from + count), to);
      return;
    }
    for (let i = 0; i < count; i++) dense[to + i] = strided[from + i * stride]!;
  });
}

/** `strided[view's i-th element] += dense[i]`: what `gatherView` handed out is summed up again. */
export function accumulateView(dense: Float32Array, view: StridedView, strided: Float32Array): void {
  walk(view, (from, to, count, stride) => {
    for (let i = 0; i < count; i++) {
      const at = to + i * stride;
      strided[at] = strided[at]! + dense[from + i]!;
    }
  });
}

/** The place of each of the view's elements. */
export function viewIndices(view: StridedView): Int32Array {
  const indices = new Int32Array(view.sizes.reduce((product, size) => product * size, 1));
  walk(view, (at, place, count, stride) => {
    for (let i = 0; i < count; i++) indices[at + i] = place + i * stride;
  });
  return indices;
}

function walk(view: StridedView, run: Run): void {
  const { sizes, strides } = merged(view);
  if (sizes.includes(0)) return;
  const last = sizes.length - 1;
  const [count, stride] = [sizes[last]!, strides[last]!];
  let dense = 0;
  const along = (axis: number, strided: number): void => {
    if (axis === last) {
      run(dense, strided, count, stride);
      dense += count;
      return;
    }
    const [size, step] = [sizes[axis]!, strides[axis]!];
    for (let i = 0; i < size; i++) along(axis + 1, strided + i * step);
  };
  along(0, view.start);
}

/** The same elements over as few axes as possible, at least one. */
function merged({ sizes, strides }: StridedView): { sizes: number[]; strides: number[] } {
  const result = { sizes: [] as number[], strides: [] as number[] };
  for (const [axis, size] of sizes.entries()) {
    if (size === 1) continue;
    const stride = strides[axis]!;
    const outer = result.sizes.length - 1;
    if (outer >= 0 && result.strides[outer] === stride * size) {
      result.sizes[outer] = result.sizes[outer]! * size;
      result.strides[outer] = stride;
    } else {
      result.sizes.push(size);
      result.strides.push(stride);
    }
  }
  return result.sizes.length > 0 ? result : { sizes: [1], strides: [1] };
}
