/**
 * Gradients of a depthwise convolution: every channel has its own `multiplier` filters. With the usual multiplier
 * of 1 the channels are the vector lanes; other multipliers take a plain loop.
 */
import { endInside, firstInside, floats, multiplyAdd } from './simd';

/**
 * Gradient with respect to the filter.
 *
 * @param x       input `[batch, height, width, channels]`
 * @param dy      gradient of the output `[batch, outHeight, outWidth, channels * multiplier]`
 * @param dFilter result `[filterHeight, filterWidth, channels, multiplier]`, overwritten
 */
export function depthwiseFilterGradient(
  x: usize, dy: usize, dFilter: usize,
  batch: i32, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32, multiplier: i32,
  filterHeight: i32, filterWidth: i32, strideHeight: i32, strideWidth: i32, padTop: i32, padLeft: i32,
  dilationHeight: i32, dilationWidth: i32,
): void {
  const outChannels = channels * multiplier;
  memory.fill(dFilter, 0, floats(filterHeight * filterWidth * outChannels));
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
          accumulateTap(
            xRow + floats((first * strideWidth + shift) * channels),
            dyRow + floats(first * outChannels),
            dFilter + floats((i * filterWidth + j) * outChannels),
            end - first, channels, multiplier, strideWidth,
          );
        }
      }
    }
  }
}

/** Adds one output row's share to one tap: `tap[c, m] += sum over positions of x[c] * dy[c, m]`. */
function accumulateTap(
  x: usize, dy: usize, tap: usize, count: i32, channels: i32, multiplier: i32, strideWidth: i32,
): void {
  const stepX = floats(strideWidth * channels), stepDy = floats(channels * multiplier);
  let c = 0;
  if (multiplier == 1) {
    for (; c + 8 <= channels; c += 8) {
      let p = x + floats(c), q = dy + floats(c);
      const out = tap + floats(c);
      let left = v128.load(out), right = v128.load(out, 16);
      for (let k = 0; k < count; k++) {
        left = multiplyAdd(left, v128.load(p), v128.load(q));
        right = multiplyAdd(right, v128.load(p, 16), v128.load(q, 16));
        p += stepX;
        q += stepDy;
      }
      v128.store(out, left);
      v128.store(out, right, 16);
    }
  }
  for (; c < channels; c++) {
    for (let m = 0; m < multiplier; m++) {
      let p = x + floats(c), q = dy + floats(c * multiplier + m);
      const out = tap + floats(c * multiplier + m);
      let sum = load<f32>(out);
      for (let k = 0; k < count; k++) {
        sum += load<f32>(p) * load<f32>(q);
        p += stepX;
        q += stepDy;
      }
      store<f32>(out, sum);
    }
  }
}

/**
 * Gradient with respect to the input.
 *
 * @param dy     gradient of the output `[batch, outHeight, outWidth, channels * multiplier]`
 * @param filter `[filterHeight, filterWidth, channels, multiplier]`
 * @param dx     result `[batch, height, width, channels]`, overwritten
 */
export function depthwiseInputGradient(
  dy: usize, filter: usize, dx: usize,
  batch: i32, height: i32, width: i32, channels: i32, outHeight: i32, outWidth: i32, multiplier: i32,
  filterHeight: i32, filterWidth: i32, strideHeight: i32, strideWidth: i32, padTop: i32, padLeft: i32,
  dilationHeight: i32, dilationWidth: i32,
): void {
  const outChannels = channels * multiplier;
  memory.fill(dx, 0, floats(batch * height * width * channels));
  for (let b = 0; b < batch; b++) {
    for (let outRow = 0; outRow < outHeight; outRow++) {
      for (let i = 0; i < filterHeight; i++) {
        const row = outRow * strideHeight + i * dilationHeight - padTop;
        if (row < 0 || row >= height) continue;
        const dxRow = dx + floats((b * height + row) * width * channels);
        for (let outColumn = 0; outColumn < outWidth; outColumn++) {
          const position = dy + floats(((b * outHeight + outRow) * outWidth + outColumn) * outChannels);
          for (let j = 0; j < filterWidth; j++) {
            const column = outColumn * strideWidth + j * dilationWidth - padLeft;
            if (column < 0 || column >= width) continue;
            const tap = filter + floats((i * filterWidth + j) * outChannels);
            spreadPosition(position, tap, dxRow + floats(column * channels), channels, multiplier);
          }
        }
      }
    }
  }
}

/** Adds one output position's share to one input position: `dx[c] += sum over m of dy[c, m] * tap[c, m]`. */
// @ts-ignore: decorator
@inline
function spreadPosition(dy: usize, tap: usize, dx: usize, channels: i32, multiplier: i32): void {
  let c = 0;
  if (multiplier == 1) {
    for (; c + 4 <= channels; c += 4) {
      v128.store(dx, multiplyAdd(v128.load(dx), v128.load(dy), v128.load(tap)));
      dx += 16;
      dy += 16;
      tap += 16;
    }
  }
  for (; c < channels; c++) {
    let sum = load<f32>(dx);
    for (let m = 0; m < multiplier; m++) {
      sum += load<f32>(dy) * load<f32>(tap);
      dy += 4;
      tap += 4;
    }
    store<f32>(dx, sum);
    dx += 4;
  }
}
