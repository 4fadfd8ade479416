/** Gradients that pass over their tensors once: of ReLU, softmax, and of reductions over the rows of `[outer, rows, columns]`. */
import { floats, multiplyAdd, splat } from './simd';

/** `dx = dy where x > 0, else 0`. */
export function reluGradient(x: usize, dy: usize, dx: usize, count: i32): void {
  const zero = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    v128.store(dx, v128.and(v128.load(dy), f32x4.gt(v128.load(x), zero)));
    x += 16;
    dy += 16;
    dx += 16;
  }
  for (; i < count; i++) {
    store<f32>(dx, load<f32>(x) > 0 ? load<f32>(dy) : 0);
    x += 4;
    dy += 4;
    dx += 4;
  }
}

/** `dx[r, c] = y[r, c] * (dy[r, c] - sum over k of dy[r, k] * y[r, k])`: the gradient of a softmax over the columns. */
export function softmaxGradient(y: usize, dy: usize, dx: usize, rows: i32, columns: i32): void {
  const step = floats(columns);
  for (let r = 0; r < rows; r++, y += step, dy += step, dx += step) {
    let sums = f32x4.splat(0);
    let c = 0;
    for (; c + 4 <= columns; c += 4) {
      const offset = floats(c);
      sums = multiplyAdd(sums, v128.load(y + offset), v128.load(dy + offset));
    }
    let sum = sumOfLanes(sums);
    for (; c < columns; c++) sum += load<f32>(y + floats(c)) * load<f32>(dy + floats(c));
    const total = f32x4.splat(sum);
    for (c = 0; c + 4 <= columns; c += 4) {
      const offset = floats(c);
      v128.store(dx + offset, f32x4.mul(v128.load(y + offset), f32x4.sub(v128.load(dy + offset), total)));
    }
    for (; c < columns; c++) {
      const offset = floats(c);
      store<f32>(dx + offset, load<f32>(y + offset) * (load<f32>(dy + offset) - sum));
    }
  }
}

// @ts-ignore: decorator
@inline
function sumOfLanes(v: v128): f32 {
  const left = f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1);
  return left + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** `dx[o, r, c] = dy[o, c] * scale`: the gradient of a sum over rows, or of a mean with `scale = 1 / rows`. */
export function spreadRows(dy: usize, scale: f32, dx: usize, outer: i32, rows: i32, columns: i32): void {
  const factor = f32x4.splat(scale), step = floats(columns);
  for (let o = 0; o < outer; o++, dy += step) {
    if (columns == 1) {
      dx = fill(dx, load<f32>(dy) * scale, rows);
      continue;
    }
    for (let r = 0; r < rows; r++, dx += step) {
      let c = 0;
      for (; c + 4 <= columns; c += 4) {
        v128.store(dx + floats(c), f32x4.mul(v128.load(dy + floats(c)), factor));
      }
      for (; c < columns; c++) store<f32>(dx + floats(c), load<f32>(dy + floats(c)) * scale);
    }
  }
}

/** Writes `value` `count` times and answers the address behind the last. */
function fill(out: usize, value: f32, count: i32): usize {
  const lanes = f32x4.splat(value);
  let i = 0;
  for (; i + 4 <= count; i += 4, out += 16) v128.store(out, lanes);
  for (; i < count; i++, out += 4) store<f32>(out, value);
  return out;
}

/** `out[o, c] = max over r of x[o, r, c]`; NaN wherever one of them is. */
export function maxRows(x: usize, out: usize, outer: i32, rows: i32, columns: i32): void {
  const step = floats(columns);
  for (let o = 0; o < outer; o++, out += step) {
    memory.copy(out, x, step);
    x += step;
    for (let r = 1; r < rows; r++, x += step) {
      let c = 0;
      for (; c + 4 <= columns; c += 4) {
        v128.store(out + floats(c), f32x4.max(v128.load(out + floats(c)), v128.load(x + floats(c))));
      }
      for (; c < columns; c++) {
        store<f32>(out + floats(c), max(load<f32>(out + floats(c)), load<f32>(x + floats(c))));
      }
    }
  }
}

/** `dx[o, r, c] = dy[o, c] where x[o, r, c] = y[o, c], else 0`: every one of equal maxima gets the gradient. */
export function maxRowsGradient(
  x: usize, y: usize, dy: usize, dx: usize, outer: i32, rows: i32, columns: i32,
): void {
  const step = floats(columns);
  for (let o = 0; o < outer; o++, y += step, dy += step) {
    if (columns == 1) {
      const value = splat(y), gradient = splat(dy);
      let r = 0;
      for (; r + 4 <= rows; r += 4, x += 16, dx += 16) {
        v128.store(dx, v128.and(gradient, f32x4.eq(v128.load(x), value)));
      }
      for (; r < rows; r++, x += 4, dx += 4) {
        store<f32>(dx, load<f32>(x) == load<f32>(y) ? load<f32>(dy) : 0);
      }
      continue;
    }
    for (let r = 0; r < rows; r++, x += step, dx += step) {
      let c = 0;
      for (; c + 4 <= columns; c += 4) {
        const offset = floats(c);
        const largest = f32x4.eq(v128.load(x + offset), v128.load(y + offset));
        v128.store(dx + offset, v128.and(v128.load(dy + offset), largest));
      }
      for (; c < columns; c++) {
        const offset = floats(c);
        store<f32>(dx + offset, load<f32>(x + offset) == load<f32>(y + offset) ? load<f32>(dy + offset) : 0);
      }
    }
  }
}
