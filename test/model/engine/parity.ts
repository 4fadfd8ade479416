/** Runs one computation on two backends and measures how far apart they are. */
import { SeededRandom } from '#core/random';
import type { TensorFlow } from '#model/engine/engine';

type Tensor = import('@tensorflow/tfjs').Tensor;

/** Standard normal values, the same for the same seed. */
export function normals(count: number, seed: number): Float32Array {
  const random = new SeededRandom(seed);
  return Float32Array.from({ length: count }, () => random.normal());
}

/** A tensor of standard normal values on the active backend. */
export function normalTensor<T extends Tensor = Tensor>(tf: TensorFlow, shape: number[], seed: number): T {
  return tf.tensor(normals(tf.util.sizeFromShape(shape), seed), shape) as T;
}

/** Values of everything `compute` returns, computed on one backend; leaves no tensor behind. */
async function valuesOn(
  tf: TensorFlow,
  backend: string,
  compute: () => Tensor[],
): Promise<{ shape: number[]; values: number[] }[]> {
  await tf.setBackend(backend);
  const tensors = tf.tidy(compute);
  const results = tensors.map((tensor) => ({ shape: tensor.shape, values: Array.from(tensor.dataSync()) }));
  tf.dispose(tensors);
  return results;
}

/** Largest difference over the largest expected magnitude (at least 0.01, lest noise be divided by noise). */
export function relativeError(expected: ArrayLike<number>, actual: ArrayLike<number>): number {
  if (expected.length !== actual.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let magnitude = 0.01;
  for (let i = 0; i < expected.length; i++) {
    const gap = Math.abs(expected[i]! - actual[i]!);
    if (Number.isNaN(gap)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, gap);
    magnitude = Math.max(magnitude, Math.abs(expected[i]!));
  }
  return difference / magnitude;
}

/**
 * Relative error of wasm against the cpu backend over all results; infinite where shapes differ.
 * Leaves wasm active.
 */
export async function parityError(tf: TensorFlow, compute: () => Tensor[]): Promise<number> {
  const expected = await valuesOn(tf, 'cpu', compute);
  const actual = await valuesOn(tf, 'wasm', compute);
  const errors = expected.map((result, i) => {
    const other = actual[i];
    if (!other || other.shape.join() !== result.shape.join()) return Number.POSITIVE_INFINITY;
    return relativeError(result.values, other.values);
  });
  return Math.max(...errors);
}

/** Size of the wasm backend's heap; the backend must be active. */
export function heapBytes(tf: TensorFlow): number {
  const backend = tf.backend() as unknown as { wasm: { asm: { memory: WebAssembly.Memory } } };
  return backend.wasm.asm.memory.buffer.byteLength;
}
