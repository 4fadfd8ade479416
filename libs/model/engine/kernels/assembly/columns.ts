/**
 * Sums over rows and the passes of batch normalisation. `x[rows, columns]` with one channel a column.
 *
 * Sums take four rows at a time: memory is read straight on, a total is loaded and stored once for four additions,
 * and a long sum loses fewer digits than one that adds row after row.
 */
import { floats, multiplyAdd } from './simd';

/** `out[o, c] = sum over r of x[o, r, c]` for x `[outer, rows, columns]`. */
export function sumRows(x: usize, out: usize, outer: i32, rows: i32, columns: i32): void {
  memory.fill(out, 0, floats(outer * columns));
  const step = floats(columns);
  for (let o = 0; o < outer; o++) {
    const total = out + floats(o * columns);
    let row = x + floats(o * rows * columns), r = 0;
    for (; r + 4 <= rows; r += 4, row += 4 * step) addFourRows(row, total, columns);
    for (; r < rows; r++, row += step) {
      for (let c = 0; c < columns; c++) {
        const offset = floats(c);
        store<f32>(total + offset, load<f32>(total + offset) + load<f32>(row + offset));
      }
    }
  }
}

/** `total[c] += (x[0, c] + x[1, c]) + (x[2, c] + x[3, c])`. */
function addFourRows(x: usize, total: usize, columns: i32): void {
  const step = floats(columns);
  const x1 = x + step, x2 = x1 + step, x3 = x2 + step;
  let c = 0;
  for (; c + 4 <= columns; c += 4) {
    const offset = floats(c);
    const left = f32x4.add(v128.load(x + offset), v128.load(x1 + offset));
    const right = f32x4.add(v128.load(x2 + offset), v128.load(x3 + offset));
    v128.store(total + offset, f32x4.add(v128.load(total + offset), f32x4.add(left, right)));
  }
  for (; c < columns; c++) {
    const offset = floats(c);
    const left = load<f32>(x + offset) + load<f32>(x1 + offset);
    const right = load<f32>(x2 + offset) + load<f32>(x3 + offset);
    store<f32>(total + offset, load<f32>(total + offset) + (left + right));
  }
}

/** `out[c] = sum over r of (x[r, c] - mean[c])^2`. */
export function sumSquaredDeviations(x: usize, mean: usize, out: usize, rows: i32, columns: i32): void {
  memory.fill(out, 0, floats(columns));
  const step = floats(columns);
  let r = 0;
  for (; r + 4 <= rows; r += 4, x += 4 * step) addFourSquares(x, mean, out, columns);
  for (; r < rows; r++, x += step) {
    for (let c = 0; c < columns; c++) {
      const offset = floats(c), deviation = load<f32>(x + offset) - load<f32>(mean + offset);
      store<f32>(out + offset, load<f32>(out + offset) + deviation * deviation);
    }
  }
}

/** Four rows of `sumSquaredDeviations`. */
function addFourSquares(x: usize, mean: usize, out: usize, columns: i32): void {
  const step = floats(columns);
  const x1 = x + step, x2 = x1 + step, x3 = x2 + step;
  let c = 0;
  for (; c + 4 <= columns; c += 4) {
    const offset = floats(c), centre = v128.load(mean + offset);
    const d0 = f32x4.sub(v128.load(x + offset), centre), d1 = f32x4.sub(v128.load(x1 + offset), centre);
    const d2 = f32x4.sub(v128.load(x2 + offset), centre), d3 = f32x4.sub(v128.load(x3 + offset), centre);
    const left = multiplyAdd(f32x4.mul(d0, d0), d1, d1), right = multiplyAdd(f32x4.mul(d2, d2), d3, d3);
    v128.store(out + offset, f32x4.add(v128.load(out + offset), f32x4.add(left, right)));
  }
  for (; c < columns; c++) {
    const offset = floats(c), centre = load<f32>(mean + offset);
    const d0 = load<f32>(x + offset) - centre, d1 = load<f32>(x1 + offset) - centre;
    const d2 = load<f32>(x2 + offset) - centre, d3 = load<f32>(x3 + offset) - centre;
    store<f32>(out + offset, load<f32>(out + offset) + (d0 * d0 + d1 * d1 + (d2 * d2 + d3 * d3)));
  }
}

/**
 * `y[r, c] = (x[r, c] - mean[c]) * scale[c] + shift[c]`, and no less than 0 where `relu`. The mean is taken off first:
 * folded into the shift, a large one would cost digits.
 */
export function normalise(
  x: usize, mean: usize, scale: usize, shift: usize, y: usize, rows: i32, columns: i32, relu: bool,
): void {
  const least: f32 = relu ? 0 : -Infinity, leasts = f32x4.splat(least);
  for (let r = 0; r < rows; r++) {
    let c = 0;
    for (; c + 4 <= columns; c += 4) {
      const offset = floats(c);
      const deviation = f32x4.sub(v128.load(x), v128.load(mean + offset));
      const value = multiplyAdd(v128.load(shift + offset), deviation, v128.load(scale + offset));
      v128.store(y, f32x4.max(value, leasts));
      x += 16;
      y += 16;
    }
    for (; c < columns; c++) {
      const offset = floats(c);
      const deviation = load<f32>(x) - load<f32>(mean + offset);
      store<f32>(y, max(load<f32>(shift + offset) + deviation * load<f32>(scale + offset), least));
      x += 4;
      y += 4;
    }
  }
}

/** The gradient that reaches a normalised value through ReLU: none where the value is not above 0. */
// @ts-ignore: decorator
@inline
function gated(dy: v128, deviation: v128, scale: v128, shift: v128, open: v128): v128 {
  const positive = f32x4.gt(multiplyAdd(shift, deviation, scale), f32x4.splat(0));
  return v128.and(dy, v128.or(positive, open));
}

/** All bits of the lanes through which a gradient passes whatever the value. */
// @ts-ignore: decorator
@inline
function openGate(relu: bool): v128 {
  return relu ? i32x4.splat(0) : i32x4.splat(-1);
}

/** One cell of `gated`. */
// @ts-ignore: decorator
@inline
function gatedCell(dy: f32, deviation: f32, scale: f32, shift: f32, relu: bool): f32 {
  return !relu || shift + deviation * scale > 0 ? dy : 0;
}

/**
 * `sumDy[c] = sum of g` and `sumDyDeviation[c] = sum of g * (x - mean)`, both over the rows, where g is dy, or where
 * `relu` dy at positive outputs only. The outputs are worked out again from scale and shift, as `normalise` did.
 */
export function batchNormSums(
  x: usize, dy: usize, mean: usize, scale: usize, shift: usize, sumDy: usize, sumDyDeviation: usize,
  rows: i32, columns: i32, relu: bool,
): void {
  memory.fill(sumDy, 0, floats(columns));
  memory.fill(sumDyDeviation, 0, floats(columns));
  const step = floats(columns), open = openGate(relu);
  let r = 0;
  for (; r + 4 <= rows; r += 4, x += 4 * step, dy += 4 * step) {
    const x1 = x + step, x2 = x1 + step, x3 = x2 + step;
    const dy1 = dy + step, dy2 = dy1 + step, dy3 = dy2 + step;
    for (let c = 0; c + 4 <= columns; c += 4) {
      const offset = floats(c), centre = v128.load(mean + offset);
      const factor = v128.load(scale + offset), beta = v128.load(shift + offset);
      let deviation = f32x4.sub(v128.load(x + offset), centre);
      let gradient = gated(v128.load(dy + offset), deviation, factor, beta, open);
      let plain = gradient, product = f32x4.mul(gradient, deviation);
      deviation = f32x4.sub(v128.load(x1 + offset), centre);
      gradient = gated(v128.load(dy1 + offset), deviation, factor, beta, open);
      const left = f32x4.add(plain, gradient), leftProduct = multiplyAdd(product, gradient, deviation);
      deviation = f32x4.sub(v128.load(x2 + offset), centre);
      gradient = gated(v128.load(dy2 + offset), deviation, factor, beta, open);
      plain = gradient;
      product = f32x4.mul(gradient, deviation);
      deviation = f32x4.sub(v128.load(x3 + offset), centre);
      gradient = gated(v128.load(dy3 + offset), deviation, factor, beta, open);
      const right = f32x4.add(plain, gradient), rightProduct = multiplyAdd(product, gradient, deviation);
      v128.store(sumDy + offset, f32x4.add(v128.load(sumDy + offset), f32x4.add(left, right)));
      const total = sumDyDeviation + offset;
      v128.store(total, f32x4.add(v128.load(total), f32x4.add(leftProduct, rightProduct)));
    }
    addCells(x, dy, mean, scale, shift, sumDy, sumDyDeviation, 4, columns & ~3, columns, relu);
  }
  addCells(x, dy, mean, scale, shift, sumDy, sumDyDeviation, rows - r, 0, columns, relu);
}

/** `batchNormSums` over a few rows, from one column on. */
function addCells(
  x: usize, dy: usize, mean: usize, scale: usize, shift: usize, sumDy: usize, sumDyDeviation: usize,
  rows: i32, from: i32, columns: i32, relu: bool,
): void {
  for (let c = from; c < columns; c++) {
    const offset = floats(c), total = sumDyDeviation + offset;
    let plain: f32 = 0, product: f32 = 0;
    for (let r = 0; r < rows; r++) {
      const cell = floats(r * columns + c), deviation = load<f32>(x + cell) - load<f32>(mean + offset);
      const gradient =
        gatedCell(load<f32>(dy + cell), deviation, load<f32>(scale + offset), load<f32>(shift + offset), relu);
      plain += gradient;
      product += gradient * deviation;
    }
    store<f32>(sumDy + offset, load<f32>(sumDy + offset) + plain);
    store<f32>(total, load<f32>(total) + product);
  }
}

/**
 * `dx[r, c] = g[r, c] * scale[c] + (x[r, c] - mean[c]) * deviationScale[c] + offset[c]`, g as in `batchNormSums`.
 * The deviation is formed before it is scaled: with a large mean the two products would cancel and lose digits.
 */
export function batchNormInputGradient(
  x: usize, dy: usize, mean: usize, scale: usize, shift: usize, deviationScale: usize, offset: usize, dx: usize,
  rows: i32, columns: i32, relu: bool,
): void {
  const open = openGate(relu);
  for (let r = 0; r < rows; r++) {
    let c = 0;
    for (; c + 4 <= columns; c += 4) {
      const at = floats(c), factor = v128.load(scale + at);
      const deviation = f32x4.sub(v128.load(x), v128.load(mean + at));
      const gradient = gated(v128.load(dy), deviation, factor, v128.load(shift + at), open);
      const sum = multiplyAdd(v128.load(offset + at), deviation, v128.load(deviationScale + at));
      v128.store(dx, multiplyAdd(sum, gradient, factor));
      x += 16;
      dy += 16;
      dx += 16;
    }
    for (; c < columns; c++) {
      const at = floats(c), factor = load<f32>(scale + at);
      const deviation = load<f32>(x) - load<f32>(mean + at);
      const gradient = gatedCell(load<f32>(dy), deviation, factor, load<f32>(shift + at), relu);
      store<f32>(dx, load<f32>(offset + at) + deviation * load<f32>(deviationScale + at) + gradient * factor);
      x += 4;
      dy += 4;
      dx += 4;
    }
  }
}
