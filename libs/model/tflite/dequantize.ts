/** Constants of a TFLite file as floats: `scale * (q - zeroPoint)`, by tensor or by channel. */
import { EarshotError } from '#core/errors';
import { elementCount, type TfliteTensor } from './read-tflite.ts';

/**
 * @returns the tensor's values in its own order
 * @throws EarshotError `model_invalid` when it is no constant
 * @see Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only inference"
 */
export function dequantize(tensor: TfliteTensor): Float32Array {
  const raw = rawValues(tensor);
  const { quantization, shape } = tensor;
  if (quantization === null) return Float32Array.from(raw);
  const { scale, zeroPoint, axis } = quantization;
  // Elements of one channel lie in runs of `stride`, one run after another along the axis.
  const channels = scale.length;
  const stride = channels === 1 ? raw.length : elementCount(shape.slice(axis + 1));
  return Float32Array.from(raw, (value, i) => {
    const channel = channels === 1 ? 0 : Math.floor(i / stride) % channels;
    return (value - (zeroPoint[channel] ?? 0)) * (scale[channel] as number);
  });
}

function rawValues({ name, type, data }: TfliteTensor): Float32Array | Int32Array | Int8Array | Uint8Array {
  if (data === null) throw new EarshotError('model_invalid', `Tensor ${name} carries no values.`);
  if (type === 'int8') return new Int8Array(data.buffer, data.byteOffset, data.length);
  if (type === 'uint8') return data;
  // Copied, because a view of wider elements must begin at a multiple of their size.
  const { buffer } = new Uint8Array(data);
  return type === 'int32' ? new Int32Array(buffer) : new Float32Array(buffer);
}
