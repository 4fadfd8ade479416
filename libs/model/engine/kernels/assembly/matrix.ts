/**
 * Matrix products in tiles of 4 rows by 8 columns: eight accumulators, two loads and four splats fill the
 * registers that engines give a wasm function. What is left over at the edges goes row by row, then cell by cell.
 */
import { floats, multiplyAdd, splat } from './simd';

/** Rows taken at a time by the transposed product, so that both operands' block stays in the cache. */
const ROW_BLOCK: i32 = 256;

/** Rows of the left operand taken at a time by the plain product: they are read again for every 8 columns. */
const PRODUCT_ROW_BLOCK: i32 = 64;

/**
 * `out[m, n] += sum over r of x[r, m] * d[r, n]`: the product of x transposed and d, as weight gradients need it.
 *
 * @param x       `[rows, M]` with `strideX` floats between rows
 * @param d       `[rows, N]` with `strideD` floats between rows
 * @param out     `[M, N]`, dense; must hold its starting values
 */
export function accumulateTransposedProduct(
  x: usize, d: usize, out: usize, rows: i32, M: i32, N: i32, strideX: i32, strideD: i32,
): void {
  for (let start = 0; start < rows; start += ROW_BLOCK) {
    const count = min(ROW_BLOCK, rows - start);
    const xBlock = x + floats(start * strideX), dBlock = d + floats(start * strideD);
    let m = 0;
    for (; m + 4 <= M; m += 4) {
      const xColumn = xBlock + floats(m);
      let n = 0;
      for (; n + 8 <= N; n += 8) {
        transposedTile(xColumn, dBlock + floats(n), out + floats(m * N + n), count, N, strideX, strideD);
      }
      for (; n < N; n++) {
        for (let i = 0; i < 4; i++) {
          transposedCell(xColumn + floats(i), dBlock + floats(n), out + floats((m + i) * N + n), count, strideX, strideD);
        }
      }
    }
    for (; m < M; m++) {
      const xColumn = xBlock + floats(m);
      let n = 0;
      for (; n + 8 <= N; n += 8) {
        transposedStrip(xColumn, dBlock + floats(n), out + floats(m * N + n), count, strideX, strideD);
      }
      for (; n < N; n++) {
        transposedCell(xColumn, dBlock + floats(n), out + floats(m * N + n), count, strideX, strideD);
      }
    }
  }
}

/** Four rows by eight columns of `accumulateTransposedProduct`. */
function transposedTile(x: usize, d: usize, out: usize, count: i32, N: i32, strideX: i32, strideD: i32): void {
  const stepX = floats(strideX), stepD = floats(strideD), row = floats(N);
  const out1 = out + row, out2 = out1 + row, out3 = out2 + row;
  let a0 = v128.load(out), b0 = v128.load(out, 16);
  let a1 = v128.load(out1), b1 = v128.load(out1, 16);
  let a2 = v128.load(out2), b2 = v128.load(out2, 16);
  let a3 = v128.load(out3), b3 = v128.load(out3, 16);
  for (let r = 0; r < count; r++) {
    const left = v128.load(d), right = v128.load(d, 16);
    let s = splat(x);
    a0 = multiplyAdd(a0, s, left); b0 = multiplyAdd(b0, s, right);
    s = splat(x + 4);
    a1 = multiplyAdd(a1, s, left); b1 = multiplyAdd(b1, s, right);
    s = splat(x + 8);
    a2 = multiplyAdd(a2, s, left); b2 = multiplyAdd(b2, s, right);
    s = splat(x + 12);
    a3 = multiplyAdd(a3, s, left); b3 = multiplyAdd(b3, s, right);
    x += stepX;
    d += stepD;
  }
  v128.store(out, a0); v128.store(out, b0, 16);
  v128.store(out1, a1); v128.store(out1, b1, 16);
  v128.store(out2, a2); v128.store(out2, b2, 16);
  v128.store(out3, a3); v128.store(out3, b3, 16);
}

/** One row by eight columns of `accumulateTransposedProduct`. */
function transposedStrip(x: usize, d: usize, out: usize, count: i32, strideX: i32, strideD: i32): void {
  const stepX = floats(strideX), stepD = floats(strideD);
  let a = v128.load(out), b = v128.load(out, 16);
  for (let r = 0; r < count; r++) {
    const s = splat(x);
    a = multiplyAdd(a, s, v128.load(d));
    b = multiplyAdd(b, s, v128.load(d, 16));
    x += stepX;
    d += stepD;
  }
  v128.store(out, a);
  v128.store(out, b, 16);
}

/** One cell of `accumulateTransposedProduct`. */
function transposedCell(x: usize, d: usize, out: usize, count: i32, strideX: i32, strideD: i32): void {
  const stepX = floats(strideX), stepD = floats(strideD);
  let sum = load<f32>(out);
  for (let r = 0; r < count; r++) {
    sum += load<f32>(x) * load<f32>(d);
    x += stepX;
    d += stepD;
  }
  store<f32>(out, sum);
}

/**
 * `out[m, n] += sum over k of a[m, k] * b[k, n]`.
 *
 * @param a   `[M, K]` with `strideA` floats between rows
 * @param b   `[K, N]`, dense
 * @param out `[M, N]` with `strideOut` floats between rows; must hold its starting values
 */
export function accumulateProduct(
  a: usize, b: usize, out: usize, M: i32, K: i32, N: i32, strideA: i32, strideOut: i32,
): void {
  for (let start = 0; start < M; start += PRODUCT_ROW_BLOCK) {
    const end = min(M, start + PRODUCT_ROW_BLOCK);
    let n = 0;
    for (; n + 8 <= N; n += 8) {
      const column = b + floats(n);
      let m = start;
      for (; m + 4 <= end; m += 4) {
        productTile(a + floats(m * strideA), column, out + floats(m * strideOut + n), K, N, strideA, strideOut);
      }
      for (; m < end; m++) productStrip(a + floats(m * strideA), column, out + floats(m * strideOut + n), K, N);
    }
    for (; n < N; n++) {
      for (let m = start; m < end; m++) {
        productCell(a + floats(m * strideA), b + floats(n), out + floats(m * strideOut + n), K, N);
      }
    }
  }
}

/** Four rows by eight columns of `accumulateProduct`. */
function productTile(a: usize, b: usize, out: usize, K: i32, N: i32, strideA: i32, strideOut: i32): void {
  const rowA = floats(strideA), rowB = floats(N), rowOut = floats(strideOut);
  const out1 = out + rowOut, out2 = out1 + rowOut, out3 = out2 + rowOut;
  const rowA2 = rowA + rowA, rowA3 = rowA2 + rowA;
  let a0 = v128.load(out), b0 = v128.load(out, 16);
  let a1 = v128.load(out1), b1 = v128.load(out1, 16);
  let a2 = v128.load(out2), b2 = v128.load(out2, 16);
  let a3 = v128.load(out3), b3 = v128.load(out3, 16);
  for (let k = 0; k < K; k++) {
    const left = v128.load(b), right = v128.load(b, 16);
    let s = splat(a);
    a0 = multiplyAdd(a0, s, left); b0 = multiplyAdd(b0, s, right);
    s = splat(a + rowA);
    a1 = multiplyAdd(a1, s, left); b1 = multiplyAdd(b1, s, right);
    s = splat(a + rowA2);
    a2 = multiplyAdd(a2, s, left); b2 = multiplyAdd(b2, s, right);
    s = splat(a + rowA3);
    a3 = multiplyAdd(a3, s, left); b3 = multiplyAdd(b3, s, right);
    a += 4;
    b += rowB;
  }
  v128.store(out, a0); v128.store(out, b0, 16);
  v128.store(out1, a1); v128.store(out1, b1, 16);
  v128.store(out2, a2); v128.store(out2, b2, 16);
  v128.store(out3, a3); v128.store(out3, b3, 16);
}

/** One row by eight columns of `accumulateProduct`. */
function productStrip(a: usize, b: usize, out: usize, K: i32, N: i32): void {
  const rowB = floats(N);
  let left = v128.load(out), right = v128.load(out, 16);
  for (let k = 0; k < K; k++) {
    const s = splat(a);
    left = multiplyAdd(left, s, v128.load(b));
    right = multiplyAdd(right, s, v128.load(b, 16));
    a += 4;
    b += rowB;
  }
  v128.store(out, left);
  v128.store(out, right, 16);
}

/** One cell of `accumulateProduct`. */
function productCell(a: usize, b: usize, out: usize, K: i32, N: i32): void {
  const rowB = floats(N);
  let sum = load<f32>(out);
  for (let k = 0; k < K; k++) {
    sum += load<f32>(a) * load<f32>(b);
    a += 4;
    b += rowB;
  }
  store<f32>(out, sum);
}

/** `out[c, r] = x[r, c]`; sixteen rows at a time keep the scattered reads within the cache. */
export function transpose(x: usize, out: usize, rows: i32, columns: i32): void {
  for (let start = 0; start < rows; start += 16) {
    const end = min(rows, start + 16);
    for (let c = 0; c < columns; c++) {
      for (let r = start; r < end; r++) {
        store<f32>(out + floats(c * rows + r), load<f32>(x + floats(r * columns + c)));
      }
    }
  }
}
