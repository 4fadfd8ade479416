/** Gradients out of the tensors, checked and measured: what every optimiser does before it moves a weight. */
import type * as tfTypes from '@tensorflow/tfjs';
import { EarshotError } from '#core/errors';

export interface ClippedGradients {
  arrays: Map<string, Float32Array>;
  /** Global norm before clipping. */
  norm: number;
  /** Every gradient is to be multiplied by it. */
  scale: number;
}

/**
 * Clipping by global norm; disposes the gradients.
 *
 * @throws EarshotError `training_diverged` when a gradient is not finite
 * @see Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks"
 */
export function takeGradients(
  gradients: ReadonlyMap<string, tfTypes.Tensor>,
  maxNorm: number,
): ClippedGradients {
  const arrays = new Map<string, Float32Array>();
  let squares = 0;
  for (const [name, gradient] of gradients) {
    const data = Float32Array.from(gradient.dataSync());
    for (const value of data) squares += value * value;
    arrays.set(name, data);
    gradient.dispose();
  }
  const norm = Math.sqrt(squares);
  if (!Number.isFinite(norm)) {
    throw new EarshotError(
      'training_diverged',
      'The gradient is not finite: lower the learning rate and resume from the last checkpoint.',
    );
  }
  return { arrays, norm, scale: norm > maxNorm ? maxNorm / norm : 1 };
}
