/** The synchronisation head as it learns: the layers of `synchronization-head.ts` on an engine that gives gradients. */
import type * as tfTypes from '@tensorflow/tfjs';
import type { Engine } from '../engine/engine.ts';
import { Dense } from '../layers/dense.ts';
import { ParameterStore } from '../layers/parameters.ts';
import { CELL_COUNT } from './cell-motion.ts';
import { CELL_INPUTS, PHASES, SOUND_INPUTS } from './head-input.ts';
import { MOTION_WIDTHS, NEIGHBOURS, SOUND_WIDTHS } from './stream.ts';
import { overlapGain, shiftLimit } from './synchronization-head.ts';

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
    const gains = tf.mul(this.#overlapGains(steps, limit), tf.exp(this.#scale));
    const agreement = tf.mul(this.#agreement(heard, seen, limit), gains);
    // The sound's later shifts come first: turned round at the end, where there is least to turn.
    const shifts = tf.reverse(tf.logSumExp(agreement, 1), 1);
    return tf.concat([shifts, tf.add(tf.zeros([batch, 1]), this.#nothing)], 1) as tfTypes.Tensor2D;
  }

  dispose(): void {
    this.store.dispose();
  }

  /**
   * Each cell's embeddings times the sound's at every shift, in one matrix product a window.
   *
   * @returns `[batch, cells, 2 * limit * phases + 1]`, shifts descending
   */
  #agreement(heard: tfTypes.Tensor4D, seen: tfTypes.Tensor4D, limit: number): tfTypes.Tensor3D {
    const { tf } = this.engine;
    const [batch, steps, , width] = heard.shape;
    const shifted = tf.reshape(this.#shiftedSound(heard, limit), [batch, width * steps, -1]);
    const cells = tf.reshape(tf.transpose(seen, [0, 2, 3, 1]), [batch, CELL_COUNT, width * steps]);
    return tf.matMul(cells, shifted) as tfTypes.Tensor3D;
  }

  /**
   * The sound as each video step meets it at each shift. A row that is repeated, and then read in rows two longer, begins
   * two sound steps later every time.
   *
   * @returns `[batch, width, steps, shifts]`
   */
  #shiftedSound(heard: tfTypes.Tensor4D, limit: number): tfTypes.Tensor {
    const { tf } = this.engine;
    const [batch, steps, , width] = heard.shape;
    const room = limit * PHASES;
    const line = tf.transpose(tf.reshape(heard, [batch, steps * PHASES, width]), [0, 2, 1]);
    const length = (steps + 2 * limit) * PHASES;
    const padded = tf.reshape(
      tf.pad(line, [
        [0, 0],
        [0, 0],
        [room, room],
      ]),
      [batch, width, 1, length],
    );
    const repeated = tf.reshape(tf.add(padded, tf.zeros([steps + 1, 1])), [batch, width, -1]);
    const longer = length + PHASES;
    const rows = tf.slice(repeated, [0, 0, 0], [batch, width, steps * longer]);
    const windows = tf.reshape(rows, [batch, width, steps, longer]);
    return tf.slice(windows, [0, 0, 0, 0], [batch, width, steps, 2 * room + 1]);
  }

  /** Shifts descending. */
  #overlapGains(steps: number, limit: number): tfTypes.Tensor1D {
    const most = limit * PHASES;
    const gains = Float32Array.from({ length: 2 * most + 1 }, (_, i) => overlapGain(most - i, steps));
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
