/**
 * Reads TFLite files (schema version 3, one subgraph): tensors with their quantisation parameters, and the
 * operators that small convolutional classifiers are made of.
 *
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
 */
import { EarshotError } from '#core/errors';
import { Table } from './table.ts';

type ElementType = 'float32' | 'int8' | 'uint8' | 'int32';
export type Activation = 'none' | 'relu' | 'relu6';
export type Padding = 'same' | 'valid';

interface Quantization {
  /** One for the whole tensor, or one for each slice along `axis`. */
  scale: number[];
  zeroPoint: number[];
  axis: number;
}

export interface TfliteTensor {
  index: number;
  name: string;
  shape: number[];
  type: ElementType;
  /** Null where values are floats as they stand. */
  quantization: Quantization | null;
  /** Raw little-endian bytes of a constant; null for what is computed. */
  data: Uint8Array | null;
}

interface Window {
  padding: Padding;
  strideWidth: number;
  strideHeight: number;
  activation: Activation;
}

export type TfliteOperator = { inputs: number[]; outputs: number[] } & (
  | ({ kind: 'conv2d'; dilationWidth: number; dilationHeight: number } & Window)
  | ({ kind: 'depthwiseConv2d'; dilationWidth: number; dilationHeight: number; multiplier: number } & Window)
  | ({ kind: 'averagePool2d'; filterWidth: number; filterHeight: number } & Window)
  | { kind: 'fullyConnected' | 'add'; activation: Activation }
  | { kind: 'mean'; keepDims: boolean }
  | { kind: 'softmax'; beta: number }
  | { kind: 'quantize' | 'dequantize' | 'logistic' | 'reshape' | 'split' }
);

type OperatorKind = TfliteOperator['kind'];

export interface TfliteModel {
  tensors: TfliteTensor[];
  operators: TfliteOperator[];
  inputs: number[];
  outputs: number[];
}

const IDENTIFIER = 'TFL3';
const ELEMENT_TYPES = new Map<number, ElementType>([
  [0, 'float32'],
  [2, 'int32'],
  [3, 'uint8'],
  [9, 'int8'],
]);
const OPERATORS = new Map<number, OperatorKind>([
  [0, 'add'],
  [1, 'averagePool2d'],
  [3, 'conv2d'],
  [4, 'depthwiseConv2d'],
  [6, 'dequantize'],
  [9, 'fullyConnected'],
  [14, 'logistic'],
  [22, 'reshape'],
  [25, 'softmax'],
  [40, 'mean'],
  [49, 'split'],
  [114, 'quantize'],
]);
const ACTIVATIONS = new Map<number, Activation>([
  [0, 'none'],
  [1, 'relu'],
  [3, 'relu6'],
]);

class Unsupported extends Error {}

/**
 * @param subject the file's name, for messages
 * @throws EarshotError `model_invalid` when it is no TFLite file, is damaged, or uses what is not supported
 */
export function readTflite(bytes: Uint8Array, subject: string): TfliteModel {
  const invalid = (reason: string, cause?: unknown) =>
    new EarshotError('model_invalid', `${subject} can't be used: ${reason}.`, { subject, cause });
  const identifier = new TextDecoder('latin1').decode(bytes.subarray(4, 8));
  if (identifier !== IDENTIFIER) throw invalid('it is not a TFLite file');
  try {
    return readModel(Table.root(bytes));
  } catch (error) {
    if (error instanceof Unsupported) throw invalid(error.message, error);
    throw invalid('it is damaged or cut off; fetch it again', error);
  }
}

function readModel(model: Table): TfliteModel {
  const version = model.int32(0);
  if (version !== 3) throw new Unsupported(`its schema version is ${version}, only 3 is read`);
  const subgraphs = model.tables(2);
  const [graph] = subgraphs;
  if (graph === undefined || subgraphs.length !== 1) {
    throw new Unsupported(`it has ${subgraphs.length} subgraphs, one is read`);
  }
  // Builtin codes above 127 stand in a newer field of their own; the old one is then a placeholder.
  const codes = model.tables(1).map((code) => Math.max(code.int8(0), code.int32(3)));
  const buffers = model.tables(4).map((buffer) => buffer.bytes(0));
  return {
    tensors: graph.tables(0).map((tensor, index) => readTensor(tensor, index, buffers)),
    operators: graph.tables(3).map((operator) => readOperator(operator, codes)),
    inputs: graph.int32s(1),
    outputs: graph.int32s(2),
  };
}

function readTensor(tensor: Table, index: number, buffers: readonly Uint8Array[]): TfliteTensor {
  const name = tensor.string(3);
  const typeCode = tensor.int8(1);
  const type = ELEMENT_TYPES.get(typeCode);
  if (type === undefined) throw new Unsupported(`tensor ${name} has element type ${typeCode}`);
  const shape = tensor.int32s(0);
  const data = buffers[tensor.int32(2)];
  if (data === undefined) throw new RangeError(`tensor ${name} names a buffer that is not there`);
  if (data.length > 0 && data.length !== elementCount(shape) * elementBytes(type)) {
    throw new RangeError(`tensor ${name} does not fill its shape`);
  }
  return {
    index,
    name,
    shape,
    type,
    quantization: readQuantization(tensor.table(4)),
    data: data.length > 0 ? data : null,
  };
}

function readQuantization(table: Table | null): Quantization | null {
  const scale = table?.float32s(2) ?? [];
  if (table === null || scale.length === 0) return null;
  return { scale, zeroPoint: table.int64s(3), axis: table.int32(6) };
}

function readOperator(operator: Table, codes: readonly number[]): TfliteOperator {
  const code = codes[operator.int32(0)];
  const kind = code === undefined ? undefined : OPERATORS.get(code);
  if (kind === undefined) throw new Unsupported(`operator number ${code} is not among those that are read`);
  const ends = { inputs: operator.int32s(1), outputs: operator.int32s(2) };
  const options = operator.table(4);
  switch (kind) {
    case 'conv2d':
      return { ...ends, kind, ...readWindow(options, 3), ...readDilation(options, 4) };
    case 'depthwiseConv2d':
      return {
        ...ends,
        kind,
        ...readWindow(options, 4),
        ...readDilation(options, 5),
        multiplier: options?.int32(3) ?? 1,
      };
    case 'averagePool2d':
      return {
        ...ends,
        kind,
        ...readWindow(options, 5),
        filterWidth: options?.int32(3) ?? 1,
        filterHeight: options?.int32(4) ?? 1,
      };
    case 'fullyConnected':
    case 'add':
      return { ...ends, kind, activation: readActivation(options, 0) };
    case 'mean':
      return { ...ends, kind, keepDims: options?.int8(0) === 1 };
    case 'softmax':
      return { ...ends, kind, beta: options?.float32(0) ?? 1 };
    default:
      return { ...ends, kind };
  }
}

function readWindow(options: Table | null, activationField: number): Window {
  return {
    padding: options?.int8(0) === 1 ? 'valid' : 'same',
    strideWidth: options?.int32(1) ?? 1,
    strideHeight: options?.int32(2) ?? 1,
    activation: readActivation(options, activationField),
  };
}

/** Left out of the file where it is 1. */
function readDilation(
  options: Table | null,
  field: number,
): { dilationWidth: number; dilationHeight: number } {
  return {
    dilationWidth: options?.int32(field) || 1,
    dilationHeight: options?.int32(field + 1) || 1,
  };
}

function readActivation(options: Table | null, field: number): Activation {
  const code = options?.int8(field) ?? 0;
  const activation = ACTIVATIONS.get(code);
  if (activation === undefined)
    throw new Unsupported(`activation number ${code} is not among those that are read`);
  return activation;
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function elementBytes(type: ElementType): number {
  return type === 'int8' || type === 'uint8' ? 1 : 4;
}
