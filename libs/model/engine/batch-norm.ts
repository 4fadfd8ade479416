/** Batch normalisation with the batch's own statistics, as training needs it. */
import type { TensorFlow } from './engine.ts';
import { BATCH_NORM_KERNELS } from './kernels/batch-norm.ts';

type Tensor = import('@tensorflow/tfjs').Tensor;
type Tensor1D = import('@tensorflow/tfjs').Tensor1D;

interface BatchNormResult<T extends Tensor> {
  /** `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, through the activation, shaped like x. */
  y: T;
  /** `[channels]`: the batch's mean, for the running statistics; a constant to differentiation. */
  mean: Tensor1D;
  /** `[channels]`: the batch's variance, divided by n (not n - 1); a constant to differentiation. */
  variance: Tensor1D;
}

/**
 * Normalises every channel over all other axes. Gradients flow to x, gamma and beta, also through the statistics.
 *
 * @param tf      from `loadEngine`
 * @param x       `[..., channels]`
 * @param gamma   `[channels]`
 * @param beta    `[channels]`
 * @param epsilon added to the variance
 * @param activation on what has been normalised; on wasm it costs no pass of its own, forward or backward
 */
export function trainingBatchNorm<T extends Tensor>(
  tf: TensorFlow,
  x: T,
  gamma: Tensor,
  beta: Tensor,
  epsilon = 1e-3,
  activation: 'relu' | 'none' = 'none',
): BatchNormResult<T> {
  const fused = tf.getKernel(BATCH_NORM_KERNELS.apply, tf.getBackend()) !== undefined;
  const result = tf.tidy(() => {
    const { y, mean, variance } = fused
      ? fusedBatchNorm(tf, x, gamma, beta, { epsilon, relu: activation === 'relu' })
      : composedBatchNorm(tf, x, gamma, beta, epsilon);
    return { y: fused || activation === 'none' ? y : tf.relu(y), mean, variance };
  });
  return result as BatchNormResult<T>;
}

interface Normalised {
  y: Tensor;
  mean: Tensor;
  variance: Tensor;
}

/** Through our wasm kernels; the gradient is one kernel as well. */
function fusedBatchNorm(
  tf: TensorFlow,
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  attributes: { epsilon: number; relu: boolean },
): Normalised {
  const engine = tf.engine();
  const [mean, variance] = engine.runKernel(BATCH_NORM_KERNELS.moments, { x }) as unknown as [Tensor, Tensor];
  const normalise = tf.customGrad((...args: unknown[]) => {
    const [input, scale, shift, save] = args as [Tensor, Tensor, Tensor, (tensors: Tensor[]) => void];
    const inputs = { x: input, mean, variance, gamma: scale, beta: shift };
    const value = engine.runKernel(BATCH_NORM_KERNELS.apply, inputs, attributes) as Tensor;
    save([input, mean, variance, scale, shift]);
    const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor[] => {
      const names = ['x', 'mean', 'variance', 'gamma', 'beta'];
      const known = { dy, ...Object.fromEntries(names.map((name, i) => [name, saved[i] as Tensor])) };
      return engine.runKernel(BATCH_NORM_KERNELS.gradient, known, attributes) as unknown as Tensor[];
    };
    return { value, gradFunc };
  });
  return { y: normalise(x, gamma, beta), mean, variance };
}

/** From TensorFlow.js's own operations, for every other backend. */
function composedBatchNorm(
  tf: TensorFlow,
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  epsilon: number,
): Normalised {
  const axes = x.shape.map((_, axis) => axis).slice(0, -1);
  const { mean, variance } = tf.moments(x, axes);
  const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, epsilon)));
  return { y: tf.add(tf.mul(tf.sub(x, mean), scale), beta), mean, variance };
}
