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
  /** `[batch, steps, 2, SOUND_INPUTS]` */
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
    const heard = centred(tf, this.#sound.apply(sound), [1, 2]);
    const seen = centred(tf, this.#motion.apply(motion), [1]);
    const agreement = this.#agreement(heard, seen, limit);
    const scaled = tf.mul(tf.mul(agreement, this.#overlapGains(steps, limit)), tf.exp(this.#scale));
    const first = PHASES - 1;
    const count = (2 * limit + 1) * PHASES;
    const shifts = tf.slice(tf.logSumExp(scaled, 1), [0, first], [batch, count - first]);
    return tf.concat([shifts, tf.add(tf.zeros([batch, 1]), this.#nothing)], 1) as tfTypes.Tensor2D;
  }

  dispose(): void {
    this.store.dispose();
  }

  /**
   * Each cell's embeddings convolved with the sound's: the sound is a filter as long as the window, and every place that
   * it is laid on is a shift.
   *
   * @returns `[batch, cells, (2 * limit + 1) * phases]`, shifts ascending
   */
  #agreement(heard: tfTypes.Tensor4D, seen: tfTypes.Tensor4D, limit: number): tfTypes.Tensor3D {
    const { tf } = this.engine;
    const [batch, steps, , width] = heard.shape;
    // Shifts ascend as the phase of the sound descends.
    const filters = tf.unstack(tf.transpose(tf.reverse(heard, 2), [0, 1, 3, 2]));
    const room: [number, number] = [limit, limit];
    const padded = tf.pad(tf.transpose(seen, [0, 2, 1, 3]), [[0, 0], [0, 0], room, [0, 0]]);
    const sums = tf.unstack(padded).map((cells, i) => {
      const line = tf.reshape(cells, [CELL_COUNT, steps + 2 * limit, 1, width]) as tfTypes.Tensor4D;
      const filter = tf.reshape(filters[i] as tfTypes.Tensor, [steps, 1, width, PHASES]);
      return tf.conv2d(line, filter as tfTypes.Tensor4D, 1, 'valid');
    });
    return tf.reshape(tf.stack(sums), [batch, CELL_COUNT, (2 * limit + 1) * PHASES]);
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
  readonly #first: Dense;
  readonly #kernel: tfTypes.Variable;
  readonly #bias: tfTypes.Variable;
  readonly #last: Dense;
  readonly #widths: readonly [number, number, number];

  constructor(
    store: ParameterStore,
    name: string,
    inputs: number,
    widths: readonly [number, number, number],
  ) {
    this.#store = store;
    this.#widths = widths;
    this.#first = new Dense(store, `${name}/1`, inputs, widths[0]);
    const seen = NEIGHBOURS * widths[0];
    const deviation = Math.sqrt(1 / seen);
    this.#kernel = store.weight(`${name}/2/kernel`, [seen, widths[1]], { kind: 'normal', deviation });
    this.#bias = store.weight(`${name}/2/bias`, [widths[1]], { kind: 'constant', value: 0 });
    this.#last = new Dense(store, `${name}/3`, widths[1], widths[2]);
  }

  apply(x: tfTypes.Tensor4D): tfTypes.Tensor4D {
    const { tf } = this.#store.engine;
    const hidden = tf.relu(this.#first.apply(x)) as tfTypes.Tensor4D;
    // A convolution over time: far faster than slices of the steps beside each other.
    const shape: [number, number, number, number] = [NEIGHBOURS, 1, this.#widths[0], this.#widths[1]];
    const around = tf.conv2d(hidden, tf.reshape(this.#kernel, shape), 1, 'same');
    return this.#last.apply(tf.relu(tf.add(around, this.#bias))) as tfTypes.Tensor4D;
  }
}

function centred(tf: Engine['tf'], x: tfTypes.Tensor4D, axes: number[]): tfTypes.Tensor4D {
  return tf.sub(x, tf.mean(x, axes, true));
}
