/**
 * A TFLite classifier as an ONNX graph in floats: weights dequantised, activations not rounded. Layout is
 * `[batch, channels, height, width]` throughout, also where TFLite drops sizes of one, so that a network that ends
 * in a pooling window answers every window of a larger picture at once.
 *
 * @see Sermanet et al. 2014, "OverFeat" (section 3.3, dense application of a classifier)
 */
import { EarshotError } from '#core/errors';
import { type OnnxAttribute, OnnxGraphBuilder, type OnnxValue } from '../onnx/graph-builder.ts';
import { dequantize } from './dequantize.ts';
import type { Activation, Padding, TfliteModel, TfliteOperator, TfliteTensor } from './read-tflite.ts';

export interface OnnxConversion {
  /** Shown by viewers, and used in messages. */
  name: string;
  /** Name of the graph's input, `[batch, channels, height, width]`. */
  input: string;
  /** Outputs by name: the index of the tensor that each answers. */
  outputs: Readonly<Record<string, number>>;
  /** Leaves height and width free instead of fixing them to the file's. */
  anySize?: boolean;
}

/**
 * @returns bytes of an ONNX model
 * @throws EarshotError `model_invalid` when the graph holds what this conversion does not know
 */
export function tfliteToOnnx(model: TfliteModel, conversion: OnnxConversion): Uint8Array {
  return new Conversion(model, conversion).bytes();
}

type Spatial = Extract<TfliteOperator, { strideWidth: number }>;

class Conversion {
  readonly #model: TfliteModel;
  readonly #options: OnnxConversion;
  readonly #graph: OnnxGraphBuilder;
  /** What computes each tensor, by tensor index. */
  readonly #values = new Map<number, OnnxValue>();

  constructor(model: TfliteModel, options: OnnxConversion) {
    this.#model = model;
    this.#options = options;
    this.#graph = new OnnxGraphBuilder(options.name);
  }

  bytes(): Uint8Array {
    const { input, outputs, anySize } = this.#options;
    const source = this.#tensor(this.#model.inputs[0]);
    const [, channels, height, width] = channelsFirst(source);
    const size = anySize ? ['height', 'width'] : [height as number, width as number];
    const value = this.#graph.input(input, 'float32', ['batch', channels as number, ...size]);
    this.#values.set(source.index, value);
    for (const operator of this.#model.operators) this.#convert(operator);
    for (const [name, index] of Object.entries(outputs)) {
      const depth = channelsFirst(this.#tensor(index))[1] as number;
      const shape = ['batch', depth, `${name}_height`, `${name}_width`];
      this.#graph.output(name, this.#value(index), 'float32', shape);
    }
    return this.#graph.toBytes();
  }

  #convert(operator: TfliteOperator): void {
    const output = operator.outputs[0];
    if (output === undefined || operator.outputs.length !== 1) {
      throw this.#invalid(`a ${operator.kind} has ${operator.outputs.length} outputs`);
    }
    this.#values.set(output, this.#operation(operator));
  }

  #operation(operator: TfliteOperator): OnnxValue {
    const { inputs } = operator;
    switch (operator.kind) {
      case 'quantize':
      case 'dequantize':
        return this.#value(inputs[0]);
      case 'split':
        return this.#value(inputs[1]);
      case 'reshape':
        return this.#reshape(operator);
      case 'conv2d':
      case 'depthwiseConv2d':
        return this.#convolution(operator);
      case 'averagePool2d':
        return this.#averagePool(operator);
      case 'fullyConnected':
        return this.#fullyConnected(operator);
      case 'add': {
        const sum = this.#graph.node('Add', [this.#value(inputs[0]), this.#value(inputs[1])]);
        return this.#activate(sum, operator.activation);
      }
      case 'mean':
        return this.#mean(operator);
      case 'softmax':
        return this.#softmax(this.#value(inputs[0]), operator.beta);
      case 'logistic':
        return this.#graph.node('Sigmoid', [this.#value(inputs[0])]);
    }
  }

  /** Sizes of one come and go in TFLite; here they stay, so nothing is left to do. */
  #reshape({ inputs, outputs }: TfliteOperator): OnnxValue {
    const before = this.#tensor(inputs[0]).shape.filter((size) => size !== 1);
    const after = this.#tensor(outputs[0]).shape.filter((size) => size !== 1);
    if (`${before}` !== `${after}`) throw this.#invalid(`it reshapes [${before}] to [${after}]`);
    return this.#value(inputs[0]);
  }

  #convolution(operator: Extract<TfliteOperator, { kind: 'conv2d' | 'depthwiseConv2d' }>): OnnxValue {
    const [input, filter, bias] = operator.inputs;
    const weights = this.#tensor(filter);
    const [count, height, width, depth] = weights.shape as [number, number, number, number];
    const isDepthwise = operator.kind === 'depthwiseConv2d';
    const channels = isDepthwise ? depth : count;
    // TFLite: [out, h, w, in], depthwise [1, h, w, out]; ONNX: [out, in / group, h, w].
    const values = isDepthwise
      ? transpose(dequantize(weights), [height * width, depth])
      : transposeRows(dequantize(weights), count, [height * width, depth]);
    const group = isDepthwise ? channels / operator.multiplier : 1;
    const shape = [channels, isDepthwise ? 1 : depth, height, width];
    const dilations: [number, number] = [operator.dilationHeight, operator.dilationWidth];
    const kernel: [number, number] = [(height - 1) * dilations[0] + 1, (width - 1) * dilations[1] + 1];
    const attributes = {
      group,
      kernel_shape: [height, width],
      dilations,
      ...this.#window(operator, kernel),
    };
    const result = this.#graph.node(
      'Conv',
      [this.#value(input), this.#graph.constant(values, shape), this.#bias(bias, channels)],
      attributes,
    );
    return this.#activate(result, operator.activation);
  }

  #fullyConnected({
    inputs,
    activation,
  }: Extract<TfliteOperator, { kind: 'fullyConnected' | 'add' }>): OnnxValue {
    const [input, filter, bias] = inputs;
    const weights = this.#tensor(filter);
    const [units, depth] = weights.shape as [number, number];
    const kernel = this.#graph.constant(dequantize(weights), [units, depth, 1, 1]);
    const inputsOfConv = [this.#value(input), kernel, this.#bias(bias, units)];
    return this.#activate(this.#graph.node('Conv', inputsOfConv, { kernel_shape: [1, 1] }), activation);
  }

  #averagePool(operator: Extract<TfliteOperator, { kind: 'averagePool2d' }>): OnnxValue {
    const kernel: [number, number] = [operator.filterHeight, operator.filterWidth];
    const attributes = { kernel_shape: kernel, ...this.#window(operator, kernel) };
    return this.#activate(
      this.#graph.node('AveragePool', [this.#value(operator.inputs[0])], attributes),
      operator.activation,
    );
  }

  #mean({ inputs }: TfliteOperator): OnnxValue {
    const axes = [...dequantize(this.#tensor(inputs[1]))];
    if (`${axes}` !== '1,2') throw this.#invalid(`it averages over axes ${axes}, not over height and width`);
    return this.#graph.node('GlobalAveragePool', [this.#value(inputs[0])]);
  }

  #softmax(value: OnnxValue, beta: number): OnnxValue {
    const scaled = beta === 1 ? value : this.#graph.node('Mul', [value, this.#graph.scalar(beta)]);
    return this.#graph.node('Softmax', [scaled], { axis: 1 });
  }

  #bias(index: number | undefined, channels: number): OnnxValue | null {
    if (index === undefined || index < 0) return null;
    return this.#graph.constant(dequantize(this.#tensor(index)), [channels]);
  }

  #activate(value: OnnxValue, activation: Activation): OnnxValue {
    if (activation === 'none') return value;
    if (activation === 'relu') return this.#graph.node('Relu', [value]);
    return this.#graph.node('Clip', [value, this.#graph.scalar(0), this.#graph.scalar(6)]);
  }

  /** Strides, and padding as TFLite places it: the odd pixel goes to the end. */
  #window(operator: Spatial, kernel: readonly [number, number]): Record<string, OnnxAttribute> {
    const strides: [number, number] = [operator.strideHeight, operator.strideWidth];
    const [, , height, width] = channelsFirst(this.#tensor(operator.inputs[0]));
    const [top, bottom] = padding(operator.padding, height as number, kernel[0], strides[0]);
    const [left, right] = padding(operator.padding, width as number, kernel[1], strides[1]);
    return { strides, pads: [top, left, bottom, right] };
  }

  #value(index: number | undefined): OnnxValue {
    const value = index === undefined ? undefined : this.#values.get(index);
    if (value === undefined) throw this.#invalid(`nothing computes tensor ${index} before it is used`);
    return value;
  }

  #tensor(index: number | undefined): TfliteTensor {
    const tensor = index === undefined ? undefined : this.#model.tensors[index];
    if (tensor === undefined) throw this.#invalid(`there is no tensor ${index}`);
    return tensor;
  }

  #invalid(reason: string): EarshotError {
    const { name } = this.#options;
    return new EarshotError('model_invalid', `The network ${name} can't be used: ${reason}.`, {
      subject: name,
    });
  }
}

/** `[batch, channels, height, width]` of a TFLite tensor: `[N, H, W]` has one channel, `[N, C]` one position. */
function channelsFirst({ shape }: TfliteTensor): number[] {
  const [batch = 1, second = 1, third = 1, fourth = 1] = shape;
  if (shape.length === 4) return [batch, fourth, second, third];
  return shape.length === 3 ? [batch, 1, second, third] : [batch, second, 1, 1];
}

function padding(kind: Padding, size: number, kernel: number, stride: number): [number, number] {
  if (kind === 'valid') return [0, 0];
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** `[rows, columns]` to `[columns, rows]`. */
function transpose(data: Float32Array, [rows, columns]: readonly [number, number]): Float32Array {
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = data[row * columns + column] as number;
  return result;
}

/** The same for each of `count` matrices, one after another. */
function transposeRows(data: Float32Array, count: number, size: readonly [number, number]): Float32Array {
  const length = size[0] * size[1];
  const result = new Float32Array(data.length);
  for (let i = 0; i < count; i++)
    result.set(transpose(data.subarray(i * length, (i + 1) * length), size), i * length);
  return result;
}
