/**
 * Dilated convolution that can be trained. TensorFlow.js computes dilated convolutions, but throws when asked for
 * their gradients.
 *
 * @see Yu & Koltun 2016, "Multi-scale context aggregation by dilated convolutions"
 */
import type { TensorFlow } from './engine.ts';
import { DILATED_GRADIENTS } from './kernels/convolution.ts';
import { forwardConvolution } from './kernels/convolution-info.ts';

type Tensor = import('@tensorflow/tfjs').Tensor;
type Tensor4D = import('@tensorflow/tfjs').Tensor4D;
type NamedAttrMap = import('@tensorflow/tfjs').NamedAttrMap;

export interface DilatedConvolution {
  /** Input positions between neighbouring taps: rows, columns. */
  dilations: [number, number];
  pad: 'same' | 'valid';
  depthwise: boolean;
}

/**
 * @param tf     from `loadEngine`
 * @param x      `[batch, height, width, channels]`
 * @param filter `[filterHeight, filterWidth, channels, outChannels]`, or the multiplier in the last place where
 *   `depthwise`
 * @returns `[batch, outHeight, outWidth, outChannels]`, or `channels * multiplier`; with gradients for both inputs
 */
export function dilatedConv2d(
  tf: TensorFlow,
  x: Tensor4D,
  filter: Tensor4D,
  { dilations, pad, depthwise }: DilatedConvolution,
): Tensor4D {
  const attributes = { strides: 1, pad, dilations, dataFormat: 'NHWC' };
  if (!tf.getKernel(DILATED_GRADIENTS.filter, tf.getBackend())) {
    return tf.tidy(() => sumOfTaps(tf, x, filter, attributes, depthwise));
  }
  const names = depthwise
    ? { filter: DILATED_GRADIENTS.depthwiseFilter, input: DILATED_GRADIENTS.depthwiseInput }
    : { filter: DILATED_GRADIENTS.filter, input: DILATED_GRADIENTS.input };
  const engine = tf.engine();
  const convolve = tf.customGrad((...args: unknown[]) => {
    const [input, weights, save] = args as [Tensor4D, Tensor4D, (tensors: Tensor[]) => void];
    const value = depthwise
      ? tf.depthwiseConv2d(input, weights, 1, pad, 'NHWC', dilations)
      : tf.conv2d(input, weights, 1, pad, 'NHWC', dilations);
    save([input, weights]);
    const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor[] => {
      const [savedX, savedFilter] = saved as [Tensor, Tensor];
      const gradient = (name: string, inputs: Record<string, Tensor>, shapes: NamedAttrMap): Tensor =>
        engine.runKernel(name, inputs, { ...attributes, ...shapes }) as Tensor;
      return [
        gradient(names.input, { dy, filter: savedFilter }, { inputShape: savedX.shape }),
        gradient(names.filter, { x: savedX, dy }, { filterShape: savedFilter.shape }),
      ];
    };
    return { value, gradFunc };
  });
  return convolve(x, filter) as Tensor4D;
}

/** The definition, from operations that every backend can differentiate: each tap's share, added up. */
function sumOfTaps(
  tf: TensorFlow,
  x: Tensor4D,
  filter: Tensor4D,
  attributes: NamedAttrMap,
  depthwise: boolean,
): Tensor4D {
  const info = forwardConvolution(tf, attributes, x.shape, filter.shape, depthwise);
  const { batchSize, inChannels, outHeight, outWidth, dilationHeight, dilationWidth, padInfo } = info;
  const padded = tf.pad(x, [
    [0, 0],
    [padInfo.top, padInfo.bottom],
    [padInfo.left, padInfo.right],
    [0, 0],
  ]);
  const shares: Tensor[] = [];
  for (let i = 0; i < info.filterHeight; i++) {
    for (let j = 0; j < info.filterWidth; j++) {
      const begin = [0, i * dilationHeight, j * dilationWidth, 0];
      const seen = tf.slice(padded, begin, [batchSize, outHeight, outWidth, inChannels]);
      const tap = tf.reshape(tf.slice(filter, [i, j, 0, 0], [1, 1, -1, -1]), [inChannels, -1]);
      shares.push(
        depthwise ? tf.mul(tf.expandDims(seen, 4), tap) : tf.matMul(tf.reshape(seen, [-1, inChannels]), tap),
      );
    }
  }
  return tf.reshape(tf.addN(shares), info.outShape);
}
