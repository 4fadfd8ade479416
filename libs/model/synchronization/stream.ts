/**
 * Three layers of the synchronisation head over steps, in plain arithmetic; and the picture's stream by itself, which
 * says of every cell how it moves, step by step.
 */
import { EarshotError } from '#core/errors';
import type { NamedArray } from '../layers/parameters.ts';
import { CELL_CHANNELS, CELL_COUNT } from './cell-motion.ts';
import { CELL_INPUTS, motionInput, withContext } from './head-input.ts';

/** Widths of the layers of each stream; the last one is that of the embeddings. */
export const SOUND_WIDTHS = [64, 64, 16] as const;
export const MOTION_WIDTHS = [16, 24, 16] as const;
/** The second layer sees the steps before and after as well. */
export const NEIGHBOURS = 3;

/** The picture's half of a synchronisation head. */
export class MotionStream {
  /** As it was made of. */
  readonly arrays: readonly NamedArray[];
  readonly layers: readonly Layer[];

  /** @throws EarshotError `checkpoint_invalid` naming the array that is missing or has another shape */
  constructor(arrays: readonly NamedArray[]) {
    this.arrays = arrays.filter(({ name }) => name.startsWith('motion/'));
    const named = new Map(arrays.map((array) => [array.name, array]));
    this.layers = layersOf(named, 'motion', CELL_INPUTS, MOTION_WIDTHS);
  }

  /**
   * @param cells `[steps, 36, 7]` of `cellMotion`
   * @returns `[steps, 36, 16]`, each cell's mean taken off
   */
  embed(cells: Float32Array): Float32Array {
    const steps = cells.length / (CELL_COUNT * CELL_CHANNELS);
    const input = new Float32Array(steps * CELL_COUNT * CELL_INPUTS);
    motionInput(cells, input, 0);
    const embedded = forward(this.layers, input, steps, CELL_COUNT);
    centre(embedded, CELL_COUNT);
    return embedded;
  }
}

/** A dense layer: kernel `[inputs, outputs]`. */
export interface Layer {
  kernel: Float32Array;
  bias: Float32Array;
  inputs: number;
  outputs: number;
}

export function layersOf(
  named: ReadonlyMap<string, NamedArray>,
  stream: string,
  inputs: number,
  widths: readonly [number, number, number],
): Layer[] {
  const sizes = [inputs, NEIGHBOURS * widths[0], widths[1]];
  return widths.map((outputs, i) => {
    const size = sizes[i] as number;
    return {
      kernel: arrayOf(named, `${stream}/${i + 1}/kernel`, [size, outputs]),
      bias: arrayOf(named, `${stream}/${i + 1}/bias`, [outputs]),
      inputs: size,
      outputs,
    };
  });
}

export function arrayOf(
  named: ReadonlyMap<string, NamedArray>,
  name: string,
  shape: readonly number[],
): Float32Array {
  const array = named.get(name);
  if (array && array.shape.join() === shape.join()) return array.data;
  const found = array ? `shape [${array.shape}]` : 'nothing';
  throw new EarshotError(
    'checkpoint_invalid',
    `Array ${name} of the synchronisation head: shape [${shape}] expected, ${found} found.`,
    { subject: name },
  );
}

/**
 * @param input `[steps, rows, inputs]`; rows are independent of each other
 * @returns `[steps, rows, width]`
 */
export function forward(
  layers: readonly Layer[],
  input: Float32Array,
  steps: number,
  rows: number,
): Float32Array {
  const [first, second, last] = layers as [Layer, Layer, Layer];
  const hidden = dense(first, input, true);
  const shape = { steps, rows, width: first.outputs, context: NEIGHBOURS };
  const beside = new Float32Array(hidden.length * NEIGHBOURS);
  withContext(hidden, shape, beside, 0);
  return dense(last, dense(second, beside, true), false);
}

function dense({ kernel, bias, inputs, outputs }: Layer, x: Float32Array, relu: boolean): Float32Array {
  const rows = x.length / inputs;
  const out = new Float32Array(rows * outputs);
  const least = relu ? 0 : -Infinity;
  // Four outputs at once, whose sums stay in registers; all widths are multiples of four.
  for (let j = 0; j < outputs; j += 4) {
    for (let row = 0; row < rows; row++) {
      let [a, b, c, d] = [bias[j], bias[j + 1], bias[j + 2], bias[j + 3]] as [number, number, number, number];
      const end = (row + 1) * inputs;
      for (let i = row * inputs, weight = j; i < end; i++, weight += outputs) {
        const value = x[i] as number;
        a += value * (kernel[weight] as number);
        b += value * (kernel[weight + 1] as number);
        c += value * (kernel[weight + 2] as number);
        d += value * (kernel[weight + 3] as number);
      }
      const at = row * outputs + j;
      out[at] = Math.max(least, a);
      out[at + 1] = Math.max(least, b);
      out[at + 2] = Math.max(least, c);
      out[at + 3] = Math.max(least, d);
    }
  }
  return out;
}

/** Takes off the mean over time of every value of `[time, rows, width]`. */
export function centre(values: Float32Array, rows: number): void {
  const size = rows * SOUND_WIDTHS[2];
  const count = values.length / size;
  for (let i = 0; i < size; i++) {
    let mean = 0;
    for (let j = i; j < values.length; j += size) mean += (values[j] as number) / count;
    for (let j = i; j < values.length; j += size) values[j] = (values[j] as number) - mean;
  }
}
