/** One convolution and both its gradients, for the tests of every implementation of them. */
import type { TensorFlow } from '#model/engine/engine';
import { normalTensor } from './parity.ts';

type Tensor = import('@tensorflow/tfjs').Tensor;
type Tensor4D = import('@tensorflow/tfjs').Tensor4D;

export interface ConvolutionCase {
  depthwise: boolean;
  batch: number;
  height: number;
  width: number;
  channels: number;
  /** Output channels of a full convolution, multiplier of a depthwise one. */
  outChannels: number;
  filter: [height: number, width: number];
  strides: [height: number, width: number];
  pad: 'same' | 'valid';
}

/** The output and the gradients for input and filter under a random weighting of the output. */
export function convolutionAndGradients(tf: TensorFlow, c: ConvolutionCase): () => Tensor[] {
  return () => {
    const x = normalTensor<Tensor4D>(tf, [c.batch, c.height, c.width, c.channels], 1);
    const filter = normalTensor<Tensor4D>(tf, [...c.filter, c.channels, c.outChannels], 2);
    const forward = (input: Tensor4D, weights: Tensor4D): Tensor4D =>
      c.depthwise
        ? tf.depthwiseConv2d(input, weights, c.strides, c.pad)
        : tf.conv2d(input, weights, c.strides, c.pad);
    const y = forward(x, filter);
    const weighting = normalTensor(tf, y.shape, 3);
    const gradients = tf.grads((input, weights) =>
      tf.sum(tf.mul(weighting, forward(input as Tensor4D, weights as Tensor4D))),
    );
    return [y, ...gradients([x, filter])];
  };
}

/** The shapes that training meets, and the awkward ones: odd sizes, narrow filters, channels that fill no vector. */
export function fixedCases(): ConvolutionCase[] {
  const cases: ConvolutionCase[] = [];
  const strides: [number, number][] = [
    [1, 1],
    [2, 2],
    [1, 2],
    [2, 1],
  ];
  for (const depthwise of [false, true]) {
    for (const size of [1, 3, 5]) {
      for (const stride of strides) {
        for (const pad of ['same', 'valid'] as const) {
          const outChannels = depthwise ? 1 : 9;
          const common = { depthwise, filter: [size, size] as [number, number], strides: stride, pad };
          cases.push({ ...common, batch: 2, height: 9, width: 7, channels: 12, outChannels });
        }
      }
    }
  }
  return cases;
}

export function describeCase(c: ConvolutionCase): string {
  const kind = c.depthwise ? 'depthwise' : 'full';
  return `${kind} ${c.filter.join('x')}, strides ${c.strides.join(',')}, ${c.pad}`;
}
