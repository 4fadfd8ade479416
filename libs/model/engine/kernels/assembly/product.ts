/**
 * Whole matrix products. Wide rows that lie a power of two apart fall on the same few lines of the first cache and
 * drive each other out: where an operand is read down its columns it is first copied into panels that are read
 * straight on. Panels also turn a transposed operand round, and fill up the last columns with zeros.
 *
 * Tiles of 4 rows by 8 columns: eight accumulators, two loads and four splats fill the registers that engines give a
 * wasm function. Engines unroll the inner loops themselves; unrolled by hand, they run out of registers.
 */
import { floats, multiplyAdd, splat } from './simd';

/** Inner dimension taken at a time: a panel of 8 columns then takes at most half of the first cache. */
const INNER_BLOCK: i32 = 512;

/** Rows of the left operand taken at a time, so that they are still in the second cache for the next panel. */
const ROW_BLOCK: i32 = 64;

/** Floats of scratch space that `product` needs. */
export function productScratch(K: i32, N: i32): i32 {
  return min(K, INNER_BLOCK) * padded(N, 8) + 32;
}

/**
 * `out = a b`, or `out += a b`.
 *
 * @param a          `[M, K]` with `strideA` floats between rows
 * @param b          `[K, N]`, or `[N, K]` where `transposed`; dense
 * @param out        `[M, N]` with `strideOut` floats between rows
 * @param accumulate whether to add to what is there
 * @param scratch    `productScratch` floats
 */
export function product(
  a: usize, b: usize, out: usize, M: i32, K: i32, N: i32, strideA: i32, strideOut: i32,
  transposed: bool, accumulate: bool, scratch: usize,
): void {
  const panels = scratch + floats(32);
  for (let k = 0; k < K; k += INNER_BLOCK) {
    const inner = min(INNER_BLOCK, K - k), add = accumulate || k > 0;
    if (transposed) packTransposed(b + floats(k), panels, inner, N, K);
    else packPanels(b + floats(k * N), panels, inner, N, N, 8, 0);
    for (let start = 0; start < M; start += ROW_BLOCK) {
      const end = min(M, start + ROW_BLOCK);
      for (let n = 0; n < N; n += 8) {
        const panel = panels + floats(n * inner), columns = min(8, N - n);
        let m = start;
        for (; m + 4 <= end; m += 4) {
          const left = a + floats(m * strideA + k), corner = out + floats(m * strideOut + n);
          if (columns == 8) rowsTile(left, panel, corner, inner, strideA, strideOut, add);
          else {
            rowsTile(left, panel, scratch, inner, strideA, 8, false);
            storeEdge(scratch, corner, 4, columns, strideOut, add);
          }
        }
        for (; m < end; m++) {
          const left = a + floats(m * strideA + k), corner = out + floats(m * strideOut + n);
          if (columns == 8) rowStrip(left, panel, corner, inner, add);
          else {
            rowStrip(left, panel, scratch, inner, false);
            storeEdge(scratch, corner, 1, columns, strideOut, add);
          }
        }
      }
    }
  }
}

/** Floats of scratch space that `transposedProduct` needs. */
export function transposedProductScratch(rows: i32, M: i32, N: i32): i32 {
  return min(rows, INNER_BLOCK) * (padded(M, 4) + padded(N, 8)) + 32;
}

/**
 * `out = x^T d`, or `out += x^T d`: the product of weight gradients.
 *
 * @param x          `[rows, M]` with `strideX` floats between rows
 * @param d          `[rows, N]` with `strideD` floats between rows
 * @param out        `[M, N]`, dense
 * @param accumulate whether to add to what is there
 * @param scratch    `transposedProductScratch` floats
 */
export function transposedProduct(
  x: usize, d: usize, out: usize, rows: i32, M: i32, N: i32, strideX: i32, strideD: i32,
  accumulate: bool, scratch: usize,
): void {
  const leftPanels = scratch + floats(32);
  const rightPanels = leftPanels + floats(min(rows, INNER_BLOCK) * padded(M, 4));
  // Narrow rows stay in the cache as they lie; only panels that are not full must be copied then.
  const wide = M >= 64 && N >= 64;
  for (let r = 0; r < rows; r += INNER_BLOCK) {
    const inner = min(INNER_BLOCK, rows - r), add = accumulate || r > 0;
    x += r > 0 ? floats(INNER_BLOCK * strideX) : 0;
    d += r > 0 ? floats(INNER_BLOCK * strideD) : 0;
    packPanels(x, leftPanels, inner, M, strideX, 4, wide ? 0 : M - M % 4);
    packPanels(d, rightPanels, inner, N, strideD, 8, wide ? 0 : N - N % 8);
    for (let n = 0; n < N; n += 8) {
      const columns = min(8, N - n), packedRight = wide || columns < 8;
      const right = packedRight ? rightPanels + floats(n * inner) : d + floats(n);
      const stepRight = floats(packedRight ? 8 : strideD);
      for (let m = 0; m < M; m += 4) {
        const count = min(4, M - m), packedLeft = wide || count < 4;
        const left = packedLeft ? leftPanels + floats(m * inner) : x + floats(m);
        const stepLeft = floats(packedLeft ? 4 : strideX), corner = out + floats(m * N + n);
        if (columns == 8 && count == 4) columnsTile(left, stepLeft, right, stepRight, corner, inner, N, add);
        else {
          columnsTile(left, stepLeft, right, stepRight, scratch, inner, 8, false);
          storeEdge(scratch, corner, count, columns, N, add);
        }
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function padded(count: i32, width: i32): i32 {
  return (count + width - 1) / width * width;
}

/** Copies `x[rows, columns]` from column `from` on into panels of `width` (4 or 8) columns, each in its place. */
function packPanels(x: usize, out: usize, rows: i32, columns: i32, stride: i32, width: i32, from: i32): void {
  for (let c = from; c < columns; c += width) {
    packPanel(x + floats(c), out + floats(c * rows), rows, min(width, columns - c), stride, width);
  }
}

/** Copies the first columns of x into a panel of `width`, filled up with zeros. */
function packPanel(x: usize, out: usize, rows: i32, columns: i32, stride: i32, width: i32): void {
  const step = floats(stride);
  for (let r = 0; r < rows; r++, x += step) {
    if (columns == width) {
      v128.store(out, v128.load(x));
      if (width == 8) v128.store(out, v128.load(x, 16), 16);
    } else {
      for (let i = 0; i < width; i++) store<f32>(out + floats(i), i < columns ? load<f32>(x + floats(i)) : 0);
    }
    out += floats(width);
  }
}

/** Copies the transpose of `x[columns, rows]`, `stride` floats between its rows, into panels of 8 columns. */
function packTransposed(x: usize, out: usize, rows: i32, columns: i32, stride: i32): void {
  for (let c = 0; c < columns; c += 8) {
    for (let i = 0; i < 8; i++) {
      let to = out + floats(i);
      if (c + i < columns) {
        let from = x + floats((c + i) * stride);
        for (let r = 0; r < rows; r++, from += 4, to += 32) store<f32>(to, load<f32>(from));
      } else {
        for (let r = 0; r < rows; r++, to += 32) store<f32>(to, 0);
      }
    }
    out += floats(8 * rows);
  }
}

/** Writes or adds the first columns of a tile of 8. */
function storeEdge(tile: usize, out: usize, rows: i32, columns: i32, strideOut: i32, add: bool): void {
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const to = out + floats(r * strideOut + c), value = load<f32>(tile + floats(8 * r + c));
      store<f32>(to, add ? load<f32>(to) + value : value);
    }
  }
}

/** Four rows of a by a panel. */
function rowsTile(
  a: usize, panel: usize, out: usize, K: i32, strideA: i32, strideOut: i32, add: bool,
): void {
  const rowA = floats(strideA), rowOut = floats(strideOut), zero = f32x4.splat(0);
  const out1 = out + rowOut, out2 = out1 + rowOut, out3 = out2 + rowOut;
  const rowA2 = rowA + rowA, rowA3 = rowA2 + rowA;
  let a0 = zero, b0 = zero, a1 = zero, b1 = zero, a2 = zero, b2 = zero, a3 = zero, b3 = zero;
  if (add) {
    a0 = v128.load(out); b0 = v128.load(out, 16);
    a1 = v128.load(out1); b1 = v128.load(out1, 16);
    a2 = v128.load(out2); b2 = v128.load(out2, 16);
    a3 = v128.load(out3); b3 = v128.load(out3, 16);
  }
  for (let k = 0; k < K; k++) {
    const left = v128.load(panel), right = v128.load(panel, 16);
    let s = splat(a);
    a0 = multiplyAdd(a0, s, left); b0 = multiplyAdd(b0, s, right);
    s = splat(a + rowA);
    a1 = multiplyAdd(a1, s, left); b1 = multiplyAdd(b1, s, right);
    s = splat(a + rowA2);
    a2 = multiplyAdd(a2, s, left); b2 = multiplyAdd(b2, s, right);
    s = splat(a + rowA3);
    a3 = multiplyAdd(a3, s, left); b3 = multiplyAdd(b3, s, right);
    a += 4;
    panel += 32;
  }
  v128.store(out, a0); v128.store(out, b0, 16);
  v128.store(out1, a1); v128.store(out1, b1, 16);
  v128.store(out2, a2); v128.store(out2, b2, 16);
  v128.store(out3, a3); v128.store(out3, b3, 16);
}

/** One row of a by a panel. */
function rowStrip(a: usize, panel: usize, out: usize, K: i32, add: bool): void {
  let left = f32x4.splat(0), right = left;
  if (add) {
    left = v128.load(out);
    right = v128.load(out, 16);
  }
  for (let k = 0; k < K; k++) {
    const s = splat(a);
    left = multiplyAdd(left, s, v128.load(panel));
    right = multiplyAdd(right, s, v128.load(panel, 16));
    a += 4;
    panel += 32;
  }
  v128.store(out, left);
  v128.store(out, right, 16);
}

/** Four columns of x, transposed, by eight of d. */
function columnsTile(
  x: usize, stepX: usize, d: usize, stepD: usize, out: usize, rows: i32, strideOut: i32, add: bool,
): void {
  const rowOut = floats(strideOut), zero = f32x4.splat(0);
  const out1 = out + rowOut, out2 = out1 + rowOut, out3 = out2 + rowOut;
  let a0 = zero, b0 = zero, a1 = zero, b1 = zero, a2 = zero, b2 = zero, a3 = zero, b3 = zero;
  if (add) {
    a0 = v128.load(out); b0 = v128.load(out, 16);
    a1 = v128.load(out1); b1 = v128.load(out1, 16);
    a2 = v128.load(out2); b2 = v128.load(out2, 16);
    a3 = v128.load(out3); b3 = v128.load(out3, 16);
  }
  for (let r = 0; r < rows; r++) {
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
