/**
 * Gradients in one pass each. TensorFlow.js composes them from operations: ReLU's passes over its tensors four times,
 * a sum's builds a tensor of ones, a maximum's compares by a stock kernel that is some hundred times too slow, a
 * tile's slices and adds once for every copy.
 *
 * Gradients belong to an operation, not to a backend. Ours serve wasm; on other backends, and where a gradient is
 * itself differentiated (ours have no gradients of their own), the stock ones go on serving.
 */
import type { TensorFlow } from '../engine.ts';
import { elementCount, type KernelContext, type TensorInfo } from './kernel.ts';
import { tiledView } from './rearranging.ts';
import { asRowReduction, type RowReduction } from './row-reduction.ts';
import { accumulateView } from './strided-walk.ts';

type Tensor = import('@tensorflow/tfjs').Tensor;
type GradConfig = ReturnType<TensorFlow['getGradient']>;
type Attributes = Parameters<GradConfig['gradFunc']>[2];

/** The gradient for the operation's one input; `undefined` where the stock one must serve. */
type FastGradient = (dy: Tensor, saved: Tensor[], attributes: Attributes) => TensorInfo | undefined;

/** Registers the gradients of `Relu`, `Softmax`, `Sum`, `Mean`, `Max` and `Tile`. */
export function registerFastGradients(context: KernelContext): void {
  const { tf } = context;
  for (const [kernelName, fast] of Object.entries(fastGradients(context))) {
    const stock = tf.getGradient(kernelName);
    const inputName = kernelName === 'Softmax' ? 'logits' : 'x';
    const gradFunc: GradConfig['gradFunc'] = (dy, saved, attributes) => {
      const differentiatedAgain = tf.engine().isTapeOn();
      if (tf.getBackend() !== 'wasm' || differentiatedAgain) return stock.gradFunc(dy, saved, attributes);
      const dx = fast(dy as Tensor, saved, attributes);
      if (!dx) return stock.gradFunc(dy, saved, attributes);
      const tensor = tf.engine().makeTensorFromTensorInfo(dx);
      return { [inputName]: () => tensor };
    };
    tf.unregisterGradient(kernelName);
    tf.registerGradient({ ...stock, gradFunc });
  }
}

function fastGradients(context: KernelContext): Record<string, FastGradient> {
  const { tf, heap, simd } = context;
  return {
    Relu: (dy, [x]) => {
      const dx = heap.allocate(dy.shape);
      simd.reluGradient(heap.address(x!), heap.address(dy), heap.address(dx), dy.size);
      return dx;
    },

    Softmax: (dy, [y]) => {
      const dx = heap.allocate(dy.shape);
      const columns = dy.shape.at(-1)!;
      const rows = elementCount(dy.shape.slice(0, -1));
      simd.softmaxGradient(heap.address(y!), heap.address(dy), heap.address(dx), rows, columns);
      return dx;
    },

    Sum: (dy, [x], { axis }) => spread(context, dy, x!, axis as Axis, () => 1),
    Mean: (dy, [x], { axis }) => spread(context, dy, x!, axis as Axis, ({ rows }) => 1 / rows),

    Max: (dy, [x, y], { reductionIndices }) => {
      const size = rowReduction(context, x!, reductionIndices as Axis);
      if (!size) return undefined;
      const { outer, rows, columns } = size;
      const dx = heap.allocate(x!.shape);
      const [xAt, yAt, dyAt] = [heap.address(x!), heap.address(y!), heap.address(dy)];
      simd.maxRowsGradient(xAt, yAt, dyAt, heap.address(dx), outer, rows, columns);
      return dx;
    },

    Tile: (dy, [x], { reps }) => {
      if (x!.dtype !== 'float32') return undefined;
      const dx = heap.allocateZeros(x!.shape);
      accumulateView(heap.floats(dy), tiledView(tf, x!.shape, reps as number[]), heap.floats(dx));
      return dx;
    },
  };
}

type Axis = number | number[] | undefined;

/** Gives every summand the sum's gradient times a factor. */
function spread(
  context: KernelContext,
  dy: Tensor,
  x: Tensor,
  axis: Axis,
  factor: (size: RowReduction) => number,
): TensorInfo | undefined {
  const { heap, simd } = context;
  const size = rowReduction(context, x, axis);
  if (!size) return undefined;
  const dx = heap.allocate(x.shape);
  const { outer, rows, columns } = size;
  simd.spreadRows(heap.address(dy), factor(size), heap.address(dx), outer, rows, columns);
  return dx;
}

function rowReduction({ tf }: KernelContext, x: Tensor, axis: Axis): RowReduction | undefined {
  return x.dtype === 'float32' ? asRowReduction(tf, x.shape, axis) : undefined;
}
