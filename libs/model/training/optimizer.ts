/** What the training loops know of an optimiser, and the choice of one. */
import type * as tfTypes from '@tensorflow/tfjs';
import type { NamedArray, ParameterStore } from '../layers/parameters.ts';
import { Adam } from './adam.ts';
import { MomentumSgd } from './momentum-sgd.ts';

export interface Optimizer {
  /** Updates so far. */
  readonly step: number;
  /**
   * One update, clipped by global norm; disposes the gradients.
   *
   * @param gradients by the name of the parameter; parameters without one keep their value
   * @returns the gradients' global norm before clipping
   * @throws EarshotError `training_diverged` when a gradient is not finite; nothing has been changed then
   */
  update(gradients: ReadonlyMap<string, tfTypes.Tensor>, learningRate: number): number;
  /** A copy of its state. */
  snapshot(): NamedArray[];
  /** @throws EarshotError `checkpoint_invalid` when the state is of another network */
  restore(arrays: readonly NamedArray[], step: number): void;
}

export const OPTIMIZERS = ['adamw', 'sgd'] as const;
export type OptimizerName = (typeof OPTIMIZERS)[number];

export function createOptimizer(name: OptimizerName, store: ParameterStore): Optimizer {
  return name === 'sgd' ? new MomentumSgd(store) : new Adam(store);
}
