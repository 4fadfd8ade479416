import type * as tfTypes from '@tensorflow/tfjs';
import type { Engine } from '../engine/engine.ts';
import type { ParameterStore } from '../layers/parameters.ts';

/**
 * A loss with its gradients by the parameters' names; a parameter that had no part in the loss has none. The caller
 * disposes the gradients.
 */
export function namedGradients(
  engine: Engine,
  store: ParameterStore,
  lossOf: () => tfTypes.Scalar,
): { loss: number; gradients: Map<string, tfTypes.Tensor> } {
  const nameOf = new Map([...store.trainable].map(([name, variable]) => [variable.name, name]));
  const { value, grads } = engine.tf.variableGrads(lossOf, [...store.trainable.values()]);
  const loss = value.dataSync()[0] as number;
  value.dispose();
  const gradients = new Map(
    Object.entries(grads).map(([name, gradient]) => [nameOf.get(name) as string, gradient]),
  );
  return { loss, gradients };
}
