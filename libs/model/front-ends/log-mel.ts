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
    const input = new Float64Array(this.#fftSize);
    const spectrum = this.#fft.createComplexArray();
    const magnitude = new Float64Array(this.#fftSize / 2 + 1);
    for (let frame = 0; frame < frames; frame++) {
      this.#windowed(samples, frame * this.hopSamples, input);
      this.#fft.realTransform(spectrum, input);
      for (let bin = 0; bin < magnitude.length; bin++) {
        const real = spectrum[2 * bin] as number;
        const imaginary = spectrum[2 * bin + 1] as number;
        // `Math.hypot` guards against overflow, which no sound comes near, and takes longer than all the rest.
        magnitude[bin] = Math.sqrt(real * real + imaginary * imaginary);
      }
      for (let band = 0; band < bands; band++) {
        const { firstBin, weights } = this.#filters[band] as SparseFilter;
        let sum = 0;
        for (let i = 0; i < weights.length; i++)
          sum += (weights[i] as number) * (magnitude[firstBin + i] as number);
        data[frame * bands + band] = Math.log(sum + offset);
      }
    }
    return { data, frames, bands };
  }

  /** One window of the sound, zeros after its end. */
  #windowed(samples: Float32Array, start: number, input: Float64Array): void {
    const window = this.#window;
    const available = Math.max(0, Math.min(window.length, samples.length - start));
    for (let n = 0; n < available; n++) input[n] = (samples[start + n] as number) * (window[n] as number);
    input.fill(0, available, window.length);
  }
}
