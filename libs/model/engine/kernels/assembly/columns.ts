/**
 * Sums over rows and the passes of batch normalisation. `x[rows, columns]` with one channel a column.
 *
 * Sums go by blocks of rows: a block's sum is gathered in registers and then added to the total, which saves
 * memory traffic and keeps rounding errors near those of a pairwise sum.
 */
import { floats, multiplyAdd } from './simd';

const ROW_BLOCK: i32 = 64;

/** `out[o, c] = sum over r of x[o, r, c]` for x `[outer, rows, columns]`. */
export function sumRows(x: usize, out: usize, outer: i32, rows: i32, columns: i32): void {
  memory.fill(out, 0, floats(outer * columns));
  const step = floats(columns);
  for (let o = 0; o < outer; o++) {
    const total = out + floats(o * columns);
    for (let start = 0; start < rows; start += ROW_BLOCK) {
      const count = min(ROW_BLOCK, rows - start);
      const block = x + floats((o * rows + start) * columns);
      let c = 0;
      for (; c + 4 <= columns; c += 4) {
        let p = block + floats(c), sum = f32x4.splat(0);
        for (let r = 0; r < count; r++, p += step) sum = f32x4.add(sum, v128.load(p));
        const q = total + floats(c);
        v128.store(q, f32x4.add(v128.load(q), sum));
      }
      for (; c < columns; c++) {
        let p = block + floats(c), sum: f32 = 0;
        for (let r = 0; r < count; r++, p += step) sum += load<f32>(p);
        const q = total + floats(c);
        store<f32>(q, load<f32>(q) + sum);
      }
    }
  }
}

/** `out[c] = sum over r of (x[r, c] - mean[c])^2`. */
export function sumSquaredDeviations(x: usize, mean: usize, out: usize, rows: i32, columns: i32): void {
  memory.fill(out, 0, floats(columns));
  const step = floats(columns);
  for (let start = 0; start < rows; start += ROW_BLOCK) {
    const count = min(ROW_BLOCK, rows - start);
    const block = x + floats(start * columns);
    let c = 0;
    for (; c + 4 <= columns; c += 4) {
      const centre = v128.load(mean + floats(c));
      let p = block + floats(c), sum = f32x4.splat(0);
      for (let r = 0; r < count; r++, p += step) {
        const deviation = f32x4.sub(v128.load(p), centre);
        sum = multiplyAdd(sum, deviation, deviation);
      }
      const q = out + floats(c);
      v128.store(q, f32x4.add(v128.load(q), sum));
    }
    for (; c < columns; c++) {
      const centre = load<f32>(mean + floats(c));
      let p = block + floats(c), sum: f32 = 0;
      for (let r = 0; r < count; r++, p += step) {
        const deviation = load<f32>(p) - centre;
        sum += deviation * deviation;
      }
      const q = out + floats(c);
      store<f32>(q, load<f32>(q) + sum);
    }
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
  for (let start = 0; start < rows; start += ROW_BLOCK) {
    const count = min(ROW_BLOCK, rows - start);
    const block = floats(start * columns);
    let c = 0;
    for (; c + 4 <= columns; c += 4) {
      const offset = floats(c), centre = v128.load(mean + offset);
      let p = x + block + offset, q = dy + block + offset;
      let plain = f32x4.splat(0), weighted = f32x4.splat(0);
      for (let r = 0; r < count; r++, p += step, q += step) {
        const d = v128.load(q);
        plain = f32x4.add(plain, d);
        weighted = multiplyAdd(weighted, d, f32x4.sub(v128.load(p), centre));
      }
      v128.store(sumDy + offset, f32x4.add(v128.load(sumDy + offset), plain));
      v128.store(sumDyDeviation + offset, f32x4.add(v128.load(sumDyDeviation + offset), weighted));
    }
    for (; c < columns; c++) {
      const offset = floats(c), centre = load<f32>(mean + offset);
      let p = x + block + offset, q = dy + block + offset;
      let plain: f32 = 0, weighted: f32 = 0;
      for (let r = 0; r < count; r++, p += step, q += step) {
        const d = load<f32>(q);
        plain += d;
        weighted += d * (load<f32>(p) - centre);
      }
      store<f32>(sumDy + offset, load<f32>(sumDy + offset) + plain);
      store<f32>(sumDyDeviation + offset, load<f32>(sumDyDeviation + offset) + weighted);
    }
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
