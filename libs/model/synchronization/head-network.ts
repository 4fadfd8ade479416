/** The synchronisation head as it learns: the layers of `stream.ts` on an engine that gives gradients. */
import type * as tfTypes from '@tensorflow/tfjs';
import type { Engine } from '../engine/engine.ts';
import { Dense } from '../layers/dense.ts';
import { ParameterStore } from '../layers/parameters.ts';
import { CELL_COUNT } from './cell-motion.ts';
import { CELL_INPUTS, PHASES, SOUND_INPUTS } from './head-input.ts';
import { MOTION_WIDTHS, NEIGHBOURS, neighbourWeights, SOUND_WIDTHS, WIDE_NEIGHBOURS } from './stream.ts';
import type { WindowBatch } from './window-batch.ts';

/** Log of the scale of an agreement, and the logit of there being nothing to go by, before anything is learned. */
const FIRST_LOG_SCALE = Math.log(0.5);
const FIRST_NOTHING = 6;

export class SynchronizationNetwork {
  readonly engine: Engine;
  readonly store: ParameterStore;
  readonly #sound: LearningStream;
  readonly #motion: LearningStream;
  readonly #scale: tfTypes.Variable;
  readonly #nothing: tfTypes.Variable;

  constructor(engine: Engine, seed: number) {
    this.engine = engine;
    this.store = new ParameterStore(engine, seed);
    this.#sound = new LearningStream(this.store, 'sound', SOUND_INPUTS, SOUND_WIDTHS);
    this.#motion = new LearningStream(this.store, 'motion', CELL_INPUTS, MOTION_WIDTHS, neighbourWeights());
    this.#scale = this.store.weight('scale', [], { kind: 'constant', value: FIRST_LOG_SCALE });
    this.#nothing = this.store.weight('nothing', [], { kind: 'constant', value: FIRST_NOTHING });
  }

  /** `[batch, shifts + 1]`: shifts ascending, then that there is nothing to go by. */
  logits({ sound, present, motion, gains, excluded }: WindowBatch): tfTypes.Tensor2D {
    const { tf } = this.engine;
    const [batch] = motion.shape;
    const heard = this.#heard(sound, present);
    const embedded = this.#motion.apply(motion);
    const seen = tf.sub(embedded, tf.mean(embedded, 1, true)) as tfTypes.Tensor4D;
    const agreement = tf.mul(this.#agreement(heard, seen), tf.mul(gains, tf.exp(this.#scale)));
    const shifts = tf.add(tf.logSumExp(agreement, 1), excluded);
    // The sound's later shifts come first: turned round at the end, where there is least to turn.
    const ascending = tf.reverse(shifts, 1);
    return tf.concat([ascending, tf.add(tf.zeros([batch, 1]), this.#nothing)], 1) as tfTypes.Tensor2D;
  }

  dispose(): void {
    this.#motion.dispose();
    this.store.dispose();
  }

  /** The sound's embeddings, the mean of what is there taken off, and nothing where nothing is there. */
  #heard(sound: tfTypes.Tensor4D, present: tfTypes.Tensor4D): tfTypes.Tensor4D {
    const { tf } = this.engine;
    const embedded = tf.mul(this.#sound.apply(sound, present), present);
    const mean = tf.div(tf.sum(embedded, [1, 2], true), tf.sum(present, [1, 2], true));
    return tf.mul(tf.sub(embedded, mean), present) as tfTypes.Tensor4D;
  }

  /**
   * Each cell's embeddings times the sound's at every shift, in one matrix product a window.
   *
   * @returns `[batch, cells, shifts]`, shifts descending
   */
  #agreement(heard: tfTypes.Tensor4D, seen: tfTypes.Tensor4D): tfTypes.Tensor3D {
    const { tf } = this.engine;
    const [batch, steps, , width] = seen.shape;
    const shifted = tf.reshape(this.#shiftedSound(heard, steps), [batch, width * steps, -1]);
    const cells = tf.reshape(tf.transpose(seen, [0, 2, 3, 1]), [batch, CELL_COUNT, width * steps]);
    return tf.matMul(cells, shifted) as tfTypes.Tensor3D;
  }

  /**
   * The sound as each video step meets it at each shift. A row that is repeated, and then read in rows two longer, begins
   * two sound steps later every time.
   *
   * @returns `[batch, width, steps, shifts]`
   */
  #shiftedSound(heard: tfTypes.Tensor4D, steps: number): tfTypes.Tensor {
    const { tf } = this.engine;
    const [batch, around, , width] = heard.shape;
    const length = around * PHASES;
    const line = tf.transpose(tf.reshape(heard, [batch, length, width]), [0, 2, 1]);
    const row = tf.reshape(line, [batch, width, 1, length]);
    const repeated = tf.reshape(tf.add(row, tf.zeros([steps + 1, 1])), [batch, width, -1]);
    const longer = length + PHASES;
    const rows = tf.slice(repeated, [0, 0, 0], [batch, width, steps * longer]);
    const windows = tf.reshape(rows, [batch, width, steps, longer]);
    const shifts = (around - steps) * PHASES + 1;
    return tf.slice(windows, [0, 0, 0, 0], [batch, width, steps, shifts]);
  }
}

/** The layers of `Stream` over `[batch, steps, rows, inputs]`. */
class LearningStream {
  readonly #store: ParameterStore;
  readonly #first: Dense;
  readonly #second: Convolution;
  readonly #near: Dense | null = null;
  readonly #whole: Dense | null = null;
  readonly #wide: Convolution;
  readonly #last: Dense;
  readonly #neighbours: tfTypes.Tensor3D | null = null;

  /** @param neighbours `[rows, rows]`, in which parts the rows around each one count; none: rows know nothing of others */
  constructor(
    store: ParameterStore,
    name: string,
    inputs: number,
    [first, second, last]: readonly [number, number, number],
    neighbours?: Float32Array,
  ) {
    this.#store = store;
    this.#first = new Dense(store, `${name}/1`, inputs, first);
    this.#second = new Convolution(store, `${name}/2`, NEIGHBOURS, first, second);
    this.#wide = new Convolution(store, `${name}/wide`, WIDE_NEIGHBOURS, second, second);
    this.#last = new Dense(store, `${name}/3`, second, last);
    if (!neighbours) return;
    this.#near = new Dense(store, `${name}/near`, first, second);
    this.#whole = new Dense(store, `${name}/whole`, first, second);
    const rows = Math.sqrt(neighbours.length);
    this.#neighbours = store.engine.tf.keep(store.engine.tf.tensor3d(neighbours, [1, rows, rows]));
  }

  /** @param present `[batch, steps, rows, 1]`, 0 where there is nothing; all is there unless told */
  apply(x: tfTypes.Tensor4D, present?: tfTypes.Tensor4D): tfTypes.Tensor4D {
    const { tf } = this.#store.engine;
    const kept = (values: tfTypes.Tensor) => (present ? tf.mul(values, present) : values) as tfTypes.Tensor4D;
    const first = kept(tf.relu(this.#first.apply(x)));
    const second = kept(tf.relu(this.#withOthers(this.#second.apply(first), first)));
    const wide = tf.add(tf.relu(this.#wide.apply(second)), second);
    return this.#last.apply(wide as tfTypes.Tensor4D) as tfTypes.Tensor4D;
  }

  dispose(): void {
    this.#neighbours?.dispose();
  }

  /** What the rows around each one, and all of them, add to it. */
  #withOthers(second: tfTypes.Tensor4D, first: tfTypes.Tensor4D): tfTypes.Tensor4D {
    const { tf } = this.#store.engine;
    if (!this.#near || !this.#whole || !this.#neighbours) return second;
    const [batch, steps, rows, width] = first.shape;
    const around = tf.matMul(this.#neighbours, tf.reshape(first, [batch * steps, rows, width]));
    const near = this.#near.apply(tf.reshape(around, [batch, steps, rows, width]));
    const whole = this.#whole.apply(tf.mean(first, 2, true) as tfTypes.Tensor4D);
    return tf.add(tf.add(second, near), whole) as tfTypes.Tensor4D;
  }
}

/** Over time, rows by themselves; far faster than slices of the steps beside each other. */
class Convolution {
  readonly #store: ParameterStore;
  readonly #kernel: tfTypes.Variable;
  readonly #bias: tfTypes.Variable;
  readonly #shape: [number, number, number, number];

  constructor(store: ParameterStore, name: string, neighbours: number, inputs: number, outputs: number) {
    this.#store = store;
    const seen = neighbours * inputs;
    const deviation = Math.sqrt(1 / seen);
    this.#kernel = store.weight(`${name}/kernel`, [seen, outputs], { kind: 'normal', deviation });
    this.#bias = store.weight(`${name}/bias`, [outputs], { kind: 'constant', value: 0 });
    this.#shape = [neighbours, 1, inputs, outputs];
  }

  apply(x: tfTypes.Tensor4D): tfTypes.Tensor4D {
    const { tf } = this.#store.engine;
    return tf.add(
      tf.conv2d(x, tf.reshape(this.#kernel, this.#shape), 1, 'same'),
      this.#bias,
    ) as tfTypes.Tensor4D;
  }
}
