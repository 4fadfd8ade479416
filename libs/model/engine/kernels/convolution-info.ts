/** The sizes of a convolution from what TensorFlow.js tells its kernels. */
import { EarshotError } from '#core/errors';
import type { TensorFlow } from '../engine.ts';
import type { Attributes } from './kernel.ts';

export type ConvolutionInfo = ReturnType<TensorFlow['backend_util']['computeConv2DInfo']>;
type Shape4 = [number, number, number, number];

/** What the kernels are told beside their tensors; TensorFlow.js's own gradients come without dilations. */
interface ConvolutionAttributes {
  strides: number | [number, number];
  dilations?: number | [number, number];
  pad: 'same' | 'valid' | number;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
  dataFormat?: 'NHWC' | 'NCHW';
}

/**
 * Sizes of a forward convolution, for itself or for its gradients.
 *
 * @throws EarshotError `not_implemented` for channels-first data, which the wasm backend never had
 * @throws EarshotError `invalid_argument` for padding in pixels with unlike strides: TensorFlow.js works out the
 *   wrong output shape for it, and writing to that would corrupt the heap
 */
export function forwardConvolution(
  tf: TensorFlow,
  attributes: Attributes,
  inputShape: readonly number[],
  filterShape: readonly number[],
  depthwise: boolean,
): ConvolutionInfo {
  const { strides, dilations, pad, dimRoundingMode, dataFormat } =
    attributes as unknown as ConvolutionAttributes;
  if (dataFormat === 'NCHW') {
    throw new EarshotError('not_implemented', 'Convolutions take channels last (NHWC): transpose the input.');
  }
  if (typeof pad === 'number' && Array.isArray(strides) && strides[0] !== strides[1]) {
    throw new EarshotError(
      'invalid_argument',
      'A convolution with unlike strides takes "same" or "valid" padding: pad the input yourself, then use "valid".',
      { subject: 'pad' },
    );
  }
  return tf.backend_util.computeConv2DInfo(
    inputShape as Shape4,
    filterShape as Shape4,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  );
}
