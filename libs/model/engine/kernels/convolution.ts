/**
 * Convolutions on the wasm backend, by the SIMD module: the gradients that stock wasm lacks, and pointwise
 * convolutions, which are one matrix product over all positions, forward as well.
 */
import { type ConvolutionInfo, forwardConvolution } from './convolution-info.ts';
import {
  elementCount,
  input,
  type KernelContext,
  type KernelFunc,
  type KernelTable,
  stockKernel,
} from './kernel.ts';
import type { ConvolutionSizes } from './simd-module.ts';

/** Names under which `dilatedConv2d` runs the gradients: TensorFlow.js's own have no place for a dilation. */
export const DILATED_GRADIENTS = {
  filter: 'EarshotDilatedFilterGradient',
  input: 'EarshotDilatedInputGradient',
  depthwiseFilter: 'EarshotDilatedDepthwiseFilterGradient',
  depthwiseInput: 'EarshotDilatedDepthwiseInputGradient',
} as const;

/** Forward `Conv2D` and the gradients of `conv2d` and `depthwiseConv2d` with respect to filter and input. */
export function convolutionKernels(context: KernelContext): KernelTable {
  const filter = filterGradient(context);
  const inputs = inputGradient(context);
  const depthwiseFilter = depthwiseFilterGradient(context);
  const depthwiseInput = depthwiseInputGradient(context);
  return {
    Conv2D: pointwiseForward(context),
    Conv2DBackpropFilter: filter,
    Conv2DBackpropInput: inputs,
    DepthwiseConv2dNativeBackpropFilter: depthwiseFilter,
    DepthwiseConv2dNativeBackpropInput: depthwiseInput,
    [DILATED_GRADIENTS.filter]: filter,
    [DILATED_GRADIENTS.input]: inputs,
    [DILATED_GRADIENTS.depthwiseFilter]: depthwiseFilter,
    [DILATED_GRADIENTS.depthwiseInput]: depthwiseInput,
  };
}

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
    info.dilationHeight,
    info.dilationWidth,
  ];
}

/** Whether the convolution is one matrix product over all positions: one tap, every position kept. */
function isPointwise(info: ConvolutionInfo): boolean {
  const oneTap = info.filterHeight === 1 && info.filterWidth === 1;
  return oneTap && info.inHeight === info.outHeight && info.inWidth === info.outWidth;
}

function positions(info: ConvolutionInfo): number {
  return info.batchSize * info.inHeight * info.inWidth;
}

function pointwiseForward({ tf, heap, simd }: KernelContext): KernelFunc {
  const stock = stockKernel(tf, 'Conv2D');
  return (call) => {
    const x = input(call.inputs, 'x');
    const filter = input(call.inputs, 'filter');
    const info = forwardConvolution(tf, call.attrs, x.shape, filter.shape, false);
    if (!isPointwise(info)) return stock(call);
    const { inChannels: K, outChannels: N } = info;
    const out = heap.allocate(info.outShape);
    heap.withScratch(simd.productScratch(K, N), (scratch) => {
      const [xAt, filterAt, outAt] = [heap.address(x), heap.address(filter), heap.address(out)];
      simd.product(xAt, filterAt, outAt, positions(info), K, N, K, N, false, false, scratch);
    });
    return out;
  };
}

function filterGradient({ tf, heap, simd }: KernelContext): KernelFunc {
  return ({ inputs, attrs }) => {
    const x = input(inputs, 'x');
    const dy = input(inputs, 'dy');
    const filterShape = attrs?.filterShape as number[];
    const info = forwardConvolution(tf, attrs, x.shape, filterShape, false);
    const { inChannels: M, outChannels: N } = info;
    const out = heap.allocate(filterShape);
    if (isPointwise(info)) {
      const rows = positions(info);
      heap.withScratch(simd.transposedProductScratch(rows, M, N), (scratch) => {
        const [xAt, dyAt, outAt] = [heap.address(x), heap.address(dy), heap.address(out)];
        simd.transposedProduct(xAt, dyAt, outAt, rows, M, N, M, N, false, scratch);
      });
      return out;
    }
    simd.convFilterGradient(heap.address(x), heap.address(dy), heap.address(out), ...sizesOf(info, N));
    return out;
  };
}

function inputGradient({ tf, heap, simd }: KernelContext): KernelFunc {
  return ({ inputs, attrs }) => {
    const dy = input(inputs, 'dy');
    const filter = input(inputs, 'filter');
    const inputShape = attrs?.inputShape as number[];
    const info = forwardConvolution(tf, attrs, inputShape, filter.shape, false);
    const out = heap.allocate(inputShape);
    const { inChannels, outChannels } = info;
    if (isPointwise(info)) {
      heap.withScratch(simd.productScratch(outChannels, inChannels), (scratch) => {
        const [dyAt, filterAt, outAt] = [heap.address(dy), heap.address(filter), heap.address(out)];
        const sizes = [positions(info), outChannels, inChannels, outChannels, inChannels] as const;
        simd.product(dyAt, filterAt, outAt, ...sizes, true, false, scratch);
      });
      return out;
    }
    heap.withScratch(elementCount(filter.shape), (taps) => {
      const tapBytes = inChannels * outChannels * 4;
      for (let tap = 0; tap < info.filterHeight * info.filterWidth; tap++) {
        const offset = tap * tapBytes;
        simd.transpose(heap.address(filter) + offset, taps + offset, inChannels, outChannels);
      }
      simd.convInputGradient(heap.address(dy), taps, heap.address(out), ...sizesOf(info, outChannels));
    });
    return out;
  };
}

function depthwiseFilterGradient({ tf, heap, simd }: KernelContext): KernelFunc {
  return ({ inputs, attrs }) => {
    const x = input(inputs, 'x');
    const dy = input(inputs, 'dy');
    const filterShape = attrs?.filterShape as number[];
    const info = forwardConvolution(tf, attrs, x.shape, filterShape, true);
    const out = heap.allocate(filterShape);
    const sizes = sizesOf(info, info.outChannels / info.inChannels);
    simd.depthwiseFilterGradient(heap.address(x), heap.address(dy), heap.address(out), ...sizes);
    return out;
  };
}

function depthwiseInputGradient({ tf, heap, simd }: KernelContext): KernelFunc {
  return ({ inputs, attrs }) => {
    const dy = input(inputs, 'dy');
    const filter = input(inputs, 'filter');
    const inputShape = attrs?.inputShape as number[];
    const info = forwardConvolution(tf, attrs, inputShape, filter.shape, true);
    const out = heap.allocate(inputShape);
    const sizes = sizesOf(info, info.outChannels / info.inChannels);
    simd.depthwiseInputGradient(heap.address(dy), heap.address(filter), heap.address(out), ...sizes);
    return out;
  };
}
