/**
 * Writes ONNX graphs: named inputs with free dimensions, constants, operators, named outputs, then the bytes of a
 * model file. Operators are added in the order in which they run, each answering the value that the next one takes.
 *
 * ```ts
 * const graph = new OnnxGraphBuilder('scale');
 * const x = graph.input('x', 'float32', ['batch', 3]);
 * graph.output('y', graph.node('Mul', [x, graph.scalar(2)]), 'float32', ['batch', 3]);
 * const bytes = graph.toBytes();
 * ```
 *
 * @see https://onnx.ai/onnx/intro/concepts.html
 */
import onnxProto from 'onnx-proto';
import { EarshotError } from '#core/errors';

const { onnx } = onnxProto;
type AttributeProto = onnxProto.onnx.IAttributeProto;
type ValueInfoProto = onnxProto.onnx.IValueInfoProto;
type NodeProto = onnxProto.onnx.INodeProto;
type TensorProto = onnxProto.onnx.ITensorProto;

/** Version of the standard's operators: the first with LayerNormalization. */
const OPSET = 17;
/** Version of the file format that belongs to it. */
const IR_VERSION = 8;

const { DataType } = onnx.TensorProto;
const ELEMENT_TYPES = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  int8: DataType.INT8,
  uint8: DataType.UINT8,
  int32: DataType.INT32,
  int64: DataType.INT64,
  bool: DataType.BOOL,
} as const;

export type OnnxElementType = keyof typeof ELEMENT_TYPES;

/** What constants and tensors are made of; the array's class is the element type. */
export type OnnxArray = Float32Array | Float64Array | Int8Array | Uint8Array | Int32Array | BigInt64Array;

/** A number is a fixed size, a name is a size known only when the graph runs; equal names are equal sizes. */
export type OnnxDimension = number | string;

/** A bare number or list is of whole numbers, as most attributes are; the others are marked. */
export type OnnxAttribute = number | readonly number[] | string | { float: number };

/** Something that a node or an input produces, to be handed to the next node. */
export type OnnxValue = string & { readonly brand: 'OnnxValue' };

export class OnnxGraphBuilder {
  readonly #name: string;
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #nodes: NodeProto[] = [];
  readonly #constants: TensorProto[] = [];
  /** Small constants (shapes, axes, scales) by content, so that each is stored once. */
  readonly #shared = new Map<string, OnnxValue>();

  /** @param name shown by viewers */
  constructor(name: string) {
    this.#name = name;
  }

  /** Declares an input of the graph. */
  input(name: string, type: OnnxElementType, shape: readonly OnnxDimension[]): OnnxValue {
    this.#inputs.push(valueInfo(name, type, shape));
    return name as OnnxValue;
  }

  /**
   * An array stored in the graph.
   *
   * @throws EarshotError `shape_mismatch` when the shape does not hold as many elements
   */
  constant(data: OnnxArray, shape: readonly number[]): OnnxValue {
    const size = shape.reduce((product, n) => product * n, 1);
    if (size !== data.length) {
      throw new EarshotError(
        'shape_mismatch',
        `A constant of shape [${shape}] needs ${size} elements, ${data.length} were given.`,
      );
    }
    const name = `constant_${this.#constants.length}` as OnnxValue;
    this.#constants.push({
      name,
      dims: [...shape],
      dataType: ELEMENT_TYPES[elementTypeOf(data)],
      // A copy: the caller may go on to change its array before the graph is written.
      rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice(),
    });
    return name;
  }

  /** One float32 number, broadcast against anything. */
  scalar(value: number): OnnxValue {
    return this.#once(`scalar ${value}`, () => this.constant(Float32Array.of(value), []));
  }

  /** A list of whole numbers: shapes, axes, starts and ends. */
  int64(values: readonly number[]): OnnxValue {
    return this.#once(`int64 ${values}`, () =>
      this.constant(BigInt64Array.from(values, BigInt), [values.length]),
    );
  }

  /**
   * Adds an operator with one output.
   *
   * @param operator   name in the standard's operator set, such as `Conv`
   * @param inputs     in the operator's order; `null` leaves an optional one out
   * @param attributes by name, as the operator's specification lists them
   */
  node(
    operator: string,
    inputs: readonly (OnnxValue | null)[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): OnnxValue {
    return this.nodes(operator, inputs, 1, attributes)[0] as OnnxValue;
  }

  /** Adds an operator with several outputs, such as `Split`. */
  nodes(
    operator: string,
    inputs: readonly (OnnxValue | null)[],
    outputCount: number,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): OnnxValue[] {
    const name = `${operator}_${this.#nodes.length}`;
    const output = Array.from({ length: outputCount }, (_, i) => `${name}_${i}` as OnnxValue);
    this.#nodes.push({
      name,
      opType: operator,
      input: inputs.map((value) => value ?? ''),
      output,
      attribute: Object.entries(attributes).map(([key, value]) => attributeProto(key, value)),
    });
    return output;
  }

  /** The value in another element type. */
  cast(value: OnnxValue, type: OnnxElementType): OnnxValue {
    return this.node('Cast', [value], { to: ELEMENT_TYPES[type] });
  }

  /** Size of one axis, as an int64 list of one. */
  sizeOf(value: OnnxValue, axis: number): OnnxValue {
    return this.node('Gather', [this.node('Shape', [value]), this.int64([axis])]);
  }

  /** Whole numbers from 0 up to a size such as `sizeOf` answers, `[size]` of int64. */
  range(size: OnnxValue): OnnxValue {
    const whole = (value: number) => this.constant(BigInt64Array.of(BigInt(value)), []);
    return this.node('Range', [whole(0), this.node('Squeeze', [size]), whole(1)]);
  }

  /** Makes a value an output of the graph, under a name of its own. */
  output(name: string, value: OnnxValue, type: OnnxElementType, shape: readonly OnnxDimension[]): void {
    this.#nodes.push({ name: `output_${name}`, opType: 'Identity', input: [value], output: [name] });
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** The model file; the same calls give the same bytes. */
  toBytes(): Uint8Array {
    const model = onnx.ModelProto.create({
      irVersion: IR_VERSION,
      producerName: 'earshot',
      opsetImport: [{ domain: '', version: OPSET }],
      graph: {
        name: this.#name,
        node: this.#nodes,
        initializer: this.#constants,
        input: this.#inputs,
        output: this.#outputs,
      },
    });
    return onnx.ModelProto.encode(model).finish();
  }

  #once(key: string, create: () => OnnxValue): OnnxValue {
    let value = this.#shared.get(key);
    if (value === undefined) {
      value = create();
      this.#shared.set(key, value);
    }
    return value;
  }
}

function valueInfo(name: string, type: OnnxElementType, shape: readonly OnnxDimension[]): ValueInfoProto {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: ELEMENT_TYPES[type], shape: { dim } } } };
}

function attributeProto(name: string, value: OnnxAttribute): AttributeProto {
  const { AttributeType } = onnx.AttributeProto;
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: value };
  if (typeof value === 'string') {
    return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  }
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INTS, ints: [...value] };
}

function elementTypeOf(data: OnnxArray): OnnxElementType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof Int8Array) return 'int8';
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Int32Array) return 'int32';
  return 'int64';
}
