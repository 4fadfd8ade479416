/**
 * Forward convolutions with `same` padding. Where stride and size leave input over at the end (a pointwise
 * convolution of stride 2 over an even width, say), XNNPACK refuses its own `same` mode and the stock kernel hands
 * out an unwritten result without a word. Told the very same padding in pixels, it computes what it should.
 */
import type { TensorFlow } from '../engine.ts';
import { forwardConvolution } from './convolution-info.ts';
import { input, type KernelFunc, type KernelTable, stockKernel } from './kernel.ts';

/** The stock forward kernels, told their padding in pixels. */
export function samePaddingKernels(tf: TensorFlow): KernelTable {
  const explicit = (kernelName: string, depthwise: boolean): KernelFunc => {
    const stock = stockKernel(tf, kernelName);
    return (call) => {
      const { inputs, attrs } = call;
      const shapes = [input(inputs, 'x').shape, input(inputs, 'filter').shape] as const;
      const { padInfo } = forwardConvolution(tf, attrs, ...shapes, depthwise);
      if (padInfo.type !== 'SAME') return stock(call);
      const pad = [
        [0, 0],
        [padInfo.top, padInfo.bottom],
        [padInfo.left, padInfo.right],
        [0, 0],
      ];
      return stock({ ...call, attrs: { ...attrs, pad } });
    };
  };
  return {
    Conv2D: explicit('Conv2D', false),
    FusedConv2D: explicit('FusedConv2D', false),
    DepthwiseConv2dNative: explicit('DepthwiseConv2dNative', true),
    FusedDepthwiseConv2D: explicit('FusedDepthwiseConv2D', true),
  };
}
