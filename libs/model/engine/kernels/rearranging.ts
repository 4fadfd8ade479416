/**
 * Kernels that move elements without changing them: stock wasm finds the place of every single one from the start.
 * And the gradient of strided slices, which TensorFlow.js lacks on every backend.
 */
import type { TensorFlow } from '../engine.ts';
import { type Attributes, input, type KernelFunc, type KernelTable, stockKernel } from './kernel.ts';
import { gatherView, type StridedView, viewIndices } from './strided-walk.ts';
import type { WasmHeap } from './wasm-heap.ts';

type Tensor = import('@tensorflow/tfjs').Tensor;

/** `Reverse`, `StridedSlice` and `Tile` of float32; other types stay with the stock kernels. */
export function rearrangingKernels(tf: TensorFlow, heap: WasmHeap): KernelTable {
  const kernel = (
    name: string,
    rearrange: (shape: number[], attributes: Attributes) => Rearranged,
  ): KernelFunc => {
    const stock = stockKernel(tf, name);
    return (call) => {
      const x = input(call.inputs, 'x');
      if (x.dtype !== 'float32' || changesAxes(call.attrs)) return stock(call);
      const { view, shape } = rearrange(x.shape, call.attrs);
      const out = heap.allocate(shape);
      gatherView(heap.floats(x), view, heap.floats(out));
      return out;
    };
  };
  return {
    Reverse: kernel('Reverse', (shape, attributes) => {
      const axes = tf.util.parseAxisParam(attributes?.dims as number[], shape);
      return { view: reversedView(tf, shape, axes), shape };
    }),
    StridedSlice: kernel('StridedSlice', (shape, attributes) => slicedView(tf, shape, attributes)),
    Tile: kernel('Tile', (shape, attributes) => {
      const reps = attributes?.reps as number[];
      return { view: tiledView(tf, shape, reps), shape: shape.map((size, axis) => size * reps[axis]!) };
    }),
  };
}

/** Slices that drop or add axes: rare, and left to the stock kernel. */
function changesAxes(attributes: Attributes): boolean {
  const { ellipsisMask, newAxisMask, shrinkAxisMask } = (attributes ?? {}) as Record<string, unknown>;
  return [ellipsisMask, newAxisMask, shrinkAxisMask].some(Boolean);
}

interface Rearranged {
  view: StridedView;
  /** Of the result. */
  shape: number[];
}

function reversedView(tf: TensorFlow, shape: readonly number[], axes: readonly number[]): StridedView {
  let start = 0;
  const strides = denseStrides(tf, shape).map((stride, axis) => {
    if (!axes.includes(axis)) return stride;
    start += stride * (shape[axis]! - 1);
    return -stride;
  });
  return { start, sizes: shape, strides };
}

function slicedView(tf: TensorFlow, shape: readonly number[], attributes: Attributes): Rearranged {
  type Slice = Parameters<TensorFlow['slice_util']['sliceInfo']>;
  const { begin, end, strides, ...masks } = attributes as Record<string, unknown>;
  const info = tf.slice_util.sliceInfo(
    [...shape],
    ...([begin, end, strides] as [Slice[1], Slice[2], Slice[3]]),
    ...([masks.beginMask, masks.endMask, masks.ellipsisMask] as [number, number, number]),
    ...([masks.newAxisMask, masks.shrinkAxisMask] as [number, number]),
  );
  const dense = denseStrides(tf, shape);
  const view = {
    start: info.begin.reduce((sum, first, axis) => sum + first * dense[axis]!, 0),
    // Of every axis of x; the shapes that `sliceInfo` answers leave out the ones that are taken as one element.
    sizes: tf.slice_util.computeOutShape(info.begin, info.end, info.strides).map((size) => Math.max(0, size)),
    strides: info.strides.map((step, axis) => step * dense[axis]!),
  };
  return { view, shape: info.finalShape };
}

/** A view of x with the elements of `tile(x, reps)`: each axis once whole and once, outside of that, repeated. */
export function tiledView(tf: TensorFlow, shape: readonly number[], reps: readonly number[]): StridedView {
  return {
    start: 0,
    sizes: shape.flatMap((size, axis) => [reps[axis]!, size]),
    strides: denseStrides(tf, shape).flatMap((stride) => [0, stride]),
  };
}

function denseStrides(tf: TensorFlow, shape: readonly number[]): number[] {
  return shape.length === 0 ? [] : [...tf.util.computeStrides([...shape]), 1];
}

/** Gives every element of a strided slice's gradient back to where it was taken from. */
export function registerStridedSliceGradient(tf: TensorFlow): void {
  if (tf.getGradient('StridedSlice')) return;
  tf.registerGradient({
    kernelName: 'StridedSlice',
    inputsToSave: ['x'],
    gradFunc: (dy, saved, attributes) => ({
      x: () => {
        const [x] = saved as [Tensor];
        const { view } = slicedView(tf, x.shape, attributes);
        const places = tf.tensor1d(viewIndices(view), 'int32');
        return tf.reshape(tf.unsortedSegmentSum(tf.reshape(dy as Tensor, [-1]), places, x.size), x.shape);
      },
    }),
  });
}
