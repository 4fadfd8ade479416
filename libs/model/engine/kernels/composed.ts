/**
 * The convolution gradients that stock wasm lacks, composed from operations it has. They serve where the SIMD
 * module cannot be loaded: the same results to rounding, several times slower.
 */
import type { TensorFlow } from '../engine.ts';
import { type ConvolutionInfo, forwardConvolution } from './convolution-info.ts';
import { type Attributes, input, type KernelTable, type TensorInfo } from './kernel.ts';

type Tensor = import('@tensorflow/tfjs').Tensor;
type Tensor4D = import('@tensorflow/tfjs').Tensor4D;

/** The three missing convolution gradients. */
export function composedKernels(tf: TensorFlow): KernelTable {
  return {
    Conv2DBackpropFilter: ({ inputs, attrs }) =>
      tf.tidy(() => convFilterGradient(tf, input(inputs, 'x'), input(inputs, 'dy'), attrs)),
    DepthwiseConv2dNativeBackpropFilter: ({ inputs, attrs }) =>
      tf.tidy(() => depthwiseFilterGradient(tf, input(inputs, 'x'), input(inputs, 'dy'), attrs)),
    DepthwiseConv2dNativeBackpropInput: ({ inputs, attrs }) =>
      tf.tidy(() => depthwiseInputGradient(tf, input(inputs, 'dy'), input(inputs, 'filter'), attrs)),
  };
}

function asTensor(tf: TensorFlow, info: TensorInfo): Tensor4D {
  // Kernels receive the tensors themselves when called through the engine, bare infos when called by a kernel.
  return 'rank' in info ? (info as Tensor4D) : (tf.engine().makeTensorFromTensorInfo(info) as Tensor4D);
}

/** The input, padded so that every tap lies inside it at every output position. */
function padInput(tf: TensorFlow, x: Tensor4D, info: ConvolutionInfo): Tensor4D {
  const { top, left } = info.padInfo;
  const neededHeight = (info.outHeight - 1) * info.strideHeight + info.filterHeight;
  const neededWidth = (info.outWidth - 1) * info.strideWidth + info.filterWidth;
  return tf.pad(x, [
    [0, 0],
    [top, Math.max(0, neededHeight - info.inHeight - top)],
    [left, Math.max(0, neededWidth - info.inWidth - left)],
    [0, 0],
  ]);
}

/** What each filter tap saw: one `[batch, outHeight, outWidth, channels]` for each tap, row by row. */
function tapViews(tf: TensorFlow, x: Tensor4D, info: ConvolutionInfo): Tensor4D[] {
  const padded = padInput(tf, x, info);
  const { strideHeight, strideWidth } = info;
  const views: Tensor4D[] = [];
  for (let i = 0; i < info.filterHeight; i++) {
    for (let j = 0; j < info.filterWidth; j++) {
      const endRow = i + (info.outHeight - 1) * strideHeight + 1;
      const endColumn = j + (info.outWidth - 1) * strideWidth + 1;
      views.push(
        tf.stridedSlice(
          padded,
          [0, i, j, 0],
          [info.batchSize, endRow, endColumn, info.inChannels],
          [1, strideHeight, strideWidth, 1],
        ) as Tensor4D,
      );
    }
  }
  return views;
}

function convFilterGradient(tf: TensorFlow, x: TensorInfo, dy: TensorInfo, attrs: Attributes): Tensor {
  const filterShape = attrs?.filterShape as number[];
  const info = forwardConvolution(tf, attrs, x.shape, filterShape, false);
  const views = tapViews(tf, asTensor(tf, x), info);
  const positions = info.batchSize * info.outHeight * info.outWidth;
  const columns = tf.reshape(tf.concat(views, 3), [positions, views.length * info.inChannels]);
  const outputs = tf.reshape(asTensor(tf, dy), [positions, info.outChannels]);
  return tf.reshape(tf.matMul(tf.transpose(columns), outputs), filterShape);
}

function depthwiseFilterGradient(tf: TensorFlow, x: TensorInfo, dy: TensorInfo, attrs: Attributes): Tensor {
  const filterShape = attrs?.filterShape as number[];
  const info = forwardConvolution(tf, attrs, x.shape, filterShape, true);
  const multiplier = info.outChannels / info.inChannels;
  const positions = [info.batchSize, info.outHeight, info.outWidth];
  const outputs = tf.reshape(asTensor(tf, dy), [...positions, info.inChannels, multiplier]);
  const taps = tapViews(tf, asTensor(tf, x), info).map((view) =>
    tf.sum(tf.mul(tf.expandDims(view, 4), outputs), [0, 1, 2]),
  );
  return tf.reshape(tf.stack(taps), filterShape);
}

/** Spreads dy over the padded input, tap by tap: zeros go between its rows and columns, then it is shifted. */
function depthwiseInputGradient(
  tf: TensorFlow,
  dy: TensorInfo,
  filter: TensorInfo,
  attrs: Attributes,
): Tensor {
  const info = forwardConvolution(tf, attrs, attrs?.inputShape as number[], filter.shape, true);
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth } = info;
  const { strideHeight, strideWidth, filterHeight, filterWidth } = info;
  const multiplier = info.outChannels / inChannels;
  const { top, left } = info.padInfo;
  const fullHeight = Math.max(inHeight + top, (outHeight - 1) * strideHeight + filterHeight);
  const fullWidth = Math.max(inWidth + left, (outWidth - 1) * strideWidth + filterWidth);
  const outputs = tf.reshape(asTensor(tf, dy), [batchSize, outHeight, outWidth, inChannels, multiplier]);
  const taps = tf.unstack(
    tf.reshape(asTensor(tf, filter), [filterHeight * filterWidth, inChannels, multiplier]),
  );
  let full: Tensor = tf.zeros([batchSize, fullHeight, fullWidth, inChannels]);
  taps.forEach((tap, index) => {
    const i = Math.floor(index / filterWidth);
    const j = index % filterWidth;
    const share = insertZeros(tf, tf.sum(tf.mul(outputs, tap), 4) as Tensor4D, strideHeight, strideWidth);
    const [, height, width] = share.shape;
    full = tf.add(
      full,
      tf.pad(share, [
        [0, 0],
        [i, fullHeight - height - i],
        [j, fullWidth - width - j],
        [0, 0],
      ]),
    );
  });
  return tf.slice(full, [0, top, left, 0], [batchSize, inHeight, inWidth, inChannels]);
}

/** `[batch, (h - 1) * strideHeight + 1, (w - 1) * strideWidth + 1, channels]` with x at every stride-th position. */
function insertZeros(tf: TensorFlow, x: Tensor4D, strideHeight: number, strideWidth: number): Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const columns = tf.pad(tf.reshape(x, [batch * height, width, 1, channels]), [
    [0, 0],
    [0, 0],
    [0, strideWidth - 1],
    [0, 0],
  ]);
  const rows = tf.pad(tf.reshape(columns, [batch, height, 1, width * strideWidth * channels]), [
    [0, 0],
    [0, 0],
    [0, strideHeight - 1],
    [0, 0],
  ]);
  const spread = tf.reshape(rows, [batch, height * strideHeight, width * strideWidth, channels]);
  return tf.slice(
    spread,
    [0, 0, 0, 0],
    [batch, (height - 1) * strideHeight + 1, (width - 1) * strideWidth + 1, channels],
  ) as Tensor4D;
}
