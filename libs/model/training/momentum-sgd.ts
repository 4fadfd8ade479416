/**
 * Stochastic gradient descent with momentum, decoupled weight decay and clipping by global norm. Half the memory of
 * AdamW; wants a learning rate about a hundred times as high.
 *
 * @see Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning";
 *   Loshchilov & Hutter 2019 for the decoupled decay (SGDW)
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { EarshotError } from '#core/errors';
import type { NamedArray, ParameterStore } from '../layers/parameters.ts';
import { takeGradients } from './gradient-clipping.ts';
import type { Optimizer } from './optimizer.ts';

interface SgdOptions {
  momentum: number;
  /** Applied to kernels only, never to biases, gains or the temperature. */
  weightDecay: number;
  maxGradientNorm: number;
}

const DEFAULT_SGD: SgdOptions = { momentum: 0.9, weightDecay: 5e-4, maxGradientNorm: 5 };

export class MomentumSgd implements Optimizer {
  step = 0;
  readonly #store: ParameterStore;
  readonly #options: SgdOptions;
  readonly #velocity = new Map<string, Float32Array>();

  constructor(store: ParameterStore, options: Partial<SgdOptions> = {}) {
    this.#store = store;
    this.#options = { ...DEFAULT_SGD, ...options };
    for (const [name, variable] of store.trainable) this.#velocity.set(name, new Float32Array(variable.size));
  }

  update(gradients: ReadonlyMap<string, tfTypes.Tensor>, learningRate: number): number {
    const { momentum, weightDecay, maxGradientNorm } = this.#options;
    const { arrays, norm, scale } = takeGradients(gradients, maxGradientNorm);
    this.step++;
    for (const [name, gradient] of arrays) {
      const variable = this.#store.trainable.get(name) as tfTypes.Variable;
      const value = Float32Array.from(variable.dataSync());
      const velocity = this.#velocity.get(name) as Float32Array;
      const decay = name.endsWith('/kernel') ? learningRate * weightDecay : 0;
      for (let i = 0; i < value.length; i++) {
        const v = momentum * (velocity[i] as number) + (gradient[i] as number) * scale;
        const w = value[i] as number;
        velocity[i] = v;
        value[i] = w - learningRate * v - decay * w;
      }
      this.#store.assign(variable, value);
    }
    return norm;
  }

  snapshot(): NamedArray[] {
    return [...this.#velocity].map(([name, data]) => ({
      name: `velocity/${name}`,
      shape: [data.length],
      data: data.slice(),
    }));
  }

  restore(arrays: readonly NamedArray[], step: number): void {
    for (const { name, data } of arrays) {
      const target = name.startsWith('velocity/')
        ? this.#velocity.get(name.slice('velocity/'.length))
        : undefined;
      if (target?.length !== data.length) {
        throw new EarshotError(
          'checkpoint_invalid',
          `The optimiser state ${name} does not fit this network.`,
          { subject: name },
        );
      }
      target.set(data);
    }
    this.step = step;
  }
}
