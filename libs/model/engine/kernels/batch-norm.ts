/**
 * Batch normalisation for training as three kernels of our own: composed from tensor operations it passes over the
 * activations a dozen times, here four times forward and twice backward, the ReLU that may follow included.
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
      writeScale(context, inputs, scale, attrs?.epsilon as number);
      const [xAt, scaleAt, outAt] = [heap.address(x), heap.address(scale), heap.address(out)];
      simd.normalise(xAt, mean, scaleAt, beta, outAt, rows, columns, attrs?.relu === true);
      heap.release(scale);
      return out;
    },

    [BATCH_NORM_KERNELS.gradient]: ({ inputs, attrs }) =>
      gradient(context, inputs, attrs?.epsilon as number, attrs?.relu === true),
  };
}

type Inputs = Parameters<typeof input>[0];

/** `gamma / sqrt(variance + epsilon)`; allocates nothing, so that views stay good. */
function writeScale({ heap }: KernelContext, inputs: Inputs, scale: TensorInfo, epsilon: number): void {
  const gamma = heap.floats(input(inputs, 'gamma'));
  const variance = heap.floats(input(inputs, 'variance'));
  const scales = heap.floats(scale);
  for (let c = 0; c < scales.length; c++) scales[c] = gamma[c]! / Math.sqrt(variance[c]! + epsilon);
}

/**
 * With `r = 1 / sqrt(variance + epsilon)`, `g = gamma * r`, n rows and sums over the rows:
 * `dBeta = sum dy`, `dGamma = r * sum dy * (x - mean)`,
 * `dx = g * dy - (x - mean) * g * r * dGamma / n - g * dBeta / n`.
 * @see Ioffe & Szegedy 2015, section 3
 */
function gradient(context: KernelContext, inputs: Inputs, epsilon: number, relu: boolean): TensorInfo[] {
  const { heap, simd } = context;
  const x = input(inputs, 'x');
  const { rows, columns } = rowsAndColumns(x);
  const dx = heap.allocate(x.shape);
  const dGamma = heap.allocate([columns]);
  const dBeta = heap.allocate([columns]);
  const perColumn = Array.from({ length: 3 }, () => heap.allocate([columns]));
  const [scale, deviationScale, offset] = perColumn as [TensorInfo, TensorInfo, TensorInfo];
  // Every allocation is done: addresses and views below stay good.
  const at = (info: TensorInfo): number => heap.address(info);
  const shared = [x, input(inputs, 'dy'), input(inputs, 'mean'), scale, input(inputs, 'beta')].map(at);
  const [xAt, dyAt, meanAt, scaleAt, shiftAt] = shared as [number, number, number, number, number];
  writeScale(context, inputs, scale, epsilon);
  simd.batchNormSums(
    ...([xAt, dyAt, meanAt, scaleAt, shiftAt] as const),
    ...([at(dBeta), at(dGamma), rows, columns, relu] as const),
  );

  const variance = heap.floats(input(inputs, 'variance'));
  const dGammas = heap.floats(dGamma);
  const dBetas = heap.floats(dBeta);
  const scales = heap.floats(scale);
  const deviationScales = heap.floats(deviationScale);
  const offsets = heap.floats(offset);
  for (let c = 0; c < columns; c++) {
    const r = 1 / Math.sqrt(variance[c]! + epsilon);
    const gammaGradient = dGammas[c]! * r;
    dGammas[c] = gammaGradient;
    deviationScales[c] = (-scales[c]! * r * gammaGradient) / rows;
    offsets[c] = (-scales[c]! * dBetas[c]!) / rows;
  }
  simd.batchNormInputGradient(
    ...([xAt, dyAt, meanAt, scaleAt, shiftAt] as const),
    ...([at(deviationScale), at(offset), at(dx), rows, columns, relu] as const),
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
