/**
 * Least-squares projection of a sound onto what short filters can make of given sources: the decomposition behind
 * BSS-eval. Correlations are computed by Fourier transform; their block-Toeplitz matrix is factored once for each set
 * of sources.
 *
 * @see Vincent, Gribonval & Fevotte 2006, "Performance measurement in blind audio source separation", section III.B
 */
import { EarshotError } from '#core/errors';
import { RealDft } from '../front-ends/real-dft.ts';
import { Cholesky } from './cholesky.ts';

/**
 * Added to the diagonal, as a share of its mean: sounds without content in some band (every resampled one) make a
 * matrix that is singular to working precision. It is raised until the factors exist.
 */
const FIRST_RIDGE = 1e-12;
const LAST_RIDGE = 1e-4;

export class FilteredProjection {
  readonly #taps: number;
  readonly #dft: RealDft;
  /** Of every source, zero-padded. */
  readonly #spectra: Float64Array[];
  /** Of the whole matrix, then of each source's own block. */
  readonly #all: Cholesky;
  readonly #own: Cholesky[];

  /**
   * @param sources at least one, `[samples]` each, none of them silent
   * @param taps    length of the filters
   */
  constructor(sources: readonly Float32Array[], taps: number) {
    const samples = sources[0]?.length ?? 0;
    this.#taps = taps;
    this.#dft = new RealDft(Math.max(4, 2 ** Math.ceil(Math.log2(samples + taps))));
    this.#spectra = sources.map((source) => this.spectrum(source));
    const matrix = this.#gramMatrix();
    const size = sources.length * taps;
    this.#all = factor(matrix, size);
    this.#own = sources.map((_, source) => factor(diagonalBlock(matrix, size, source, taps), taps));
  }

  /** Spectrum of a sound, followed by silence. */
  spectrum(sound: ArrayLike<number>): Float64Array {
    const padded = new Float64Array(this.#dft.size);
    padded.set(sound);
    const out = new Float64Array(2 * this.#dft.bins);
    this.#dft.forward(padded, out);
    return out;
  }

  /**
   * @param estimate its spectrum
   * @returns spectra of its projections: onto all sources, and onto each alone
   */
  project(estimate: Float64Array): { onAll: Float64Array; onEach: Float64Array[] } {
    const taps = this.#taps;
    const right = new Float64Array(this.#spectra.length * taps);
    this.#spectra.forEach((spectrum, source) => {
      right.set(this.#correlation(spectrum, estimate).subarray(0, taps), source * taps);
    });
    const part = (values: Float64Array, source: number) =>
      values.subarray(source * taps, (source + 1) * taps);
    const filters = this.#all.solve(right);
    const onAll = new Float64Array(estimate.length);
    this.#spectra.forEach((spectrum, source) => {
      addProduct(onAll, spectrum, this.spectrum(part(filters, source)));
    });
    const onEach = this.#spectra.map((spectrum, source) => {
      const own = (this.#own[source] as Cholesky).solve(part(right, source).slice());
      const out = new Float64Array(estimate.length);
      addProduct(out, spectrum, this.spectrum(own));
      return out;
    });
    return { onAll, onEach };
  }

  /** Energy of the sound with this spectrum (Parseval). */
  energy(spectrum: Float64Array): number {
    let sum = 0;
    for (let i = 0; i < spectrum.length; i++) sum += (spectrum[i] as number) ** 2;
    const last = spectrum.length - 2;
    const once = (spectrum[0] as number) ** 2 + (spectrum[last] as number) ** 2;
    return (2 * sum - once) / this.#dft.size;
  }

  /** `r[m] = sum_t a[t] b[t + m]`; negative `m` from the end. */
  #correlation(a: Float64Array, b: Float64Array): Float64Array {
    const product = new Float64Array(a.length);
    for (let i = 0; i < a.length; i += 2) {
      const re = a[i] as number;
      const im = a[i + 1] as number;
      const bRe = b[i] as number;
      const bIm = b[i + 1] as number;
      product[i] = re * bRe + im * bIm;
      product[i + 1] = re * bIm - im * bRe;
    }
    const out = new Float64Array(this.#dft.size);
    this.#dft.inverse(product, out);
    return out;
  }

  /** Inner products of every source delayed by every tap, `[sources * taps, sources * taps]`: its lower triangle. */
  #gramMatrix(): Float64Array {
    const taps = this.#taps;
    const size = this.#spectra.length * taps;
    const matrix = new Float64Array(size * size);
    this.#spectra.forEach((a, i) => {
      this.#spectra.slice(0, i + 1).forEach((b, j) => {
        const correlation = this.#correlation(a, b);
        for (let row = 0; row < taps; row++) {
          const at = (i * taps + row) * size + j * taps;
          for (let column = 0; column < taps; column++) {
            const lag = row - column;
            matrix[at + column] = correlation[lag < 0 ? correlation.length + lag : lag] as number;
          }
        }
      });
    });
    return matrix;
  }
}

function addProduct(out: Float64Array, a: Float64Array, b: Float64Array): void {
  for (let i = 0; i < out.length; i += 2) {
    const re = a[i] as number;
    const im = a[i + 1] as number;
    const bRe = b[i] as number;
    const bIm = b[i + 1] as number;
    out[i] = (out[i] as number) + re * bRe - im * bIm;
    out[i + 1] = (out[i + 1] as number) + re * bIm + im * bRe;
  }
}

function diagonalBlock(matrix: Float64Array, size: number, block: number, taps: number): Float64Array {
  const out = new Float64Array(taps * taps);
  for (let row = 0; row < taps; row++) {
    const at = (block * taps + row) * size + block * taps;
    out.set(matrix.subarray(at, at + taps), row * taps);
  }
  return out;
}

function factor(matrix: Float64Array, size: number): Cholesky {
  let trace = 0;
  for (let i = 0; i < size; i++) trace += matrix[i * size + i] as number;
  for (let ridge = FIRST_RIDGE; ridge <= LAST_RIDGE; ridge *= 10) {
    const loaded = matrix.slice();
    for (let i = 0; i < size; i++) {
      loaded[i * size + i] = (loaded[i * size + i] as number) + (ridge * trace) / size;
    }
    const factors = Cholesky.factor(loaded, size);
    if (factors) return factors;
  }
  throw new EarshotError('invalid_argument', 'References need finite samples and some sound in each.');
}
