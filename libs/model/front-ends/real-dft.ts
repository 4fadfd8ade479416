/**
 * Discrete Fourier transform of real signals of any even length: the half-length complex transform of the even and
 * odd samples, by FFT where that length is a power of two and by Bluestein's chirp convolution where it is not.
 *
 * @see Bluestein 1970, "A linear filtering approach to the computation of discrete Fourier transform"
 */
import FFT from 'fft.js';
import { EarshotError } from '#core/errors';

/** Complex transform of interleaved `[size * 2]` values; not scaled. */
interface ComplexDft {
  /** @returns memory of its own, which the next call writes over */
  transform(values: Float64Array): Float64Array;
}

class PowerOfTwoDft implements ComplexDft {
  readonly #fft: FFT;
  readonly #output: Float64Array;

  constructor(size: number) {
    this.#fft = new FFT(size);
    this.#output = new Float64Array(2 * size);
  }

  transform(values: Float64Array): Float64Array {
    this.#fft.transform(this.#output, values);
    return this.#output;
  }
}

/** `X[k] = w[k] sum_n (x[n] w[n]) conj(w[k - n])` with `w[n] = exp(-i pi n^2 / size)`: a convolution. */
class ChirpDft implements ComplexDft {
  readonly #size: number;
  readonly #fft: FFT;
  readonly #chirp: Float64Array;
  readonly #kernel: Float64Array;
  readonly #work: Float64Array;
  readonly #spectrum: Float64Array;
  readonly #output: Float64Array;

  constructor(size: number) {
    const padded = 2 ** Math.ceil(Math.log2(2 * size - 1));
    this.#size = size;
    this.#fft = new FFT(padded);
    this.#chirp = new Float64Array(2 * size);
    this.#work = new Float64Array(2 * padded);
    this.#spectrum = new Float64Array(2 * padded);
    this.#output = new Float64Array(2 * size);
    const kernel = new Float64Array(2 * padded);
    for (let n = 0; n < size; n++) {
      // The angle repeats after 2 * size; squares of long transforms would lose its last digits.
      const angle = (Math.PI * ((n * n) % (2 * size))) / size;
      this.#chirp[2 * n] = Math.cos(angle);
      this.#chirp[2 * n + 1] = -Math.sin(angle);
      for (const at of n === 0 ? [0] : [n, padded - n]) {
        kernel[2 * at] = Math.cos(angle);
        kernel[2 * at + 1] = Math.sin(angle);
      }
    }
    this.#kernel = new Float64Array(2 * padded);
    this.#fft.transform(this.#kernel, kernel);
  }

  transform(values: Float64Array): Float64Array {
    const work = this.#work;
    const spectrum = this.#spectrum;
    multiplyComplex(values, this.#chirp, work, this.#size);
    work.fill(0, 2 * this.#size);
    this.#fft.transform(spectrum, work);
    multiplyComplex(spectrum, this.#kernel, spectrum, spectrum.length / 2);
    this.#fft.inverseTransform(work, spectrum);
    multiplyComplex(work, this.#chirp, this.#output, this.#size);
    return this.#output;
  }
}

/** Interleaved complex products of the first `count` values; `out` may be one of the factors. */
function multiplyComplex(a: Float64Array, b: Float64Array, out: Float64Array, count: number): void {
  for (let i = 0; i < 2 * count; i += 2) {
    const re = a[i] as number;
    const im = a[i + 1] as number;
    const bRe = b[i] as number;
    const bIm = b[i + 1] as number;
    out[i] = re * bRe - im * bIm;
    out[i + 1] = re * bIm + im * bRe;
  }
}

export class RealDft {
  readonly size: number;
  /** Frequencies from zero to Nyquist: `size / 2 + 1`. */
  readonly bins: number;
  readonly #half: number;
  readonly #complex: ComplexDft;
  readonly #packed: Float64Array;
  /** `exp(-2 pi i k / size)` for `k = 0 .. size / 2`, interleaved. */
  readonly #twiddles: Float64Array;

  /** @throws EarshotError `invalid_argument` unless `size` is even and at least 4 */
  constructor(size: number) {
    if (!Number.isInteger(size) || size < 4 || size % 2 !== 0) {
      throw new EarshotError(
        'invalid_argument',
        `A transform needs an even size of at least 4, not ${size}.`,
      );
    }
    this.size = size;
    this.#half = size / 2;
    this.bins = this.#half + 1;
    const isPowerOfTwo = (this.#half & (this.#half - 1)) === 0;
    this.#complex = isPowerOfTwo ? new PowerOfTwoDft(this.#half) : new ChirpDft(this.#half);
    this.#packed = new Float64Array(size);
    this.#twiddles = new Float64Array(2 * this.bins);
    for (let k = 0; k < this.bins; k++) {
      this.#twiddles[2 * k] = Math.cos((2 * Math.PI * k) / size);
      this.#twiddles[2 * k + 1] = -Math.sin((2 * Math.PI * k) / size);
    }
  }

  /**
   * @param samples  `[size]`
   * @param spectrum receives `[bins * 2]`, real and imaginary parts in turn
   */
  forward(samples: Float64Array, spectrum: Float64Array): void {
    const [twiddles, half] = [this.#twiddles, this.#half];
    // Even samples are the real parts, odd ones the imaginary parts.
    const packed = this.#complex.transform(samples);
    const [even, odd] = [packed[0] as number, packed[1] as number];
    spectrum[0] = even + odd;
    spectrum[1] = 0;
    spectrum[2 * half] = even - odd;
    spectrum[2 * half + 1] = 0;
    // Frequencies mirrored at a quarter of the size are made of the same two values.
    for (let a = 2, b = 2 * half - 2; a <= b; a += 2, b -= 2) {
      const evenRe = ((packed[a] as number) + (packed[b] as number)) / 2;
      const evenIm = ((packed[a + 1] as number) - (packed[b + 1] as number)) / 2;
      const oddRe = ((packed[a + 1] as number) + (packed[b + 1] as number)) / 2;
      const oddIm = ((packed[b] as number) - (packed[a] as number)) / 2;
      const cos = twiddles[a] as number;
      const sin = twiddles[a + 1] as number;
      const turnedRe = oddRe * cos - oddIm * sin;
      const turnedIm = oddRe * sin + oddIm * cos;
      spectrum[a] = evenRe + turnedRe;
      spectrum[a + 1] = evenIm + turnedIm;
      spectrum[b] = evenRe - turnedRe;
      spectrum[b + 1] = turnedIm - evenIm;
    }
  }

  /**
   * @param spectrum `[bins * 2]`; the imaginary parts at zero and Nyquist do not count
   * @param samples  receives `[size]`
   */
  inverse(spectrum: Float64Array, samples: Float64Array): void {
    const [packed, twiddles, half] = [this.#packed, this.#twiddles, this.#half];
    const [zero, nyquist] = [spectrum[0] as number, spectrum[2 * half] as number];
    // The inverse is the forward transform of the conjugate, conjugated.
    packed[0] = (zero + nyquist) / 2;
    packed[1] = (nyquist - zero) / 2;
    for (let a = 2, b = 2 * half - 2; a <= b; a += 2, b -= 2) {
      const evenRe = ((spectrum[a] as number) + (spectrum[b] as number)) / 2;
      const evenIm = ((spectrum[a + 1] as number) - (spectrum[b + 1] as number)) / 2;
      const differenceRe = ((spectrum[a] as number) - (spectrum[b] as number)) / 2;
      const differenceIm = ((spectrum[a + 1] as number) + (spectrum[b + 1] as number)) / 2;
      const cos = twiddles[a] as number;
      const sin = -(twiddles[a + 1] as number);
      const oddRe = differenceRe * cos - differenceIm * sin;
      const oddIm = differenceRe * sin + differenceIm * cos;
      packed[a] = evenRe - oddIm;
      packed[a + 1] = -(evenIm + oddRe);
      packed[b] = evenRe + oddIm;
      packed[b + 1] = evenIm - oddRe;
    }
    const turned = this.#complex.transform(packed);
    for (let i = 0; i < turned.length; i += 2) {
      samples[i] = (turned[i] as number) / half;
      samples[i + 1] = -(turned[i + 1] as number) / half;
    }
  }
}
