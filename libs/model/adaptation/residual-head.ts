/**
 * A small projection head on a frozen tower: what the tower says, and a learned correction of it. Without any
 * correction it is the tower itself, so that the little that a small catalog teaches is added to what is known already.
 *
 * @see Houlsby et al. 2019, "Parameter-Efficient Transfer Learning for NLP", for adapters that begin at the identity
 */

/** Corrections of both towers, each `[dimension, dimension]`: row i is what input i adds to every output. */
export interface HeadKernels {
  audio: Float32Array;
  video: Float32Array;
}

/** Length below which a vector has no direction. */
const MIN_LENGTH = 1e-9;

/**
 * `unit(x + x K)`.
 *
 * @param kernel `[dimension, dimension]`
 * @param vector `[dimension]`, unit length
 * @returns `[dimension]`, unit length; the vector itself where the correction would leave nothing of it
 */
export function applyHead(kernel: Float32Array, vector: Float32Array): Float32Array {
  const { length } = vector;
  const sums = Float64Array.from(vector);
  for (let i = 0; i < length; i++) {
    const input = vector[i] as number;
    if (input === 0) continue;
    for (let j = 0; j < length; j++)
      sums[j] = (sums[j] as number) + input * (kernel[i * length + j] as number);
  }
  const norm = Math.hypot(...sums);
  return norm < MIN_LENGTH ? vector.slice() : Float32Array.from(sums, (sum) => sum / norm);
}

/** The head of a tower that was not learned, words: halfway between the two that words must meet. */
export function meanKernel({ audio, video }: HeadKernels): Float32Array {
  return audio.map((value, i) => (value + (video[i] as number)) / 2);
}
