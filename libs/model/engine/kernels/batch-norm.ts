/**
 * Batch normalisation for training as three kernels of our own: composed from tensor operations it passes over the
 * activations a dozen times, here four times forward and twice backward.
 */
import { elementCount, input, type KernelContext, type KernelTable, type TensorInfo } from './kernel.ts';

/** Names under which `trainingBatchNorm` runs the kernels. */
export const BATCH_NORM_KERNELS = {
  moments: 'EarshotBatchNormMoments',
  apply: 'EarshotBatchNormApply',
  gradient: 'EarshotBatchNormGradient',
} as const;

/** The three kernels: moments `x -> [mean, variance]`, apply `-> y`, gradient `-> [dx, dGamma, dBeta]`. */
export function batchNormKernels(context: KernelContext): KernelTable {
  const { heap, simd } = context;
  return {
    [BATCH_NORM_KERNELS.moments]: ({ inputs }) => {
      const x = input(inputs, 'x');
      const { rows, columns } = rowsAndColumns(x);
      const mean = heap.allocate([columns]);
      const variance = heap.allocate([columns]);
      simd.sumRows(heap.address(x), heap.address(mean), 1, rows, columns);
      divide(heap.floats(mean), rows);
      simd.sumSquaredDeviations(heap.address(x), heap.address(mean), heap.address(variance), rows, columns);
      divide(heap.floats(variance), rows);
      return [mean, variance];
    },

    [BATCH_NORM_KERNELS.apply]: ({ inputs, attrs }) => {
      const x = input(inputs, 'x');
      const { rows, columns } = rowsAndColumns(x);
      const mean = heap.address(input(inputs, 'mean'));
      const beta = heap.address(input(inputs, 'beta'));
      const scale = heap.allocate([columns]);
      const out = heap.allocate(x.shape);
      const gamma = heap.floats(input(inputs, 'gamma'));
      const variance = heap.floats(input(inputs, 'variance'));
      const scales = heap.floats(scale);
      for (let c = 0; c < columns; c++) {
        scales[c] = gamma[c]! / Math.sqrt(variance[c]! + (attrs?.epsilon as number));
      }
      simd.normalise(heap.address(x), mean, heap.address(scale), beta, heap.address(out), rows, columns);
      heap.release(scale);
      return out;
    },

    [BATCH_NORM_KERNELS.gradient]: ({ inputs, attrs }) => gradient(context, inputs, attrs?.epsilon as number),
  };
}

/**
 * With `r = 1 / sqrt(variance + epsilon)`, `g = gamma * r`, n rows and sums over the rows:
 * `dBeta = sum dy`, `dGamma = r * sum dy * (x - mean)`,
 * `dx = g * dy - (x - mean) * g * r * dGamma / n - g * dBeta / n`.
 * @see Ioffe & Szegedy 2015, section 3
 */
function gradient(
  { heap, simd }: KernelContext,
  inputs: Parameters<typeof input>[0],
  epsilon: number,
): TensorInfo[] {
  const x = input(inputs, 'x');
  const dy = heap.address(input(inputs, 'dy'));
  const mean = heap.address(input(inputs, 'mean'));
  const { rows, columns } = rowsAndColumns(x);
  const dx = heap.allocate(x.shape);
  const dGamma = heap.allocate([columns]);
  const dBeta = heap.allocate([columns]);
  const perColumn = [heap.allocate([columns]), heap.allocate([columns]), heap.allocate([columns])] as const;
  simd.batchNormSums(heap.address(x), dy, mean, heap.address(dBeta), heap.address(dGamma), rows, columns);

  // Every allocation is done: the views below stay good.
  const gamma = heap.floats(input(inputs, 'gamma'));
  const variance = heap.floats(input(inputs, 'variance'));
  const dGammas = heap.floats(dGamma);
  const dBetas = heap.floats(dBeta);
  const [dyScale, deviationScale, shift] = perColumn.map((info) => heap.floats(info)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  for (let c = 0; c < columns; c++) {
    const r = 1 / Math.sqrt(variance[c]! + epsilon);
    const g = gamma[c]! * r;
    const gammaGradient = dGammas[c]! * r;
    dGammas[c] = gammaGradient;
    dyScale[c] = g;
    deviationScale[c] = (-g * r * gammaGradient) / rows;
    shift[c] = (-g * dBetas[c]!) / rows;
  }
  const [dyScaleAt, deviationScaleAt, shiftAt] = perColumn.map((info) => heap.address(info)) as [
    number,
    number,
    number,
  ];
  simd.batchNormInputGradient(
    heap.address(x),
    dy,
    mean,
    dyScaleAt,
    deviationScaleAt,
    shiftAt,
    heap.address(dx),
    rows,
    columns,
  );
  for (const info of perColumn) heap.release(info);
  return [dx, dGamma, dBeta];
}

function rowsAndColumns(x: TensorInfo): { rows: number; columns: number } {
  const columns = x.shape.at(-1)!;
  return { rows: elementCount(x.shape) / columns, columns };
}

function divide(values: Float32Array, divisor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = values[i]! / divisor;
}
