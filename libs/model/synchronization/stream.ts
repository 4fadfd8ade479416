/**
 * The layers of the synchronisation head over steps, in plain arithmetic; and the picture's stream by itself, which says
 * of every cell how it moves, step by step.
 */
import { EarshotError } from '#core/errors';
import type { NamedArray } from '../layers/parameters.ts';
import { CELL_CHANNELS, CELL_COUNT, CELLS_PER_SIDE } from './cell-motion.ts';
import { CELL_INPUTS, motionInput, withContext } from './head-input.ts';

/** Widths of the layers of each stream as they are learned; the last one is that of the embeddings. */
export const SOUND_WIDTHS = [96, 96, 32] as const;
export const MOTION_WIDTHS = [32, 32, 32] as const;
/** The second layer sees the steps before and after as well, the one that is added to it two each way. */
export const NEIGHBOURS = 3;
export const WIDE_NEIGHBOURS = 5;

type Named = ReadonlyMap<string, NamedArray>;

/** A dense layer: kernel `[inputs, outputs]`. */
export interface Layer {
  kernel: Float32Array;
  bias: Float32Array;
  inputs: number;
  outputs: number;
}

interface StreamLayers {
  first: Layer;
  second: Layer;
  near: Layer | null;
  whole: Layer | null;
  wide: Layer | null;
  last: Layer;
}

/**
 * Dense, a convolution over time, a wider one that is added to what it is given, dense. In the second layer a cell of the
 * picture is told of its neighbours and of the whole as well. Streams of before have neither that nor the wider layer;
 * what there is follows from the arrays.
 */
export class Stream {
  readonly layers: StreamLayers;
  /** Of what comes out. */
  readonly width: number;

  /** @throws EarshotError `checkpoint_invalid` naming the array that is missing or has another shape */
  constructor(named: Named, name: string, inputs: number) {
    const first = layerOf(named, `${name}/1`, inputs);
    const second = layerOf(named, `${name}/2`, NEIGHBOURS * first.outputs);
    const width = second.outputs;
    const optional = (layer: string, size: number) =>
      named.has(`${name}/${layer}/kernel`) ? layerOf(named, `${name}/${layer}`, size, width) : null;
    this.layers = {
      ...{ first, second },
      near: optional('near', first.outputs),
      whole: optional('whole', first.outputs),
      wide: optional('wide', WIDE_NEIGHBOURS * width),
      last: layerOf(named, `${name}/3`, width),
    };
    this.width = this.layers.last.outputs;
  }

  /**
   * @param input       `[steps, rows, inputs]`
   * @param centredRows 1 where all rows have one mean; each has its own unless told
   * @returns `[steps, rows, width]`, the mean over time of every value taken off
   */
  embed(input: Float32Array, steps: number, rows: number, centredRows = rows): Float32Array {
    const embedded = dense(this.layers.last, this.#hidden(input, steps, rows));
    centre(embedded, centredRows * this.width);
    return embedded;
  }

  #hidden(input: Float32Array, steps: number, rows: number): Float32Array {
    const layers = this.layers;
    const values = relu(dense(layers.first, input));
    const shape = { steps, rows, width: layers.first.outputs };
    const second = convolved(layers.second, values, { ...shape, context: NEIGHBOURS });
    if (layers.near) add(second, dense(layers.near, meanOfNeighbours(values, shape.width)));
    if (layers.whole)
      addToRows(second, dense(layers.whole, meanOfRows(values, shape)), rows, layers.second.outputs);
    relu(second);
    if (!layers.wide) return second;
    const wider = { steps, rows, width: layers.second.outputs, context: WIDE_NEIGHBOURS };
    return add(relu(convolved(layers.wide, second, wider)), second);
  }
}

/** The picture's half of a synchronisation head. */
export class MotionStream {
  /** As it was made of. */
  readonly arrays: readonly NamedArray[];
  readonly stream: Stream;

  /** @throws EarshotError `checkpoint_invalid` naming the array that is missing or has another shape */
  constructor(arrays: readonly NamedArray[]) {
    this.arrays = arrays.filter(({ name }) => name.startsWith('motion/'));
    this.stream = new Stream(new Map(arrays.map((array) => [array.name, array])), 'motion', CELL_INPUTS);
  }

  /** Of a cell's embedding. */
  get width(): number {
    return this.stream.width;
  }

  /**
   * @param cells `[steps, 36, 7]` of `cellMotion`
   * @returns `[steps, 36, width]`, each cell's mean taken off
   */
  embed(cells: Float32Array): Float32Array {
    const steps = cells.length / (CELL_COUNT * CELL_CHANNELS);
    const input = new Float32Array(steps * CELL_COUNT * CELL_INPUTS);
    motionInput(cells, input, 0);
    return this.stream.embed(input, steps, CELL_COUNT);
  }
}

/** @param outputs as wide as its bias unless told */
function layerOf(named: Named, name: string, inputs: number, outputs?: number): Layer {
  const width = outputs ?? named.get(`${name}/kernel`)?.shape[1] ?? 0;
  const kernel = arrayOf(named, `${name}/kernel`, [inputs, width]);
  return { kernel, bias: arrayOf(named, `${name}/bias`, [width]), inputs, outputs: width };
}

export function arrayOf(named: Named, name: string, shape: readonly number[]): Float32Array {
  const array = named.get(name);
  if (array && array.shape.join() === shape.join()) return array.data;
  const found = array ? `shape [${array.shape}]` : 'nothing';
  throw new EarshotError(
    'checkpoint_invalid',
    `Array ${name} of the synchronisation head: shape [${shape}] expected, ${found} found.`,
    { subject: name },
  );
}

function dense({ kernel, bias, inputs, outputs }: Layer, x: Float32Array): Float32Array {
  const rows = x.length / inputs;
  const out = new Float32Array(rows * outputs);
  // Four outputs at once, whose sums stay in registers; all widths are multiples of four.
  for (let j = 0; j < outputs; j += 4) {
    for (let row = 0; row < rows; row++) {
      let a = bias[j] as number;
      let b = bias[j + 1] as number;
      let c = bias[j + 2] as number;
      let d = bias[j + 3] as number;
      const end = (row + 1) * inputs;
      for (let i = row * inputs, weight = j; i < end; i++, weight += outputs) {
        const value = x[i] as number;
        a += value * (kernel[weight] as number);
        b += value * (kernel[weight + 1] as number);
        c += value * (kernel[weight + 2] as number);
        d += value * (kernel[weight + 3] as number);
      }
      const at = row * outputs + j;
      out[at] = a;
      out[at + 1] = b;
      out[at + 2] = c;
      out[at + 3] = d;
    }
  }
  return out;
}

/** A convolution over time, each row by itself. */
function convolved(
  layer: Layer,
  x: Float32Array,
  shape: { steps: number; rows: number; width: number; context: number },
): Float32Array {
  const beside = new Float32Array(x.length * shape.context);
  withContext(x, shape, beside, 0);
  return dense(layer, beside);
}

/** In place. */
function relu(values: Float32Array): Float32Array {
  for (let i = 0; i < values.length; i++) if ((values[i] as number) < 0) values[i] = 0;
  return values;
}

/** Into the first. */
function add(values: Float32Array, others: Float32Array): Float32Array {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + (others[i] as number);
  return values;
}

/** Adds one row `[width]` a step to each of the step's rows. */
function addToRows(values: Float32Array, ofSteps: Float32Array, rows: number, width: number): void {
  for (let i = 0; i < values.length; i++) {
    const step = Math.floor(i / (rows * width));
    values[i] = (values[i] as number) + (ofSteps[step * width + (i % width)] as number);
  }
}

/** `[steps, width]` of `[steps, rows, width]`. */
function meanOfRows(
  values: Float32Array,
  { steps, rows, width }: { steps: number; rows: number; width: number },
): Float32Array {
  const out = new Float32Array(steps * width);
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(i / (rows * width)) * width + (i % width);
    out[at] = (out[at] as number) + (values[i] as number) / rows;
  }
  return out;
}

/** Of each cell, up to eight others around it. */
const NEIGHBOURS_OF_CELL: readonly (readonly number[])[] = Array.from({ length: CELL_COUNT }, (_, cell) => {
  const [row, column] = [Math.floor(cell / CELLS_PER_SIDE), cell % CELLS_PER_SIDE];
  return Array.from({ length: CELL_COUNT }, (_, other) => other).filter((other) => {
    const away = [Math.floor(other / CELLS_PER_SIDE) - row, (other % CELLS_PER_SIDE) - column];
    return other !== cell && away.every((steps) => Math.abs(steps) <= 1);
  });
});

/** `[36, 36]`: row by row, of which cells, and in which parts, each one's neighbours' mean is made. */
export function neighbourWeights(): Float32Array {
  const weights = new Float32Array(CELL_COUNT * CELL_COUNT);
  NEIGHBOURS_OF_CELL.forEach((others, cell) => {
    for (const other of others) weights[cell * CELL_COUNT + other] = 1 / others.length;
  });
  return weights;
}

/** `[steps, 36, width]` of the same. */
function meanOfNeighbours(values: Float32Array, width: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let from = 0; from < values.length; from += CELL_COUNT * width) {
    NEIGHBOURS_OF_CELL.forEach((others, cell) => {
      const at = from + cell * width;
      for (const other of others) {
        const source = from + other * width;
        for (let i = 0; i < width; i++)
          out[at + i] = (out[at + i] as number) + (values[source + i] as number);
      }
      for (let i = 0; i < width; i++) out[at + i] = (out[at + i] as number) / others.length;
    });
  }
  return out;
}

/** Takes off the mean over time of every value of `[time, size]`. */
function centre(values: Float32Array, size: number): void {
  const count = values.length / size;
  for (let i = 0; i < size; i++) {
    let mean = 0;
    for (let j = i; j < values.length; j += size) mean += (values[j] as number) / count;
    for (let j = i; j < values.length; j += size) values[j] = (values[j] as number) - mean;
  }
}
