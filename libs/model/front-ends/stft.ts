/**
 * Short-time Fourier transform and its inverse, the separation networks' way into sound and out of it. Frames are
 * centred on multiples of the hop, the sound continued with silence at both ends, so that a sound of any length comes
 * back whole.
 *
 * @see Griffin & Lim 1984, "Signal estimation from modified short-time Fourier transform", for the inverse by least
 *   squares; Zhao et al. 2018, "The Sound of Pixels", for the window and the hop
 */
import { EarshotError } from '#core/errors';
import { RealDft } from './real-dft.ts';

export interface StftSpec {
  /** Length of the periodic Hann window, even. */
  windowSamples: number;
  /** Length of the transform, even; the window is followed by zeros up to it. */
  fftSize: number;
  /** At most half a window. It may be a fraction: the n-th frame stands at the sample nearest to `n * hopSamples`. */
  hopSamples: number;
}

/** The separation networks' transform: 512 frequencies of sound at 11 025 Hz. */
export const SEPARATION_STFT: StftSpec = { windowSamples: 1022, fftSize: 1022, hopSamples: 256 };
export const SEPARATION_RATE_HZ = 11_025;

export interface Spectrogram {
  frames: number;
  bins: number;
  /** `[frames, bins]`, row by row. */
  real: Float32Array;
  /** `[frames, bins]`, row by row. */
  imaginary: Float32Array;
}

/** Holds the window, transform and scratch memory of one spec. */
export class Stft {
  readonly spec: StftSpec;
  readonly bins: number;
  readonly #dft: RealDft;
  readonly #window: Float64Array;
  readonly #frame: Float64Array;
  readonly #spectrum: Float64Array;
  /** Sums of the squared windows over a sound of the last length that was asked for: windows share theirs. */
  #weight = new Float64Array(0);
  /** Of the frames of the sound that is being made, of that length as well. */
  #sum = new Float64Array(0);

  /** @throws EarshotError `invalid_argument` for a window that is odd, longer than the transform or under two hops */
  constructor(spec: StftSpec = SEPARATION_STFT) {
    const { windowSamples, fftSize, hopSamples } = spec;
    const fits = windowSamples % 2 === 0 && windowSamples <= fftSize;
    if (!fits || !(hopSamples >= 1) || 2 * hopSamples > windowSamples) {
      throw new EarshotError(
        'invalid_argument',
        `A window of ${windowSamples} samples must be even, fit into the transform (${fftSize}) and hold two hops (${hopSamples}).`,
      );
    }
    this.spec = spec;
    this.#dft = new RealDft(fftSize);
    this.bins = this.#dft.bins;
    this.#window = Float64Array.from(
      { length: windowSamples },
      (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / windowSamples),
    );
    this.#frame = new Float64Array(fftSize);
    this.#spectrum = new Float64Array(2 * this.bins);
  }

  frameCount(sampleCount: number): number {
    return 1 + Math.floor(sampleCount / this.spec.hopSamples);
  }

  /** First sample under a frame's window; it may lie before the sound. */
  #frameStart(frame: number): number {
    return Math.round(frame * this.spec.hopSamples) - this.spec.windowSamples / 2;
  }

  /**
   * @param samples mono `[samples]`, of any length
   * @param memory  an earlier spectrogram of this length that is no longer needed, to be written over
   */
  forward(samples: Float32Array, memory?: Spectrogram): Spectrogram {
    const frames = this.frameCount(samples.length);
    const { bins } = this;
    const { real, imaginary } =
      memory?.real.length === frames * bins
        ? memory
        : { real: new Float32Array(frames * bins), imaginary: new Float32Array(frames * bins) };
    const { windowSamples } = this.spec;
    const [values, window, spectrum] = [this.#frame, this.#window, this.#spectrum];
    for (let frame = 0; frame < frames; frame++) {
      const start = this.#frameStart(frame);
      values.fill(0);
      const end = Math.min(windowSamples, samples.length - start);
      for (let n = Math.max(0, -start); n < end; n++) {
        values[n] = (samples[start + n] as number) * (window[n] as number);
      }
      this.#dft.forward(values, spectrum);
      for (let bin = 0, at = frame * bins; bin < bins; bin++, at++) {
        real[at] = spectrum[2 * bin] as number;
        imaginary[at] = spectrum[2 * bin + 1] as number;
      }
    }
    return { frames, bins, real, imaginary };
  }

  /**
   * The sound whose transform comes nearest to the given one: frames are windowed again, added up and divided by the
   * sum of the squared windows.
   *
   * @param sampleCount length of the sound that the spectrogram was made of
   * @throws EarshotError `shape_mismatch` when the spectrogram has another number of frames or frequencies
   */
  inverse(spectrogram: Spectrogram, sampleCount: number): Float32Array {
    const { bins } = this;
    const frames = this.frameCount(sampleCount);
    if (spectrogram.bins !== bins || spectrogram.frames !== frames) {
      throw new EarshotError(
        'shape_mismatch',
        `A sound of ${sampleCount} samples has [${frames}, ${bins}] values, not [${spectrogram.frames}, ${spectrogram.bins}].`,
      );
    }
    const weight = this.#weightOf(sampleCount);
    const sum = this.#sum.fill(0);
    const { real, imaginary } = spectrogram;
    const [values, spectrum] = [this.#frame, this.#spectrum];
    for (let frame = 0; frame < frames; frame++) {
      for (let bin = 0, at = frame * bins; bin < bins; bin++, at++) {
        spectrum[2 * bin] = real[at] as number;
        spectrum[2 * bin + 1] = imaginary[at] as number;
      }
      this.#dft.inverse(spectrum, values);
      this.#addFrame(frame, values, sum);
    }
    const out = new Float32Array(sampleCount);
    for (let n = 0; n < sampleCount; n++) out[n] = (sum[n] as number) / (weight[n] as number);
    return out;
  }

  /** Adds a frame's values, windowed, where the frame lies in the sound. */
  #addFrame(frame: number, values: Float64Array, sum: Float64Array): void {
    const start = this.#frameStart(frame);
    const end = Math.min(this.spec.windowSamples, sum.length - start);
    const window = this.#window;
    for (let n = Math.max(0, -start); n < end; n++) {
      sum[start + n] = (sum[start + n] as number) + (values[n] as number) * (window[n] as number);
    }
  }

  #weightOf(sampleCount: number): Float64Array {
    if (this.#weight.length !== sampleCount) {
      this.#sum = new Float64Array(sampleCount);
      this.#weight = new Float64Array(sampleCount);
      for (let frame = 0; frame < this.frameCount(sampleCount); frame++)
        this.#addFrame(frame, this.#window, this.#weight);
    }
    return this.#weight;
  }
}

/** `[frames, bins]` */
export function magnitudes({ real, imaginary }: Spectrogram): Float32Array {
  const out = new Float32Array(real.length);
  for (let i = 0; i < out.length; i++) {
    const re = real[i] as number;
    const im = imaginary[i] as number;
    out[i] = Math.sqrt(re * re + im * im);
  }
  return out;
}

/**
 * The mask on the linear magnitudes, with the phase kept.
 *
 * @param mask `[frames, bins]`, not negative
 * @param masked receives the answer; it may be the spectrogram itself
 * @throws EarshotError `shape_mismatch`
 */
export function applyMask(
  spectrogram: Spectrogram,
  mask: Float32Array,
  masked: Spectrogram = emptyLike(spectrogram),
): Spectrogram {
  const { frames, bins, real, imaginary } = spectrogram;
  if (mask.length !== frames * bins) {
    throw new EarshotError('shape_mismatch', `A mask of ${mask.length} values for [${frames}, ${bins}].`);
  }
  const out = { real: masked.real, imaginary: masked.imaginary };
  for (let i = 0; i < real.length; i++) {
    const share = mask[i] as number;
    out.real[i] = (real[i] as number) * share;
    out.imaginary[i] = (imaginary[i] as number) * share;
  }
  return masked;
}

function emptyLike({ frames, bins, real }: Spectrogram): Spectrogram {
  return { frames, bins, real: new Float32Array(real.length), imaginary: new Float32Array(real.length) };
}
