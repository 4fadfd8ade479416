/**
 * AdamW with gradient clipping by global norm. The moments live in plain arrays beside the tensors, so that
 * they can be saved and restored to the bit, which tfjs's own optimisers do not promise.
 *
 * @see Kingma & Ba 2015; Loshchilov & Hutter 2019
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { EarshotError } from '#core/errors';
import type { NamedArray, ParameterStore } from '../layers/parameters.ts';
import { takeGradients } from './gradient-clipping.ts';

interface AdamOptions {
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Decoupled; applied to kernels only, never to biases, gains or the temperature. */
  weightDecay: number;
  /** Gradients are scaled down to this global norm. */
  maxGradientNorm: number;
}

const DEFAULT_ADAM: AdamOptions = {
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
  weightDecay: 0.05,
  maxGradientNorm: 5,
};

export class Adam {
  step = 0;
  readonly #store: ParameterStore;
  readonly #options: AdamOptions;
  readonly #first = new Map<string, Float32Array>();
  readonly #second = new Map<string, Float32Array>();

  constructor(store: ParameterStore, options: Partial<AdamOptions> = {}) {
    this.#store = store;
    this.#options = { ...DEFAULT_ADAM, ...options };
    for (const [name, variable] of store.trainable) {
      this.#first.set(name, new Float32Array(variable.size));
      this.#second.set(name, new Float32Array(variable.size));
    }
  }

  /**
   * One update; disposes the gradients.
   *
   * @returns the gradients' global norm before clipping
   * @throws EarshotError `training_diverged` when a gradient is not finite; nothing has been changed then
   */
  update(gradients: ReadonlyMap<string, tfTypes.Tensor>, learningRate: number): number {
    const { arrays, norm, scale } = takeGradients(gradients, this.#options.maxGradientNorm);
    this.step++;
    for (const [name, gradient] of arrays) this.#updateOne(name, gradient, scale, learningRate);
    return norm;
  }

  snapshot(): NamedArray[] {
    const arrays: NamedArray[] = [];
    for (const [kind, table] of [
      ['first', this.#first],
      ['second', this.#second],
    ] as const) {
      for (const [name, data] of table)
        arrays.push({ name: `${kind}/${name}`, shape: [data.length], data: data.slice() });
    }
    return arrays;
  }

  restore(arrays: readonly NamedArray[], step: number): void {
    for (const { name, data } of arrays) {
      const [kind, ...rest] = name.split('/');
      const target = (kind === 'first' ? this.#first : this.#second).get(rest.join('/'));
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

  #updateOne(name: string, gradient: Float32Array, scale: number, learningRate: number): void {
    const { beta1, beta2, epsilon, weightDecay } = this.#options;
    const variable = this.#store.trainable.get(name) as tfTypes.Variable;
    const value = Float32Array.from(variable.dataSync());
    const first = this.#first.get(name) as Float32Array;
    const second = this.#second.get(name) as Float32Array;
    const decay = name.endsWith('/kernel') ? learningRate * weightDecay : 0;
    const correction1 = 1 - beta1 ** this.step;
    const correction2 = 1 - beta2 ** this.step;
    for (let i = 0; i < value.length; i++) {
      const g = (gradient[i] as number) * scale;
      const m = beta1 * (first[i] as number) + (1 - beta1) * g;
      const v = beta2 * (second[i] as number) + (1 - beta2) * g * g;
      first[i] = m;
      second[i] = v;
      const w = value[i] as number;
      value[i] = w - (learningRate * (m / correction1)) / (Math.sqrt(v / correction2) + epsilon) - decay * w;
    }
    this.#store.assign(variable, value);
  }
}

/** Linear warm-up, then half a cosine down to a hundredth of the peak. */
export function cosineSchedule(
  step: number,
  options: { peak: number; warmUpSteps: number; totalSteps: number },
): number {
  const { peak, warmUpSteps, totalSteps } = options;
  if (step < warmUpSteps) return (peak * (step + 1)) / warmUpSteps;
  const progress = Math.min(1, (step - warmUpSteps) / Math.max(1, totalSteps - warmUpSteps));
  const floor = peak * 0.01;
  return floor + (peak - floor) * 0.5 * (1 + Math.cos(Math.PI * progress));
}
