/**
 * Turns one pass of decoded frames and samples into segments while the decoding goes on. Overlapping segments
 * share what was decoded, and whatever no later segment needs is dropped at once, so that memory stays the same
 * for a clip of any length.
 */
import type { AudioInputSpec, FrameBlock, SegmentPlan, VideoInputSpec } from '#model/embedding-model';
import { isComplete, minNewSec, type SegmentWindow, tailWindow, windowAt } from './segment-plan.ts';

/** A segment with what each tower gets; null where there is nothing to hear or nothing to see. */
export interface AssembledSegment extends SegmentWindow {
  waveform: Float32Array | null;
  frames: FrameBlock | null;
}

/** Where on the clip's timeline a stream really has something; decoding pads it to the clip's length. */
export interface StreamSpan {
  fromSec: number;
  untilSec: number;
}

export interface AssemblerOptions {
  plan: SegmentPlan;
  /** Null when the clip has no such stream, or when nobody asks for it. */
  audio: (Pick<AudioInputSpec, 'sampleRateHz'> & StreamSpan) | null;
  video: (Pick<VideoInputSpec, 'rateHz'> & StreamSpan) | null;
}

/** -70 dBFS: below it there is only dither and hum, and a tower would embed its own noise. */
const SILENCE_RMS = 10 ** (-70 / 20);
/** A picture whose brightest channel value stays below this is black to any eye. */
const BLACK_LEVEL = 12;

export class SegmentAssembler {
  readonly #options: AssemblerOptions;
  #nextIndex = 0;
  #frames: Uint8Array[] = [];
  /** Frames already dropped from the front. */
  #droppedFrames = 0;
  #chunks: Float32Array[] = [];
  /** Samples already dropped from the front. */
  #droppedSamples = 0;
  #bufferedSamples = 0;
  #audioEnded: boolean;
  #videoEnded: boolean;

  constructor(options: AssemblerOptions) {
    this.#options = options;
    this.#audioEnded = options.audio === null;
    this.#videoEnded = options.video === null;
  }

  /** @param frame RGB bytes of one frame at the model's rate and size; kept, not copied */
  pushFrame(frame: Uint8Array): AssembledSegment[] {
    this.#frames.push(frame);
    return this.#takeComplete();
  }

  /** @param samples mono at the model's rate; kept, not copied */
  pushSamples(samples: Float32Array): AssembledSegment[] {
    this.#chunks.push(samples);
    this.#bufferedSamples += samples.length;
    return this.#takeComplete();
  }

  /** The last segments, once both streams have ended. */
  end(): AssembledSegment[] {
    this.#audioEnded = true;
    this.#videoEnded = true;
    const segments = this.#takeComplete();
    const { durationSec } = this;
    const tail = durationSec > 0 ? tailWindow(this.#options.plan, this.#nextIndex, durationSec) : null;
    if (tail !== null) segments.push(this.#cut(tail));
    return segments;
  }

  /** Seconds received so far, of whichever stream got further. */
  get durationSec(): number {
    return Math.max(this.#audioSec, this.#videoSec);
  }

  /** Seconds of sound received so far. */
  get #audioSec(): number {
    const rate = this.#options.audio?.sampleRateHz ?? 1;
    return (this.#droppedSamples + this.#bufferedSamples) / rate;
  }

  /** Seconds of picture received so far. */
  get #videoSec(): number {
    return (this.#droppedFrames + this.#frames.length) / (this.#options.video?.rateHz ?? 1);
  }

  #takeComplete(): AssembledSegment[] {
    const segments: AssembledSegment[] = [];
    for (;;) {
      const window = windowAt(this.#options.plan, this.#nextIndex);
      const audioReady = this.#audioEnded || isComplete(window, this.#audioSec);
      const videoReady = this.#videoEnded || isComplete(window, this.#videoSec);
      if (!audioReady || !videoReady) return segments;
      if (!isComplete(window, this.durationSec)) return segments;
      segments.push(this.#cut(window));
      this.#nextIndex += 1;
      this.#drop(windowAt(this.#options.plan, this.#nextIndex).startSec);
    }
  }

  #cut(window: SegmentWindow): AssembledSegment {
    return { ...window, waveform: this.#cutWaveform(window), frames: this.#cutFrames(window) };
  }

  #cutWaveform(window: SegmentWindow): Float32Array | null {
    const { audio } = this.#options;
    if (audio === null || !this.#bringsNew(window, audio, this.#audioSec)) return null;
    const endSec = Math.min(window.endSec, this.#audioSec);
    const first = Math.round(window.startSec * audio.sampleRateHz) - this.#droppedSamples;
    const last = Math.min(
      Math.round(endSec * audio.sampleRateHz) - this.#droppedSamples,
      this.#bufferedSamples,
    );
    if (last <= first) return null;
    const waveform = new Float32Array(last - first);
    let at = 0;
    for (const chunk of this.#chunks) {
      const from = Math.max(first - at, 0);
      const to = Math.min(last - at, chunk.length);
      if (to > from) waveform.set(chunk.subarray(from, to), at + from - first);
      at += chunk.length;
      if (at >= last) break;
    }
    return rms(waveform) < SILENCE_RMS ? null : waveform;
  }

  #cutFrames(window: SegmentWindow): FrameBlock | null {
    const { video } = this.#options;
    if (video === null || !this.#bringsNew(window, video, this.#videoSec)) return null;
    // Past the stream's end the last frame is only held: it would make a moving picture look still.
    const endSec = Math.max(Math.min(window.endSec, video.untilSec), window.startSec + 1 / video.rateHz);
    const first = Math.ceil(window.startSec * video.rateHz - 1e-6) - this.#droppedFrames;
    const last = Math.ceil(endSec * video.rateHz - 1e-6) - this.#droppedFrames;
    const frames = this.#frames.slice(first, last);
    if (frames.length === 0 || frames.every(isBlack)) return null;
    const size = frames[0]?.length ?? 0;
    const data = new Uint8Array(size * frames.length);
    frames.forEach((frame, position) => {
      data.set(frame, position * size);
    });
    return { data, count: frames.length };
  }

  /** A stream that begins later, or ended long before the other, has nothing to say in this segment. */
  #bringsNew(window: SegmentWindow, span: StreamSpan, receivedSec: number): boolean {
    if (window.endSec <= span.fromSec) return false;
    if (window.index === 0) return true;
    const seenSec = windowAt(this.#options.plan, window.index - 1).endSec;
    return Math.min(receivedSec, span.untilSec) - seenSec >= minNewSec(this.#options.plan) - 1e-3;
  }

  #drop(beforeSec: number): void {
    const { audio, video } = this.#options;
    if (video !== null) {
      const count = Math.min(Math.floor(beforeSec * video.rateHz) - this.#droppedFrames, this.#frames.length);
      if (count > 0) {
        this.#frames.splice(0, count);
        this.#droppedFrames += count;
      }
    }
    if (audio === null) return;
    let spare = Math.floor(beforeSec * audio.sampleRateHz) - this.#droppedSamples;
    while (this.#chunks[0] !== undefined && this.#chunks[0].length <= spare) {
      const length = this.#chunks[0].length;
      this.#chunks.shift();
      this.#bufferedSamples -= length;
      this.#droppedSamples += length;
      spare -= length;
    }
  }
}

function rms(waveform: Float32Array): number {
  let sum = 0;
  for (const sample of waveform) sum += sample * sample;
  return Math.sqrt(sum / waveform.length);
}

function isBlack(frame: Uint8Array): boolean {
  for (const value of frame) if (value >= BLACK_LEVEL) return false;
  return true;
}
