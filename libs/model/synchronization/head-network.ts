/** The synchronisation head as it learns: the layers of `synchronization-head.ts` on an engine that gives gradients. */
import type * as tfTypes from '@tensorflow/tfjs';
import type { Engine } from '../engine/engine.ts';
import { Dense } from '../layers/dense.ts';
import { ParameterStore } from '../layers/parameters.ts';
import { CELL_COUNT } from './cell-motion.ts';
import { CELL_INPUTS, PHASES, SOUND_INPUTS } from './head-input.ts';
import { MOTION_WIDTHS, NEIGHBOURS, SOUND_WIDTHS, shiftLimit } from './synchronization-head.ts';

/** Log of the scale of an agreement, and the logit of there being nothing to go by, before anything is learned. */
const FIRST_LOG_SCALE = Math.log(0.5);
const FIRST_NOTHING = 6;

export interface WindowBatch {
  /** `[batch, steps, 4, SOUND_INPUTS]` */
  sound: tfTypes.Tensor4D;
  /** `[batch, steps, 36, CELL_INPUTS]` */
  motion: tfTypes.Tensor4D;
}

export class SynchronizationNetwork {
  readonly engine: Engine;
  readonly store: ParameterStore;
  readonly #sound: Stream;
  readonly #motion: Stream;
  readonly #scale: tfTypes.Variable;
  readonly #nothing: tfTypes.Variable;

  constructor(engine: Engine, seed: number) {
    this.engine = engine;
    this.store = new ParameterStore(engine, seed);
    this.#sound = new Stream(this.store, 'sound', SOUND_INPUTS, SOUND_WIDTHS);
    this.#motion = new Stream(this.store, 'motion', CELL_INPUTS, MOTION_WIDTHS);
    this.#scale = this.store.weight('scale', [], { kind: 'constant', value: FIRST_LOG_SCALE });
    this.#nothing = this.store.weight('nothing', [], { kind: 'constant', value: FIRST_NOTHING });
  }

  /** `[batch, shifts + 1]`: shifts ascending, then that there is nothing to go by. */
  logits({ sound, motion }: WindowBatch): tfTypes.Tensor2D {
    const { tf } = this.engine;
    const [batch, steps] = sound.shape;
    const limit = shiftLimit(steps);
    const heard = centred(tf, tf.reshape(this.#sound.apply(sound), [batch, steps * PHASES, 1, -1]));
    const seen = centred(tf, this.#motion.apply(motion));
    const width = SOUND_WIDTHS[2];
    const rows = tf.reshape(tf.transpose(seen, [0, 2, 1, 3]), [batch, CELL_COUNT * steps, width]);
    const byPhase = tf.reshape(heard, [batch, steps, PHASES, width]);
    // Shifts ascend as the phase of the sound descends.
    const sums = Array.from({ length: PHASES }, (_, i) => {
      const phase = tf.slice(byPhase, [0, 0, PHASES - 1 - i, 0], [batch, steps, 1, width]);
      const columns = tf.reshape(phase, [batch, steps, width]) as tfTypes.Tensor3D;
      return this.#diagonals(rows as tfTypes.Tensor3D, columns, limit);
    });
    const count = (2 * limit + 1) * PHASES;
    const agreement = tf.reshape(tf.concat(sums, 3), [batch, CELL_COUNT, count]);
    const scaled = tf.mul(tf.mul(agreement, this.#overlapGains(steps, limit)), tf.exp(this.#scale));
    const first = PHASES - 1;
    const shifts = tf.slice(tf.logSumExp(scaled, 1), [0, first], [batch, count - first]);
    return tf.concat([shifts, tf.add(tf.zeros([batch, 1]), this.#nothing)], 1) as tfTypes.Tensor2D;
  }

  dispose(): void {
    this.store.dispose();
  }

  /**
   * Sums over time of the products of rows and columns that lie `shift` steps apart.
   *
   * @returns `[batch, cells, 2 * limit + 1, 1]`
   */
  #diagonals(rows: tfTypes.Tensor3D, columns: tfTypes.Tensor3D, limit: number): tfTypes.Tensor4D {
    const { tf } = this.engine;
    const [batch, steps] = columns.shape;
    const reversed = tf.transpose(tf.reverse(columns, 1), [0, 2, 1]);
    const products = tf.reshape(tf.matMul(rows, reversed), [batch * CELL_COUNT, steps, steps]);
    // Padded by its own width and read in lines one shorter, each line of a matrix slips one place to the right.
    const padded = tf.pad(products, [
      [0, 0],
      [0, 0],
      [0, steps],
    ]);
    const lines = tf.reshape(padded, [batch * CELL_COUNT, 2 * steps * steps]);
    const kept = tf.slice(lines, [0, 0], [batch * CELL_COUNT, steps * (2 * steps - 1)]);
    const slipped = tf.reshape(kept, [batch * CELL_COUNT, steps, 2 * steps - 1]);
    const shifts = 2 * limit + 1;
    const near = tf.slice(slipped, [0, 0, steps - 1 - limit], [batch * CELL_COUNT, steps, shifts]);
    return tf.reshape(tf.sum(near, 1), [batch, CELL_COUNT, shifts, 1]);
  }

  #overlapGains(steps: number, limit: number): tfTypes.Tensor1D {
    const gains = Float32Array.from({ length: (2 * limit + 1) * PHASES }, (_, i) => {
      const apart = Math.abs(Math.floor(i / PHASES) - limit);
      return 1 / Math.sqrt(steps - apart);
    });
    return this.engine.tf.tensor1d(gains);
  }
}

/** Three layers over `[batch, steps, rows, inputs]`, the second of which sees the neighbouring steps. */
class Stream {
  readonly #store: ParameterStore;
  readonly #layers: [Dense, Dense, Dense];

  constructor(
    store: ParameterStore,
    name: string,
    inputs: number,
    widths: readonly [number, number, number],
  ) {
    this.#store = store;
    this.#layers = [
      new Dense(store, `${name}/1`, inputs, widths[0]),
      new Dense(store, `${name}/2`, NEIGHBOURS * widths[0], widths[1]),
      new Dense(store, `${name}/3`, widths[1], widths[2]),
    ];
  }

  apply(x: tfTypes.Tensor4D): tfTypes.Tensor4D {
    const { tf } = this.#store.engine;
    const [first, second, last] = this.#layers;
    const hidden = tf.relu(first.apply(x));
    return last.apply(
      tf.relu(second.apply(this.#withNeighbours(hidden as tfTypes.Tensor4D))),
    ) as tfTypes.Tensor4D;
  }

  #withNeighbours(x: tfTypes.Tensor4D): tfTypes.Tensor {
    const { tf } = this.#store.engine;
    const around = tf.pad(x, [
      [0, 0],
      [1, 1],
      [0, 0],
      [0, 0],
    ]);
    const shifted = Array.from({ length: NEIGHBOURS }, (_, i) => tf.slice(around, [0, i, 0, 0], x.shape));
    return tf.concat(shifted, 3);
  }
}

function centred(tf: Engine['tf'], x: tfTypes.Tensor): tfTypes.Tensor {
  return tf.sub(x, tf.mean(x, 1, true));
}
