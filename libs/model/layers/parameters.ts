/**
 * The named arrays of a network. Every layer asks its store for what it needs; names are paths such as
 * `audio/trunk/1/pointwise/kernel`, and the initial values depend on the seed and the name alone, never on the
 * order of construction or the engine.
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import type { Engine } from '../engine/engine.ts';

export type Initializer = { kind: 'constant'; value: number } | { kind: 'normal'; deviation: number };

export interface NamedArray {
  name: string;
  shape: number[];
  data: Float32Array;
}

/** tfjs keeps variable names in one global table; the counter keeps two networks in a process apart. */
let storeCount = 0;

export class ParameterStore {
  readonly engine: Engine;
  readonly trainable = new Map<string, tfTypes.Variable>();
  /** Running statistics: saved with the weights, not touched by gradients. */
  readonly statistics = new Map<string, tfTypes.Variable>();
  readonly #seed: number;
  readonly #prefix: string;

  constructor(engine: Engine, seed: number) {
    this.engine = engine;
    this.#seed = seed;
    this.#prefix = `earshot${storeCount++}`;
  }

  weight(name: string, shape: number[], initializer: Initializer): tfTypes.Variable {
    return this.#create(this.trainable, name, shape, initializer, true);
  }

  statistic(name: string, shape: number[], value: number): tfTypes.Variable {
    return this.#create(this.statistics, name, shape, { kind: 'constant', value }, false);
  }

  /** A copy of every array, weights first, in order of construction. */
  snapshot(): NamedArray[] {
    return [...this.trainable, ...this.statistics].map(([name, variable]) => ({
      name,
      shape: variable.shape,
      data: Float32Array.from(variable.dataSync()),
    }));
  }

  /** @throws EarshotError `checkpoint_invalid` naming the first array that is missing or has another shape */
  restore(arrays: readonly NamedArray[]): void {
    const byName = new Map(arrays.map((array) => [array.name, array]));
    const targets = [...this.trainable, ...this.statistics];
    for (const [name, variable] of targets) {
      const array = byName.get(name);
      if (!array || array.shape.join() !== variable.shape.join()) {
        const found = array ? `shape [${array.shape}]` : 'nothing';
        throw new EarshotError(
          'checkpoint_invalid',
          `Array ${name}: shape [${variable.shape}] expected, ${found} found.`,
          {
            subject: name,
          },
        );
      }
    }
    for (const [name, variable] of targets) this.assign(variable, (byName.get(name) as NamedArray).data);
  }

  assign(variable: tfTypes.Variable, data: Float32Array): void {
    const { tf } = this.engine;
    const value = tf.tensor(data, variable.shape);
    variable.assign(value);
    value.dispose();
  }

  /** Numbers that are trained. */
  get trainableCount(): number {
    return [...this.trainable.values()].reduce((count, variable) => count + variable.size, 0);
  }

  dispose(): void {
    for (const variable of [...this.trainable.values(), ...this.statistics.values()]) variable.dispose();
    this.trainable.clear();
    this.statistics.clear();
  }

  #create(
    table: Map<string, tfTypes.Variable>,
    name: string,
    shape: number[],
    initializer: Initializer,
    trainable: boolean,
  ): tfTypes.Variable {
    if (table.has(name))
      throw new EarshotError('internal', `Two layers are named ${name}.`, { subject: name });
    const { tf } = this.engine;
    const random = new SeededRandom(`${this.#seed}:${name}`);
    const size = shape.reduce((product, n) => product * n, 1);
    const data = Float32Array.from({ length: size }, () =>
      initializer.kind === 'constant' ? initializer.value : random.normal() * initializer.deviation,
    );
    const initial = tf.tensor(data, shape);
    const variable = tf.variable(initial, trainable, `${this.#prefix}:${name}`);
    initial.dispose();
    table.set(name, variable);
    return variable;
  }
}
