/**
 * Gradients of a full convolution. For one filter tap and one output row, the positions whose tap lies inside the
 * input form a plain (strided) matrix, so both gradients are sums of small matrix products. (A pointwise convolution is one
 * large product, see `product.ts`.)
 */
import { accumulateProduct, accumulateTransposedProduct } from './matrix';
import { endInside, firstInside, floats } from './simd';

/**
 * Gradient with respect to the filter.
 *
 * @param x        input `[batch, height, width, channels]`
 * @param dy       gradient of the output `[batch, outHeight, outWidth, outChannels]`
 * @param dFilter  result `[filterHeight, filterWidth, channels, outChannels]`, overwritten
 */
export function convFilterGradient(
  x: usize, dy: usize, dFilter: usize,
  batch: i32, height: i32, width: i32, channels: i32,
  outHeight: i32, outWidth: i32, outChannels: i32,
  filterHeight: i32, filterWidth: i32, strideHeight: i32, strideWidth: i32, padTop: i32, padLeft: i32,
  dilationHeight: i32, dilationWidth: i32,
): void {
  const tapSize = channels * outChannels;
  memory.fill(dFilter, 0, floats(filterHeight * filterWidth * tapSize));
  for (let b = 0; b < batch; b++) {
    for (let outRow = 0; outRow < outHeight; outRow++) {
      const dyRow = dy + floats((b * outHeight + outRow) * outWidth * outChannels);
      for (let i = 0; i < filterHeight; i++) {
        const row = outRow * strideHeight + i * dilationHeight - padTop;
        if (row < 0 || row >= height) continue;
        const xRow = x + floats((b * height + row) * width * channels);
        for (let j = 0; j < filterWidth; j++) {
          const shift = j * dilationWidth - padLeft;
          const first = firstInside(shift, strideWidth), end = endInside(shift, strideWidth, width, outWidth);
          if (end <= first) continue;
          accumulateTransposedProduct(
            xRow + floats((first * strideWidth + shift) * channels),
            dyRow + floats(first * outChannels),
            dFilter + floats((i * filterWidth + j) * tapSize),
            end - first, channels, outChannels, strideWidth * channels, outChannels,
          );
        }
      }
    }
  }
}

/**
 * Gradient with respect to the input.
 *
 * @param dy           gradient of the output `[batch, outHeight, outWidth, outChannels]`
 * @param filterTaps   the filter with each tap transposed: `[filterHeight, filterWidth, outChannels, channels]`
 * @param dx           result `[batch, height, width, channels]`, overwritten
 */
export function convInputGradient(
  dy: usize, filterTaps: usize, dx: usize,
  batch: i32, height: i32, width: i32, channels: i32,
  outHeight: i32, outWidth: i32, outChannels: i32,
  filterHeight: i32, filterWidth: i32, strideHeight: i32, strideWidth: i32, padTop: i32, padLeft: i32,
  dilationHeight: i32, dilationWidth: i32,
): void {
  const tapSize = channels * outChannels;
  memory.fill(dx, 0, floats(batch * height * width * channels));
  for (let b = 0; b < batch; b++) {
    for (let outRow = 0; outRow < outHeight; outRow++) {
      const dyRow = dy + floats((b * outHeight + outRow) * outWidth * outChannels);
      for (let i = 0; i < filterHeight; i++) {
        const row = outRow * strideHeight + i * dilationHeight - padTop;
        if (row < 0 || row >= height) continue;
        const dxRow = dx + floats((b * height + row) * width * channels);
        for (let j = 0; j < filterWidth; j++) {
          const shift = j * dilationWidth - padLeft;
          const first = firstInside(shift, strideWidth), end = endInside(shift, strideWidth, width, outWidth);
          if (end <= first) continue;
          accumulateProduct(
            dyRow + floats(first * outChannels),
            filterTaps + floats((i * filterWidth + j) * tapSize),
            dxRow + floats((first * strideWidth + shift) * channels),
            end - first, outChannels, channels, outChannels, strideWidth * channels,
          );
        }
      }
    }
  }
}
