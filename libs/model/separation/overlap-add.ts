/**
 * Separation of a sound of any length, rate and number of channels by networks that hear five seconds of mono at
 * 11 025 Hz: windows that overlap and fade into each other, in memory that does not grow with the sound.
 *
 * The short-time transform runs at the sound's own rate with a window and a hop of the networks' duration, so one
 * transform serves both sides: its magnitudes, read at the networks' frequencies, are what the networks would have
 * heard of the resampled sound, and their mask goes back onto the very spectrogram that the output is made of. The
 * output has the sound's full bandwidth (the mask goes on above the networks' band, see `LogFrequencyWarp.unwarp`)
 * and every channel's own phase. No sample is ever clipped; a target may exceed the mixture's peak.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels"; Allen & Rabiner 1977 for overlap-add
 */
import { EarshotError } from '#core/errors';
import { LogFrequencyWarp } from '../front-ends/log-frequency.ts';
import {
  applyMask,
  SEPARATION_RATE_HZ,
  SEPARATION_STFT,
  type Spectrogram,
  Stft,
} from '../front-ends/stft.ts';

/** Frames that the networks hear at once: 5.02 s, the length of what the guide sees. */
export const SEPARATION_FRAMES = 216;
/** The sound behind them at the networks' rate. */
const NETWORK_SAMPLES = SEPARATION_FRAMES * SEPARATION_STFT.hopSamples - 1;
const LOWEST_RATE_HZ = 4000;

/** What the networks hear of one window. */
export interface SeparationWindow {
  /** Where the window begins in the sound. */
  startSec: number;
  /** Seconds of sound in it; a sound that ends earlier is followed by silence. */
  durationSec: number;
  /** Log-frequency magnitudes over all channels, `[216 frames, 256 rows]`, at the scale of the networks' transform. */
  magnitudes: Float32Array;
}

export interface SeparationOptions {
  sampleRateHz: number;
  channels: number;
  /** Mask on the log-frequency axis, `[216 frames, 256 rows]`, not negative. */
  mask: (window: SeparationWindow) => Promise<Float32Array>;
  /** Length of the cross-fades, 1 s unless told; more than zero and under half a window. */
  overlapSec?: number;
}

export interface SeparatedBlock {
  /** Position of the block's first sample in the sound. */
  startSample: number;
  /** One array a channel. */
  target: Float32Array[];
  /** One array a channel: the mixture less the target. */
  residual: Float32Array[];
}

/**
 * @param blocks the mixture, one array a channel in each block, blocks of any length; they are held, not copied
 * @returns blocks that follow each other without gaps and end where the mixture ends
 * @throws EarshotError `invalid_argument` for a rate, overlap or number of channels that cannot be,
 *   `shape_mismatch` for a mask or block of another shape
 */
export async function* separateBlocks(
  blocks: AsyncIterable<Float32Array[]> | Iterable<Float32Array[]>,
  options: SeparationOptions,
): AsyncGenerator<SeparatedBlock> {
  const separator = new WindowSeparator(options);
  const { windowSamples, overlapSamples } = separator;
  const stepSamples = windowSamples - overlapSamples;
  const mixture = new SlidingSamples(options.channels);
  let start = 0;
  let tail: Float32Array[] | null = null;
  for await (const block of blocks) {
    mixture.append(block);
    while (mixture.end >= start + windowSamples) {
      const target = await separator.separate(mixture.slice(start, start + windowSamples), start);
      // A view: of a window that is our own, the part behind it is touched no more.
      const held: Float32Array[] = target.map((channel) => channel.subarray(stepSamples));
      yield difference(mixture, start, joined(tail, target, 0, stepSamples, separator.fade));
      tail = held;
      start += stepSamples;
      // The last window reaches back as far as it can, at most to just after the one before.
      mixture.dropBefore(start - stepSamples);
    }
  }
  if (mixture.end === 0) return;
  if (tail !== null && mixture.end === start + overlapSamples) {
    yield difference(mixture, start, tail);
    return;
  }
  const from = Math.max(0, mixture.end - windowSamples);
  const target = await separator.separate(mixture.slice(from, mixture.end), from);
  yield difference(mixture, start, joined(tail, target, start - from, mixture.end - from, separator.fade));
}

/** Samples `from` to `to` of a window's target, in its place faded in over the tail of the window before. */
function joined(
  tail: Float32Array[] | null,
  target: Float32Array[],
  from: number,
  to: number,
  fade: Float32Array,
): Float32Array[] {
  return target.map((channel, c) => {
    const out = channel.subarray(from, to);
    const before = tail?.[c];
    if (before) fadeIn(out, before, fade);
    return out;
  });
}

function fadeIn(out: Float32Array, before: Float32Array, fade: Float32Array): void {
  for (let i = 0; i < fade.length; i++) {
    const old = before[i] as number;
    out[i] = old + (fade[i] as number) * ((out[i] as number) - old);
  }
}

function difference(mixture: SlidingSamples, startSample: number, target: Float32Array[]): SeparatedBlock {
  const end = startSample + (target[0] as Float32Array).length;
  const residual = mixture.slice(startSample, end).map((channel, c) => {
    // The slice is our own: what is left of it is the residual.
    subtract(channel, target[c] as Float32Array);
    return channel;
  });
  return { startSample, target, residual };
}

function subtract(values: Float32Array, taken: Float32Array): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) - (taken[i] as number);
}

/** One window at the mixture's own rate. */
class WindowSeparator {
  readonly windowSamples: number;
  readonly overlapSamples: number;
  /** Rising from 0 to 1 over the overlap, with level ends. */
  readonly fade: Float32Array;
  readonly #options: SeparationOptions;
  readonly #stft: Stft;
  readonly #warp: LogFrequencyWarp;
  readonly #magnitudeScale: number;
  /** Of the window before, by channel, for the next one to write over: windows are large and come one by one. */
  #memory: Spectrogram[] = [];
  /** Magnitudes, then the mask, on the linear axis. */
  #points = new Float32Array(0);

  constructor(options: SeparationOptions) {
    const { sampleRateHz, channels, overlapSec = 1 } = options;
    if (!(sampleRateHz >= LOWEST_RATE_HZ) || !Number.isInteger(channels) || channels < 1) {
      throw new EarshotError(
        'invalid_argument',
        `Separation needs at least ${LOWEST_RATE_HZ} Hz and one channel, not ${sampleRateHz} Hz and ${channels}.`,
      );
    }
    const ratio = sampleRateHz / SEPARATION_RATE_HZ;
    const stftWindow = 2 * Math.round((SEPARATION_STFT.windowSamples * ratio) / 2);
    const isOwnRate = sampleRateHz === SEPARATION_RATE_HZ;
    const fftSize = isOwnRate ? SEPARATION_STFT.fftSize : 2 ** Math.ceil(Math.log2(stftWindow));
    this.#options = options;
    this.#stft = new Stft({
      windowSamples: stftWindow,
      fftSize,
      hopSamples: SEPARATION_STFT.hopSamples * ratio,
    });
    this.#warp = new LogFrequencyWarp({ sampleRateHz, fftSize });
    this.#magnitudeScale = SEPARATION_STFT.windowSamples / stftWindow;
    this.windowSamples = Math.floor(NETWORK_SAMPLES * ratio);
    this.overlapSamples = Math.round(overlapSec * sampleRateHz);
    if (!(this.overlapSamples >= 1 && 2 * this.overlapSamples < this.windowSamples)) {
      throw new EarshotError('invalid_argument', `Windows cannot overlap by ${overlapSec} s.`);
    }
    this.fade = Float32Array.from(
      { length: this.overlapSamples },
      (_, i) => Math.sin((Math.PI / 2) * ((i + 0.5) / this.overlapSamples)) ** 2,
    );
  }

  /** @param mixture one array a channel, at most a window long; shorter ones are followed by silence */
  async separate(mixture: Float32Array[], startSample: number): Promise<Float32Array[]> {
    const { sampleRateHz, mask } = this.#options;
    const length = (mixture[0] as Float32Array).length;
    const spectrograms = mixture.map((channel, c) =>
      this.#stft.forward(this.#padded(channel), this.#memory[c]),
    );
    this.#memory = spectrograms;
    const logMask = await mask({
      startSec: startSample / sampleRateHz,
      durationSec: length / sampleRateHz,
      magnitudes: this.#warp.warp(this.#jointMagnitudes(spectrograms), SEPARATION_FRAMES),
    });
    // What the magnitudes were is heard by now.
    const linearMask = this.#warp.unwarp(logMask, SEPARATION_FRAMES, this.#points);
    return spectrograms.map((spectrogram) =>
      this.#stft
        .inverse(applyMask(spectrogram, linearMask, spectrogram), this.windowSamples)
        .subarray(0, length),
    );
  }

  #padded(channel: Float32Array): Float32Array {
    if (channel.length === this.windowSamples) return channel;
    const padded = new Float32Array(this.windowSamples);
    padded.set(channel);
    return padded;
  }

  /** Root mean square over the channels: unlike the magnitude of their sum, channels in opposite phase keep theirs. */
  #jointMagnitudes(spectrograms: readonly Spectrogram[]): Float32Array {
    const { length } = (spectrograms[0] as Spectrogram).real;
    if (this.#points.length !== length) this.#points = new Float32Array(length);
    const power = this.#points.fill(0);
    for (const { real, imaginary } of spectrograms) {
      addPower(real, imaginary, power);
    }
    const scale = this.#magnitudeScale ** 2 / spectrograms.length;
    for (let i = 0; i < length; i++) power[i] = Math.sqrt((power[i] as number) * scale);
    return power;
  }
}

function addPower(real: Float32Array, imaginary: Float32Array, power: Float32Array): void {
  for (let i = 0; i < power.length; i++) {
    const re = real[i] as number;
    const im = imaginary[i] as number;
    power[i] = (power[i] as number) + re * re + im * im;
  }
}

/** The part of a stream of samples that is still needed. */
class SlidingSamples {
  /** Position after the last sample. */
  end = 0;
  readonly #channels: number;
  #blocks: { start: number; data: Float32Array[] }[] = [];

  constructor(channels: number) {
    this.#channels = channels;
  }

  append(block: Float32Array[]): void {
    const length = block[0]?.length ?? 0;
    if (block.length !== this.#channels || block.some((channel) => channel.length !== length)) {
      throw new EarshotError('shape_mismatch', `Blocks need ${this.#channels} channels of one length.`);
    }
    if (length > 0) this.#blocks.push({ start: this.end, data: block });
    this.end += length;
  }

  slice(from: number, to: number): Float32Array[] {
    return Array.from({ length: this.#channels }, (_, c) => {
      const out = new Float32Array(to - from);
      for (const { start, data } of this.#blocks) {
        const channel = data[c] as Float32Array;
        const first = Math.max(from, start);
        const last = Math.min(to, start + channel.length);
        if (first < last) out.set(channel.subarray(first - start, last - start), first - from);
      }
      return out;
    });
  }

  dropBefore(position: number): void {
    this.#blocks = this.#blocks.filter(
      ({ start, data }) => start + (data[0] as Float32Array).length > position,
    );
  }
}
