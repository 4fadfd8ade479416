/**
 * Magnitudes on a logarithmic axis of frequency, as the separation networks see them, and their masks back on the
 * linear axis. Row `i` of 256 stands at `(21^(i / 255) - 1) / 20` of the top frequency, between rows linearly.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels", section 3.2; the curve is that of the published code (`warpgrid`)
 */
import { EarshotError } from '#core/errors';
import { SEPARATION_RATE_HZ, SEPARATION_STFT } from './stft.ts';

export const LOG_FREQUENCY_BINS = 256;
/** Where the networks' band ends: half of their sample rate. */
const LOG_FREQUENCY_TOP_HZ = SEPARATION_RATE_HZ / 2;

/** How far the curve bends: from its lowest to its highest row the steps grow 21 times. */
const BEND = 20;
/** Part of the band, from its top, whose mean mask stands for all that lies above. */
const EDGE_SHARE = 1 / 16;

/** Frequency at a row, which may be a fraction, of the logarithmic axis. */
export function rowToHertz(row: number): number {
  return ((BEND + 1) ** (row / (LOG_FREQUENCY_BINS - 1)) - 1) * (LOG_FREQUENCY_TOP_HZ / BEND);
}

/** Row, with its fraction, at which a frequency stands. */
export function hertzToRow(hertz: number): number {
  return (Math.log1p((BEND * hertz) / LOG_FREQUENCY_TOP_HZ) / Math.log(BEND + 1)) * (LOG_FREQUENCY_BINS - 1);
}

/** Linear interpolation from one axis to another: value `i` lies `fraction[i]` of the way from `lower[i]` to the next. */
interface Sampling {
  lower: Int32Array;
  fraction: Float32Array;
}

/** @param positions on an axis of `size` points; what lies past its end is marked by `lower = -1` */
function sampling(positions: readonly number[], size: number): Sampling {
  const lower = new Int32Array(positions.length);
  const fraction = new Float32Array(positions.length);
  positions.forEach((position, i) => {
    // Rounding may put the last point a hair beyond the axis.
    if (position > size - 1 + 1e-6) {
      lower[i] = -1;
      return;
    }
    const floor = Math.max(0, Math.min(size - 2, Math.floor(position)));
    lower[i] = floor;
    fraction[i] = Math.min(1, position - floor);
  });
  return { lower, fraction };
}

/** Carries magnitudes and masks between the linear axis of one transform and the networks' axis. */
export class LogFrequencyWarp {
  readonly linearBins: number;
  readonly #toLog: Sampling;
  readonly #toLinear: Sampling;
  readonly #edgeRow: number;

  /** @param axis rate and transform length of the linear spectrogram; the networks' own unless told */
  constructor(
    axis: { sampleRateHz: number; fftSize: number } = {
      sampleRateHz: SEPARATION_RATE_HZ,
      fftSize: SEPARATION_STFT.fftSize,
    },
  ) {
    const binHz = axis.sampleRateHz / axis.fftSize;
    this.linearBins = axis.fftSize / 2 + 1;
    const rows = Array.from({ length: LOG_FREQUENCY_BINS }, (_, row) => rowToHertz(row) / binHz);
    const bins = Array.from({ length: this.linearBins }, (_, bin) => hertzToRow(bin * binHz));
    this.#toLog = sampling(rows, this.linearBins);
    this.#toLinear = sampling(bins, LOG_FREQUENCY_BINS);
    this.#edgeRow = Math.floor(hertzToRow((1 - EDGE_SHARE) * LOG_FREQUENCY_TOP_HZ));
  }

  /**
   * @param magnitudes `[frames, linearBins]`
   * @returns `[frames, 256]`; rows above the transform's Nyquist frequency are zero
   * @throws EarshotError `shape_mismatch`
   */
  warp(magnitudes: Float32Array, frames: number): Float32Array {
    checkSize(magnitudes, frames, this.linearBins);
    const out = new Float32Array(frames * LOG_FREQUENCY_BINS);
    for (let frame = 0; frame < frames; frame++) {
      resample(this.#toLog, magnitudes, frame * this.linearBins, out, frame * LOG_FREQUENCY_BINS, 0);
    }
    return out;
  }

  /**
   * A mask of the networks' on the linear axis. Above the networks' band, where they hear nothing, it goes on with
   * the mean of its uppermost sixteenth, so that no sound loses its full bandwidth.
   *
   * @param mask `[frames, 256]`
   * @param out  receives `[frames, linearBins]`
   * @throws EarshotError `shape_mismatch`
   */
  unwarp(
    mask: Float32Array,
    frames: number,
    out: Float32Array = new Float32Array(frames * this.linearBins),
  ): Float32Array {
    checkSize(mask, frames, LOG_FREQUENCY_BINS);
    checkSize(out, frames, this.linearBins);
    for (let frame = 0; frame < frames; frame++) {
      const at = frame * LOG_FREQUENCY_BINS;
      let edge = 0;
      for (let row = this.#edgeRow; row < LOG_FREQUENCY_BINS; row++) edge += mask[at + row] as number;
      edge /= LOG_FREQUENCY_BINS - this.#edgeRow;
      resample(this.#toLinear, mask, at, out, frame * this.linearBins, edge);
    }
    return out;
  }
}

function resample(
  { lower, fraction }: Sampling,
  values: Float32Array,
  at: number,
  out: Float32Array,
  outAt: number,
  beyond: number,
): void {
  for (let i = 0; i < lower.length; i++) {
    const from = lower[i] as number;
    if (from < 0) {
      out[outAt + i] = beyond;
      continue;
    }
    const a = values[at + from] as number;
    out[outAt + i] = a + (fraction[i] as number) * ((values[at + from + 1] as number) - a);
  }
}

function checkSize(values: Float32Array, frames: number, bins: number): void {
  if (values.length !== frames * bins) {
    throw new EarshotError('shape_mismatch', `[${frames}, ${bins}] values are needed, not ${values.length}.`);
  }
}
