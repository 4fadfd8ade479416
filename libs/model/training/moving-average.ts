/**
 * Exponential moving average of a network's arrays: the weights that are evaluated and kept, smoother than those of
 * any one step.
 *
 * @see Polyak & Juditsky 1992; Tarvainen & Valpola 2017 for the form
 */
import type { NamedArray, ParameterStore } from '../layers/parameters.ts';

export class MovingAverage {
  readonly #store: ParameterStore;
  readonly #decay: number;
  #arrays: NamedArray[];

  constructor(store: ParameterStore, decay: number) {
    this.#store = store;
    this.#decay = decay;
    this.#arrays = store.snapshot();
  }

  /** @param step number of updates so far; early on the average forgets faster, so that the first weights fade */
  update(step: number): void {
    const decay = Math.min(this.#decay, (1 + step) / (10 + step));
    const now = [...this.#store.trainable.values(), ...this.#store.statistics.values()];
    this.#arrays.forEach(({ data }, i) => {
      const current = (now[i] as (typeof now)[number]).dataSync();
      for (let j = 0; j < data.length; j++)
        data[j] = decay * (data[j] as number) + (1 - decay) * (current[j] as number);
    });
  }

  /** A copy, in the store's order. */
  snapshot(): NamedArray[] {
    return this.#arrays.map((array) => ({ ...array, data: array.data.slice() }));
  }

  restore(arrays: readonly NamedArray[]): void {
    this.#arrays = arrays.map((array) => ({ ...array, data: array.data.slice() }));
  }
}
