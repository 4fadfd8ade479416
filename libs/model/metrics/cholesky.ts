/** Solving symmetric positive definite systems of a thousand unknowns and more, on flat arrays. */

/** Rows factored together, so that every earlier row is read from memory once for all of them. */
const BLOCK = 4;

/** `sum_k a[aAt + k] * b[bAt + k]` */
function dot(a: Float64Array, aAt: number, b: Float64Array, bAt: number, count: number): number {
  let sum = 0;
  for (let k = 0; k < count; k++) sum += (a[aAt + k] as number) * (b[bAt + k] as number);
  return sum;
}

/** Lower triangle L with `L L' = matrix`. */
export class Cholesky {
  readonly #size: number;
  readonly #lower: Float64Array;

  /**
   * @param matrix `[size, size]` row by row; only the lower triangle is read
   * @returns null when the matrix is not positive definite to working precision
   */
  static factor(matrix: Float64Array, size: number): Cholesky | null {
    const lower = matrix.slice();
    for (let first = 0; first < size; first += BLOCK) {
      const rows = Math.min(BLOCK, size - first);
      if (rows === BLOCK) eliminateFourRows(lower, size, first);
      else for (let i = first; i < size; i++) eliminateRow(lower, size, i, 0, first);
      for (let i = first; i < first + rows; i++) {
        eliminateRow(lower, size, i, first, i);
        const pivot = (lower[i * size + i] as number) - dot(lower, i * size, lower, i * size, i);
        // Written so that NaN fails as well.
        if (!(pivot > 0)) return null;
        lower[i * size + i] = Math.sqrt(pivot);
      }
    }
    return new Cholesky(lower, size);
  }

  private constructor(lower: Float64Array, size: number) {
    this.#lower = lower;
    this.#size = size;
  }

  /** `x` with `matrix x = right` */
  solve(right: Float64Array): Float64Array {
    const size = this.#size;
    const lower = this.#lower;
    const x = right.slice();
    for (let i = 0; i < size; i++) {
      x[i] = ((x[i] as number) - dot(lower, i * size, x, 0, i)) / (lower[i * size + i] as number);
    }
    for (let i = size - 1; i >= 0; i--) {
      const value = (x[i] as number) / (lower[i * size + i] as number);
      x[i] = value;
      for (let k = 0; k < i; k++) x[k] = (x[k] as number) - value * (lower[i * size + k] as number);
    }
    return x;
  }
}

/** Columns `from` to `to` of one row of L. */
function eliminateRow(lower: Float64Array, size: number, row: number, from: number, to: number): void {
  for (let j = from; j < to; j++) {
    const rest = (lower[row * size + j] as number) - dot(lower, row * size, lower, j * size, j);
    lower[row * size + j] = rest / (lower[j * size + j] as number);
  }
}

/** Columns before `first` of the four rows from `first` on. */
function eliminateFourRows(lower: Float64Array, size: number, first: number): void {
  const a = first * size;
  const b = a + size;
  const c = b + size;
  const d = c + size;
  for (let j = 0; j < first; j++) {
    const at = j * size;
    let sumA = lower[a + j] as number;
    let sumB = lower[b + j] as number;
    let sumC = lower[c + j] as number;
    let sumD = lower[d + j] as number;
    for (let k = 0; k < j; k++) {
      const value = lower[at + k] as number;
      sumA -= value * (lower[a + k] as number);
      sumB -= value * (lower[b + k] as number);
      sumC -= value * (lower[c + k] as number);
      sumD -= value * (lower[d + k] as number);
    }
    const pivot = lower[at + j] as number;
    lower[a + j] = sumA / pivot;
    lower[b + j] = sumB / pivot;
    lower[c + j] = sumC / pivot;
    lower[d + j] = sumD / pivot;
  }
}
