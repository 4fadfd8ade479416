/** One ONNX graph of the user's own as a tower: opened with every check that its description allows, then run. */
import { EarshotError } from '#core/errors';
import { OnnxSession, type OnnxTensor, type OnnxValueInfo } from '../onnx/session.ts';

/** What a front end gives, whatever the sound or the frames. */
export interface GraphInput {
  /** Where `model.json` describes it, for errors. */
  field: string;
  type: 'float32' | 'uint8';
  /** Shapes of one item that its numbers can be read as, the usual one first. */
  itemShapes: readonly (readonly number[])[];
}

/** Items one after the other, `[count, ...item]`. */
export interface InputItems {
  data: Float32Array | Uint8Array;
  count: number;
}

export interface GraphTowerOptions {
  /** Path of the `.onnx` file. */
  file: string;
  input: string;
  output: string;
  items: GraphInput;
  dimension: number;
}

/** Items a forward pass where the graph takes any number: bounds memory. */
const BATCH = 8;

/** How the graph's input holds items. */
interface InputPlan {
  itemShape: readonly number[];
  /** False where the input is one item, without an axis for several. */
  hasBatchAxis: boolean;
  /** How many it takes at once, exactly; null: any number. */
  fixedBatch: number | null;
}

export class GraphTower {
  readonly #session: OnnxSession;
  readonly #options: GraphTowerOptions;
  readonly #plan: InputPlan;
  #batch: number;

  private constructor(session: OnnxSession, options: GraphTowerOptions, plan: InputPlan) {
    this.#session = session;
    this.#options = options;
    this.#plan = plan;
    this.#batch = plan.fixedBatch ?? BATCH;
  }

  /**
   * Opens the graph and runs it once on zeros, so that whatever does not fit is known now.
   *
   * @throws EarshotError `model_invalid` with what to do, for a file that is no graph, operators that the runtime does
   *   not know, an input or output that isn't there, takes another type or shape, or has another dimension
   */
  static async open(options: GraphTowerOptions): Promise<GraphTower> {
    const session = await openSession(options.file);
    try {
      const plan = planInput(checkNames(session, options), options);
      const tower = new GraphTower(session, options, plan);
      await tower.#tryOut();
      return tower;
    } catch (error) {
      await session.dispose();
      throw error;
    }
  }

  /**
   * The tower's vectors before they are scaled, `[count, dimension]`.
   *
   * @throws EarshotError `model_invalid` when the graph fails on them or answers numbers that are not finite
   */
  async run({ data, count }: InputItems): Promise<Float32Array> {
    const { file, output, dimension } = this.#options;
    const size = data.length / count;
    const out = new Float32Array(count * dimension);
    for (let start = 0; start < count; start += this.#batch) {
      const taken = Math.min(this.#batch, count - start);
      const { data: rows } = await this.#pass(data.subarray(start * size, (start + taken) * size), taken);
      out.set(rows.subarray(0, taken * dimension), start * dimension);
    }
    if (out.every(Number.isFinite)) return out;
    const message = `The output "${output}" of ${file} holds numbers that are not finite: a division by zero or a logarithm of zero in the graph needs a small number added.`;
    throw new EarshotError('model_invalid', message, { subject: file });
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
  }

  /** One forward pass; where the graph takes a fixed number of items, zeros fill it up. */
  async #pass(
    data: Float32Array | Uint8Array,
    count: number,
  ): Promise<{ data: Float32Array; shape: readonly number[] }> {
    const { input, output } = this.#options;
    const { itemShape, hasBatchAxis, fixedBatch } = this.#plan;
    const rows = fixedBatch ?? count;
    const shape = hasBatchAxis ? [rows, ...itemShape] : itemShape;
    const tensor: OnnxTensor = { data: rows === count ? data : padded(data, rows / count), shape };
    const result = (await this.#session.run({ [input]: tensor }, [output]))[output];
    if (result?.data instanceof Float32Array) return { data: result.data, shape: result.shape };
    throw this.#refusal(`The output "${output}" is not of float32: export the graph with a float32 output.`);
  }

  /** A forward pass on zeros, which tells the output's shape; one on two items, whether several may share a pass. */
  async #tryOut(): Promise<void> {
    const { output, dimension } = this.#options;
    const { itemShape, fixedBatch } = this.#plan;
    const rows = fixedBatch ?? 1;
    const { shape } = await this.#pass(this.#zeros(rows), rows).catch((cause: unknown) => {
      if (!(cause instanceof EarshotError)) throw cause;
      const advice = `It was given [${itemShape}] as ${this.#options.items.field} of model.json describes: correct it there, or export the graph for that shape.`;
      throw this.#refusal(`${cause.message} ${advice}`, cause);
    });
    if (product(shape) !== rows * dimension || !shape.includes(dimension)) {
      throw this.#refusal(
        `The output "${output}" answers [${shape}] for ${rows === 1 ? 'one item' : `${rows} items`}, but model.json states the dimension ${dimension}: one vector of that length an item is needed. Correct "dimension", or choose another output.`,
      );
    }
    if (fixedBatch !== null) return;
    const two = await this.#pass(this.#zeros(2), 2).catch(() => null);
    if (two?.data.length !== 2 * dimension) this.#batch = 1;
  }

  #zeros(count: number): Float32Array | Uint8Array {
    const length = count * product(this.#plan.itemShape);
    return this.#options.items.type === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
  }

  #refusal(text: string, cause?: unknown): EarshotError {
    return refusal(this.#options.file, text, cause);
  }
}

async function openSession(file: string): Promise<OnnxSession> {
  try {
    // By path, so that weights in a file of their own beside it are found.
    return await OnnxSession.open(file, { quiet: true });
  } catch (error) {
    if (!(error instanceof EarshotError)) throw error;
    throw new EarshotError('model_invalid', `${error.message} ${advice(error.message)}`, {
      subject: file,
      cause: error,
    });
  }
}

function advice(reason: string): string {
  if (/No Op registered|not a registered|NOT_IMPLEMENTED|Could not find an implementation/i.test(reason)) {
    return 'Export the graph with operators of the standard ONNX set only.';
  }
  if (/opset|IR version/i.test(reason)) return 'Export the graph for an older version of ONNX.';
  if (/external/i.test(reason)) return 'Put the file that holds its weights beside it.';
  return 'The file is damaged or no ONNX model: copy or export it again.';
}

/** The input's declaration. @throws EarshotError `model_invalid` for names that the graph does not have */
function checkNames(session: OnnxSession, { file, input, output }: GraphTowerOptions): OnnxValueInfo {
  const list = (infos: readonly OnnxValueInfo[]) => infos.map(({ name }) => `"${name}"`).join(', ');
  const { inputs, outputs } = session;
  const found = inputs.find(({ name }) => name === input);
  if (!found) {
    throw refusal(file, `There is no input "${input}"; the graph has: ${list(inputs)}. Correct model.json.`);
  }
  const others = inputs.filter(({ name }) => name !== input);
  if (others.length > 0) {
    throw refusal(
      file,
      `The graph also needs ${list(others)}, which nothing fills: export it with "${input}" as its only input.`,
    );
  }
  if (!outputs.some(({ name }) => name === output)) {
    throw refusal(
      file,
      `There is no output "${output}"; the graph has: ${list(outputs)}. Correct model.json.`,
    );
  }
  return found;
}

/** @throws EarshotError `model_invalid` when the input's type, rank or fixed sizes do not fit the front end */
function planInput({ name, type, shape }: OnnxValueInfo, { file, items }: GraphTowerOptions): InputPlan {
  if (type !== items.type) {
    throw refusal(
      file,
      `The input "${name}" takes ${type}, but ${items.field} of model.json gives ${items.type}: correct it there, or export the graph for ${items.type}.`,
    );
  }
  const [usual = []] = items.itemShapes;
  if (shape.length === 0) return { itemShape: usual, hasBatchAxis: true, fixedBatch: null };
  const fits = (declared: readonly (number | string)[], wanted: readonly number[]) =>
    declared.length === wanted.length &&
    declared.every((size, axis) => !isFixed(size) || size === wanted[axis]);
  for (const itemShape of items.itemShapes) {
    if (!fits(shape.slice(1), itemShape)) continue;
    const batch = shape[0];
    return { itemShape, hasBatchAxis: true, fixedBatch: isFixed(batch) ? batch : null };
  }
  if (fits(shape, usual)) return { itemShape: usual, hasBatchAxis: false, fixedBatch: 1 };
  const given = items.itemShapes.map((itemShape) => `[N,${itemShape}]`).join(' or ');
  throw refusal(
    file,
    `The input "${name}" takes [${shape.map((size) => (isFixed(size) ? size : 'N'))}], but ${items.field} of model.json gives ${given}: correct it there, or export the graph for that shape.`,
  );
}

function isFixed(size: number | string | undefined): size is number {
  return typeof size === 'number' && size > 0;
}

function refusal(file: string, text: string, cause?: unknown): EarshotError {
  const message = text.includes(file) ? text : `${file}: ${text}`;
  return new EarshotError('model_invalid', message, { subject: file, cause });
}

function padded(data: Float32Array | Uint8Array, factor: number): Float32Array | Uint8Array {
  const length = Math.round(data.length * factor);
  const out = data instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
  out.set(data);
  return out;
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}
