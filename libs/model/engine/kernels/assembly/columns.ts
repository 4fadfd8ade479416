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
 * `y[r, c] = (x[r, c] - mean[c]) * scale[c] + shift[c]`. The mean is taken off first: folded into the shift, a large
 * one would cost digits.
 */
export function normalise(
  x: usize, mean: usize, scale: usize, shift: usize, y: usize, rows: i32, columns: i32,
): void {
  for (let r = 0; r < rows; r++) {
    let c = 0;
    for (; c + 4 <= columns; c += 4) {
      const offset = floats(c);
      const deviation = f32x4.sub(v128.load(x), v128.load(mean + offset));
      v128.store(y, multiplyAdd(v128.load(shift + offset), deviation, v128.load(scale + offset)));
      x += 16;
      y += 16;
    }
    for (; c < columns; c++) {
      const offset = floats(c);
      const deviation = load<f32>(x) - load<f32>(mean + offset);
      store<f32>(y, load<f32>(shift + offset) + deviation * load<f32>(scale + offset));
      x += 4;
      y += 4;
    }
  }
}

/** `sumDy[c] = sum of dy` and `sumDyDeviation[c] = sum of dy * (x - mean)`, both over the rows. */
export function batchNormSums(
  x: usize, dy: usize, mean: usize, sumDy: usize, sumDyDeviation: usize, rows: i32, columns: i32,
): void {
  memory.fill(sumDy, 0, floats(columns));
  memory.fill(sumDyDeviation, 0, floats(columns));
  const step = floats(columns);
  let r = 0;
  for (; r + 4 <= rows; r += 4, x += 4 * step, dy += 4 * step) {
    addFourRows(dy, sumDy, columns);
    addFourProducts(x, dy, mean, sumDyDeviation, columns);
  }
  for (; r < rows; r++, x += step, dy += step) {
    for (let c = 0; c < columns; c++) {
      const offset = floats(c), d = load<f32>(dy + offset);
      const deviation = load<f32>(x + offset) - load<f32>(mean + offset);
      store<f32>(sumDy + offset, load<f32>(sumDy + offset) + d);
      store<f32>(sumDyDeviation + offset, load<f32>(sumDyDeviation + offset) + d * deviation);
    }
  }
}

/** Four rows of `sumDyDeviation`. */
function addFourProducts(x: usize, dy: usize, mean: usize, out: usize, columns: i32): void {
  const step = floats(columns);
  const x1 = x + step, x2 = x1 + step, x3 = x2 + step;
  const dy1 = dy + step, dy2 = dy1 + step, dy3 = dy2 + step;
  let c = 0;
  for (; c + 4 <= columns; c += 4) {
    const offset = floats(c), centre = v128.load(mean + offset);
    let left = f32x4.mul(v128.load(dy + offset), f32x4.sub(v128.load(x + offset), centre));
    left = multiplyAdd(left, v128.load(dy1 + offset), f32x4.sub(v128.load(x1 + offset), centre));
    let right = f32x4.mul(v128.load(dy2 + offset), f32x4.sub(v128.load(x2 + offset), centre));
    right = multiplyAdd(right, v128.load(dy3 + offset), f32x4.sub(v128.load(x3 + offset), centre));
    v128.store(out + offset, f32x4.add(v128.load(out + offset), f32x4.add(left, right)));
  }
  for (; c < columns; c++) {
    const offset = floats(c), centre = load<f32>(mean + offset);
    let left = load<f32>(dy + offset) * (load<f32>(x + offset) - centre);
    left += load<f32>(dy1 + offset) * (load<f32>(x1 + offset) - centre);
    let right = load<f32>(dy2 + offset) * (load<f32>(x2 + offset) - centre);
    right += load<f32>(dy3 + offset) * (load<f32>(x3 + offset) - centre);
    store<f32>(out + offset, load<f32>(out + offset) + (left + right));
  }
}

/**
 * `dx[r, c] = dy[r, c] * dyScale[c] + (x[r, c] - mean[c]) * deviationScale[c] + shift[c]`.
 * The deviation is formed before it is scaled: with a large mean the two products would cancel and lose digits.
 */
export function batchNormInputGradient(
  x: usize, dy: usize, mean: usize, dyScale: usize, deviationScale: usize, shift: usize, dx: usize,
  rows: i32, columns: i32,
): void {
  for (let r = 0; r < rows; r++) {
    let c = 0;
    for (; c + 4 <= columns; c += 4) {
      const offset = floats(c);
      const deviation = f32x4.sub(v128.load(x), v128.load(mean + offset));
      const sum = multiplyAdd(v128.load(shift + offset), deviation, v128.load(deviationScale + offset));
      v128.store(dx, multiplyAdd(sum, v128.load(dy), v128.load(dyScale + offset)));
      x += 16;
      dy += 16;
      dx += 16;
    }
    for (; c < columns; c++) {
      const offset = floats(c);
      const deviation = load<f32>(x) - load<f32>(mean + offset);
      const sum = load<f32>(shift + offset) + deviation * load<f32>(deviationScale + offset);
      store<f32>(dx, sum + load<f32>(dy) * load<f32>(dyScale + offset));
      x += 4;
      dy += 4;
      dx += 4;
    }
  }
}
