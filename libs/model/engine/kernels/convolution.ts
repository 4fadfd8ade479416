/** Gradients of convolutions on the wasm backend, by the SIMD module. */
import { type ConvolutionInfo, forwardConvolution } from './convolution-info.ts';
import { elementCount, input, type KernelContext, type KernelTable } from './kernel.ts';
import type { ConvolutionSizes } from './simd-module.ts';

function sizesOf(info: ConvolutionInfo, outChannels: number): ConvolutionSizes {
  return [
    info.batchSize,
    info.inHeight,
    info.inWidth,
    info.inChannels,
    info.outHeight,
    info.outWidth,
    outChannels,
    info.filterHeight,
    info.filterWidth,
    info.strideHeight,
    info.strideWidth,
    info.padInfo.top,
    info.padInfo.left,
  ];
}

/** The gradients of `conv2d` and `depthwiseConv2d` with respect to filter and input. */
export function convolutionKernels({ tf, heap, simd }: KernelContext): KernelTable {
  return {
    Conv2DBackpropFilter: ({ inputs, attrs }) => {
      const x = input(inputs, 'x');
      const dy = input(inputs, 'dy');
      const filterShape = attrs?.filterShape as number[];
      const info = forwardConvolution(tf, attrs, x.shape, filterShape, false);
      const out = heap.allocate(filterShape);
      const sizes = sizesOf(info, info.outChannels);
      simd.convFilterGradient(heap.address(x), heap.address(dy), heap.address(out), ...sizes);
      return out;
    },

    Conv2DBackpropInput: ({ inputs, attrs }) => {
      const dy = input(inputs, 'dy');
      const filter = input(inputs, 'filter');
      const inputShape = attrs?.inputShape as number[];
      const info = forwardConvolution(tf, attrs, inputShape, filter.shape, false);
      const out = heap.allocate(inputShape);
      const { inChannels, outChannels } = info;
      heap.withScratch(elementCount(filter.shape), (taps) => {
        const tapBytes = inChannels * outChannels * 4;
        for (let tap = 0; tap < info.filterHeight * info.filterWidth; tap++) {
          const offset = tap * tapBytes;
          simd.transpose(heap.address(filter) + offset, taps + offset, inChannels, outChannels);
        }
        simd.convInputGradient(heap.address(dy), taps, heap.address(out), ...sizesOf(info, outChannels));
      });
      return out;
    },

    DepthwiseConv2dNativeBackpropFilter: ({ inputs, attrs }) => {
      const x = input(inputs, 'x');
      const dy = input(inputs, 'dy');
      const filterShape = attrs?.filterShape as number[];
      const info = forwardConvolution(tf, attrs, x.shape, filterShape, true);
      const out = heap.allocate(filterShape);
      const sizes = sizesOf(info, info.outChannels / info.inChannels);
      simd.depthwiseFilterGradient(heap.address(x), heap.address(dy), heap.address(out), ...sizes);
      return out;
    },

    DepthwiseConv2dNativeBackpropInput: ({ inputs, attrs }) => {
      const dy = input(inputs, 'dy');
      const filter = input(inputs, 'filter');
      const inputShape = attrs?.inputShape as number[];
      const info = forwardConvolution(tf, attrs, inputShape, filter.shape, true);
      const out = heap.allocate(inputShape);
      const sizes = sizesOf(info, info.outChannels / info.inChannels);
      simd.depthwiseInputGradient(heap.address(dy), heap.address(filter), heap.address(out), ...sizes);
      return out;
    },
  };
}
