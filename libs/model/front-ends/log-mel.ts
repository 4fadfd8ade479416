/**
 * Log-mel spectrogram of mono sound, the audio towers' input. The recipe is YAMNet's: 25 ms periodic Hann window,
 * 10 ms hop, FFT of 512, magnitude, 64 HTK-mel triangles from 125 to 7500 Hz, `ln(mel + 0.001)`.
 *
 * @see https://github.com/tensorflow/models/tree/master/research/audioset/yamnet (params.py, features.py)
 */
import FFT from 'fft.js';
import { EarshotError } from '#core/errors';

export interface LogMelSpec {
  sampleRateHz: number;
  windowSec: number;
  hopSec: number;
  bands: number;
  lowHz: number;
  highHz: number;
  /** Added before the logarithm. */
  offset: number;
}

export const YAMNET_LOG_MEL: LogMelSpec = {
  sampleRateHz: 16_000,
  windowSec: 0.025,
  hopSec: 0.01,
  bands: 64,
  lowHz: 125,
  highHz: 7500,
  offset: 0.001,
};

export interface LogMel {
  /** `[frames, bands]`, row by row. */
  data: Float32Array;
  frames: number;
  bands: number;
}

/** HTK mel scale. */
export function hertzToMel(hertz: number): number {
  return 1127 * Math.log(1 + hertz / 700);
}

/**
 * Triangular mel filters, linear in mel and not normalised; the zero-frequency bin carries nothing.
 *
 * @returns one row of `fftSize / 2 + 1` weights for each band
 * @see tf.signal.linear_to_mel_weight_matrix
 */
export function melFilters(spec: LogMelSpec, fftSize: number): Float32Array[] {
  const bins = fftSize / 2 + 1;
  const lowMel = hertzToMel(spec.lowHz);
  const stepMel = (hertzToMel(spec.highHz) - lowMel) / (spec.bands + 1);
  return Array.from({ length: spec.bands }, (_, band) => {
    const left = lowMel + band * stepMel;
    const centre = left + stepMel;
    const right = centre + stepMel;
    const weights = new Float32Array(bins);
    for (let bin = 1; bin < bins; bin++) {
      const mel = hertzToMel((bin * spec.sampleRateHz) / fftSize);
      weights[bin] = Math.max(0, Math.min((mel - left) / stepMel, (right - mel) / stepMel));
    }
    return weights;
  });
}

/** One filter's weights without the zeros around them: most of a triangle's row is empty. */
interface SparseFilter {
  firstBin: number;
  weights: Float32Array;
}

function sparse(row: Float32Array): SparseFilter {
  const firstBin = row.findIndex((w) => w > 0);
  if (firstBin < 0) return { firstBin: 0, weights: new Float32Array(0) };
  let end = row.length;
  while (row[end - 1] === 0) end--;
  return { firstBin, weights: row.slice(firstBin, end) };
}

/** Memory of one transform. */
interface Scratch {
  input: Float64Array;
  spectrum: number[];
  magnitude: Float64Array;
}

/** Holds the window, filters and scratch memory of one spec, so that many clips cost no set-up. */
export class LogMelFrontEnd {
  readonly spec: LogMelSpec;
  readonly windowSamples: number;
  readonly hopSamples: number;
  readonly #fftSize: number;
  readonly #fft: FFT;
  readonly #window: Float64Array;
  readonly #filters: SparseFilter[];

  constructor(spec: LogMelSpec = YAMNET_LOG_MEL) {
    this.spec = spec;
    this.windowSamples = Math.round(spec.windowSec * spec.sampleRateHz);
    this.hopSamples = Math.round(spec.hopSec * spec.sampleRateHz);
    this.#fftSize = 2 ** Math.ceil(Math.log2(this.windowSamples));
    this.#fft = new FFT(this.#fftSize);
    this.#window = Float64Array.from(
      { length: this.windowSamples },
      (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / this.windowSamples),
    );
    this.#filters = melFilters(spec, this.#fftSize).map(sparse);
  }

  /** How many frames a waveform of this many samples gives; nothing is padded. */
  frameCount(sampleCount: number): number {
    return Math.max(0, Math.floor((sampleCount - this.windowSamples) / this.hopSamples) + 1);
  }

  /**
   * @param samples mono `[samples]` in [-1, 1] at the spec's rate
   * @param frames  exact number of frames wanted: the sound is zero-padded or cut to it
   * @throws EarshotError `too_short` when no whole window fits and `frames` is not given
   */
  compute(samples: Float32Array, frames = this.frameCount(samples.length)): LogMel {
    if (frames < 1) {
      throw new EarshotError(
        'too_short',
        `At least ${this.windowSamples} samples are needed, ${samples.length} were given.`,
      );
    }
    const { bands, offset } = this.spec;
    const data = new Float32Array(frames * bands);
    const scratch = this.#scratch();
    for (let frame = 0; frame < frames; frame++) {
      this.#transform(samples, frame * this.hopSamples, scratch);
      for (let band = 0; band < bands; band++)
        data[frame * bands + band] = Math.log(this.#bandSum(band, scratch.magnitude) + offset);
    }
    return { data, frames, bands };
  }

  /**
   * The transposed Jacobian of `compute` at `samples`: how a scalar changes with each sample, when `gradient` says how
   * it changes with each value of the log-mel. A bin of magnitude zero, where the magnitude has no slope, passes
   * nothing on.
   *
   * @param samples  what `compute` was given
   * @param gradient `[frames, bands]`
   * @returns `[samples]`
   */
  gradient(samples: Float32Array, gradient: Float32Array): Float32Array {
    const { bands, offset } = this.spec;
    const out = new Float64Array(samples.length);
    const scratch = this.#scratch();
    const { magnitude, spectrum } = scratch;
    const slope = new Float64Array(magnitude.length);
    const wave = this.#fft.createComplexArray();
    for (let frame = 0; frame < gradient.length / bands; frame++) {
      const start = frame * this.hopSamples;
      if (start >= samples.length) break;
      this.#transform(samples, start, scratch);
      slope.fill(0);
      for (let band = 0; band < bands; band++) {
        const perMel = (gradient[frame * bands + band] as number) / (this.#bandSum(band, magnitude) + offset);
        const { firstBin, weights } = this.#filters[band] as SparseFilter;
        for (let i = 0; i < weights.length; i++)
          slope[firstBin + i] = (slope[firstBin + i] as number) + perMel * (weights[i] as number);
      }
      // d|X|/dx_n = Re(X / |X| * exp(2 pi i k n / N)): an inverse transform of the half spectrum's directions.
      for (let bin = 0; bin < this.#fftSize; bin++) {
        const size = magnitude[bin] ?? 0;
        for (const part of [2 * bin, 2 * bin + 1])
          spectrum[part] = size > 0 ? ((spectrum[part] as number) / size) * (slope[bin] as number) : 0;
      }
      this.#fft.inverseTransform(wave, spectrum);
      const end = Math.min(this.windowSamples, samples.length - start);
      for (let n = 0; n < end; n++)
        out[start + n] =
          (out[start + n] as number) + this.#fftSize * (wave[2 * n] as number) * (this.#window[n] as number);
    }
    return Float32Array.from(out);
  }

  #scratch(): Scratch {
    return {
      input: new Float64Array(this.#fftSize),
      spectrum: this.#fft.createComplexArray(),
      magnitude: new Float64Array(this.#fftSize / 2 + 1),
    };
  }

  /** Spectrum and magnitude of the window that begins at `start`; beyond the sound there is silence. */
  #transform(samples: Float32Array, start: number, { input, spectrum, magnitude }: Scratch): void {
    const window = this.#window;
    const available = Math.max(0, Math.min(window.length, samples.length - start));
    for (let n = 0; n < available; n++) input[n] = (samples[start + n] as number) * (window[n] as number);
    input.fill(0, available, window.length);
    this.#fft.realTransform(spectrum, input);
    for (let bin = 0; bin < magnitude.length; bin++) {
      const real = spectrum[2 * bin] as number;
      const imaginary = spectrum[2 * bin + 1] as number;
      // `Math.hypot` guards against overflow, which no sound comes near, and takes longer than all the rest.
      magnitude[bin] = Math.sqrt(real * real + imaginary * imaginary);
    }
  }

  #bandSum(band: number, magnitude: Float64Array): number {
    const { firstBin, weights } = this.#filters[band] as SparseFilter;
    let sum = 0;
    for (let i = 0; i < weights.length; i++)
      sum += (weights[i] as number) * (magnitude[firstBin + i] as number);
    return sum;
  }
}
