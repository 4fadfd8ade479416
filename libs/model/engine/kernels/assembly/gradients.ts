/**
 * Entry of the SIMD module: float32 kernels that TensorFlow.js's wasm backend lacks or has only in a slow form.
 *
 * The module imports TensorFlow.js's own memory, so a pointer is a tensor's address in that heap and nothing is
 * copied. It must therefore own no memory itself: no strings, no static data, no allocation.
 * All tensors are float32, row-major, channels last; every stride is counted in floats.
 */
export { transpose } from './matrix';
export { convFilterGradient, convInputGradient } from './convolution';
export { depthwiseFilterGradient, depthwiseInputGradient } from './depthwise';
export { sumRows, sumSquaredDeviations, normalise, batchNormSums, batchNormInputGradient } from './columns';
export { reluGradient, softmaxGradient, spreadRows, maxRows, maxRowsGradient } from './pointwise';
export { product, productScratch, transposedProduct, transposedProductScratch } from './product';
