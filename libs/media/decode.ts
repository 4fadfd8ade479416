/**
 * Decoded frames and samples on one common timeline: instant t of the frames and instant t of the samples of a
 * file are the same instant, whatever its streams' start times, edit lists, encoder priming or frame rates.
 */
import type { Readable } from 'node:stream';
import { EarshotError } from '#core/errors';
import { BlockCutter, interleave, type Source } from './blocks.ts';
import { mediaFailure } from './failure.ts';
import { FfmpegProcess } from './ffmpeg.ts';
import { openInput } from './input.ts';
import { DEFAULT_MEDIA_LIMITS } from './limits.ts';
import {
  type DecodePlan,
  decodeArguments,
  type FramesRequest,
  planDecode,
  type SamplesRequest,
  type WindowOptions,
} from './plan.ts';
import { probe } from './probe.ts';

const BLOCK_BYTES = 256 * 1024;
/** What one call may answer in memory; longer windows are streamed. */
const MAX_ANSWER_BYTES = 2 ** 30;
/** A file whose content ends this much before its header says so was cut off; less is rounding. */
const CUT_OFF_SEC = 1;
/** Where to look for the last frame when a window lies behind it. */
const LAST_FRAME_SEARCH_SEC = 2;
const LAST_FRAME_RATE_HZ = 60;

export interface DecodedFrames {
  /** `[count, height, width, 3]`, RGB. Frame i is what is on screen at `startSec + i / rateHz`. */
  data: Uint8Array<ArrayBuffer>;
  count: number;
  width: number;
  height: number;
  rateHz: number;
  startSec: number;
}

export interface DecodedSamples {
  /** Mono, nominally in [-1, 1]. Sample i is at `startSec + i / sampleRateHz`. */
  data: Float32Array<ArrayBuffer>;
  sampleRateHz: number;
  startSec: number;
}

export type MediaChunk =
  /** `count` frames of `[height, width, 3]` RGB from frame number `firstIndex` on. */
  | { kind: 'frames'; firstIndex: number; count: number; data: Uint8Array<ArrayBuffer> }
  /** Of all channels: those of one instant side by side, `[samples, channels]`; `firstSample` counts instants. */
  | { kind: 'samples'; firstSample: number; data: Float32Array<ArrayBuffer> };

/** What was really there, the padding at the ends included. */
export interface DecodeSummary {
  frames: number;
  samples: number;
  /** Whether the file ends well before its header says. */
  isCutOff: boolean;
}

export interface StreamsOptions extends WindowOptions {
  frames?: FramesRequest;
  samples?: SamplesRequest;
}

/**
 * Frames at a fixed rate; `round((endSec - startSec) * rateHz)` of them, the first and last frame held where the
 * stream does not reach. Without `endSec`, a file that was cut off answers what is there.
 *
 * @throws EarshotError as `probe`, `modality_missing` without a picture, `media_truncated` or `decode_failed`
 *   where no frame can be decoded, `invalid_argument` on a window too large for memory
 */
export async function decodeFrames(
  file: string,
  options: FramesRequest & WindowOptions,
): Promise<DecodedFrames> {
  const { rateHz, width, height } = options;
  const data = await collect(file, { ...options, frames: options });
  return {
    data,
    count: data.length / (width * height * 3),
    width,
    height,
    rateHz,
    startSec: options.startSec ?? 0,
  };
}

/**
 * Mono samples; `round((endSec - startSec) * sampleRateHz)` of them, silence where the stream does not reach.
 *
 * @throws EarshotError as `decodeFrames`, `modality_missing` without sound
 */
export async function decodeSamples(
  file: string,
  options: SamplesRequest & WindowOptions,
): Promise<DecodedSamples> {
  const { sampleRateHz } = options;
  const data = await collect(file, { ...options, samples: options });
  return { data: new Float32Array(data.buffer), sampleRateHz, startSec: options.startSec ?? 0 };
}

/**
 * Picture and sound of a file by one ffmpeg process, in constant memory; a consumer that rests makes ffmpeg rest.
 * Chunks of the two kinds come roughly, not exactly, in the order of time; each kind is complete and in order.
 * A stream the file lacks is left out. Leaving the loop early ends ffmpeg.
 *
 * @returns (the generator's return value) what was really there
 * @throws EarshotError as `decodeFrames`
 */
export async function* decodeStreams(
  file: string,
  options: StreamsOptions,
): AsyncGenerator<MediaChunk, DecodeSummary> {
  const info = options.info ?? (await probe(file, { limits: options.limits, signal: options.signal }));
  const plan = planDecode(file, info, options, options);
  const outcome = yield* runPlan(file, plan, options);
  if (outcome.lastFrame === null && outcome.samples === 0) {
    outcome.lastFrame = await findLastFrame(file, plan, options);
    if (outcome.lastFrame === null && (plan.samples === null || outcome.failure !== null)) {
      throw nothingDecoded(file, outcome.failure);
    }
  }
  return yield* pad(plan, outcome);
}

interface Outcome {
  frames: number;
  samples: number;
  lastFrame: Uint8Array<ArrayBuffer> | null;
  /** What ffmpeg complained about, if it did. */
  failure: EarshotError | null;
}

async function* runPlan(
  file: string,
  plan: DecodePlan,
  options: WindowOptions,
): AsyncGenerator<MediaChunk, Outcome> {
  const outcome: Outcome = { frames: 0, samples: 0, lastFrame: null, failure: null };
  const { frames, samples } = plan;
  if (!frames?.total && !samples?.total) return outcome;
  const input = await openInput(file, { ...DEFAULT_MEDIA_LIMITS, ...options.limits });
  const child = new FfmpegProcess('ffmpeg', decodeArguments(plan, input), {
    subject: file,
    timeoutSec: plan.timeoutSec,
    signal: options.signal,
    usesExtraPipe: true,
  });
  const sources: Source<Track>[] = [];
  if (frames?.total) sources.push({ kind: new FrameTrack(frames, outcome), stream: child.stdout });
  if (samples?.total)
    sources.push({ kind: new SampleTrack(samples, outcome), stream: child.extra as Readable });
  try {
    for await (const { kind: track, bytes } of interleave(sources)) {
      child.pauseClock();
      for (const block of track.cutter.add(bytes)) yield* track.deliver(block);
      child.resumeClock();
    }
    const { exitCode, stderrTail } = await child.exited();
    for (const { kind: track } of sources)
      for (const block of track.cutter.rest()) yield* track.deliver(block);
    if (exitCode !== 0 || stderrTail !== '') outcome.failure = mediaFailure(file, stderrTail, input.head);
    return outcome;
  } finally {
    await child.close();
  }
}

interface Track {
  readonly cutter: BlockCutter;
  deliver(block: Uint8Array<ArrayBuffer>): Generator<MediaChunk>;
}

class FrameTrack implements Track {
  readonly cutter: BlockCutter;
  readonly #frameBytes: number;
  readonly #total: number;
  readonly #outcome: Outcome;

  constructor(frames: { width: number; height: number; total: number }, outcome: Outcome) {
    this.#frameBytes = frames.width * frames.height * 3;
    this.#total = frames.total;
    this.#outcome = outcome;
    this.cutter = new BlockCutter(this.#frameBytes, BLOCK_BYTES);
  }

  *deliver(block: Uint8Array<ArrayBuffer>): Generator<MediaChunk> {
    const firstIndex = this.#outcome.frames;
    const count = Math.min(block.length / this.#frameBytes, this.#total - firstIndex);
    if (count <= 0) return;
    const data = block.subarray(0, count * this.#frameBytes);
    this.#outcome.frames += count;
    // A copy, for the block is the consumer's own from here on.
    this.#outcome.lastFrame ??= new Uint8Array(this.#frameBytes);
    this.#outcome.lastFrame.set(data.subarray(-this.#frameBytes));
    yield { kind: 'frames', firstIndex, count, data };
  }
}

class SampleTrack implements Track {
  readonly cutter: BlockCutter;
  readonly #total: number;
  readonly #channelCount: number;
  readonly #outcome: Outcome;

  constructor({ total, channelCount }: { total: number; channelCount: number }, outcome: Outcome) {
    this.cutter = new BlockCutter(4 * channelCount, BLOCK_BYTES);
    this.#total = total;
    this.#channelCount = channelCount;
    this.#outcome = outcome;
  }

  *deliver(block: Uint8Array<ArrayBuffer>): Generator<MediaChunk> {
    const firstSample = this.#outcome.samples;
    const count = Math.min(block.length / (4 * this.#channelCount), this.#total - firstSample);
    if (count <= 0) return;
    this.#outcome.samples += count;
    const data = new Float32Array(block.buffer, block.byteOffset, count * this.#channelCount);
    yield { kind: 'samples', firstSample, data };
  }
}

/** The frame that stays on screen in a window behind the picture's end, or null where the file has none. */
async function findLastFrame(
  file: string,
  plan: DecodePlan,
  options: WindowOptions,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const { info, frames } = plan;
  if (frames === null || frames.total === 0 || info.video === null || plan.startSec === 0) return null;
  const declaredEndSec = Math.min(plan.startSec, info.video.startSec + info.video.durationSec);
  // A cut-off file ends before its header says, so the second search begins at the beginning.
  for (const startSec of [Math.max(0, declaredEndSec - LAST_FRAME_SEARCH_SEC), 0]) {
    const window = { ...options, startSec, endSec: plan.startSec + 1 / LAST_FRAME_RATE_HZ };
    const search = planDecode(file, info, { frames: { ...frames, rateHz: LAST_FRAME_RATE_HZ } }, window);
    const found = runPlan(file, search, options);
    let step = await found.next();
    while (!step.done) step = await found.next();
    if (step.value.lastFrame !== null) return step.value.lastFrame;
  }
  return null;
}

/** Holds the last frame and adds silence up to the number asked for, or to where a cut-off file really ends. */
async function* pad(plan: DecodePlan, outcome: Outcome): AsyncGenerator<MediaChunk, DecodeSummary> {
  const { info, frames, samples } = plan;
  const framesSec = outcome.frames / (frames?.rateHz ?? 1);
  const samplesSec = outcome.samples / (samples?.sampleRateHz ?? 1);
  const shortfall = (stream: { startSec: number; durationSec: number } | null, decodedSec: number) =>
    stream === null
      ? Infinity
      : Math.min(plan.endSec, stream.startSec + stream.durationSec) - plan.startSec - decodedSec;
  const isCutOff =
    !plan.isEndGiven &&
    !info.isStillImage &&
    shortfall(frames && info.video, framesSec) > CUT_OFF_SEC &&
    shortfall(samples && info.audio, samplesSec) > CUT_OFF_SEC;
  const endOf = (total: number, rateHz: number) =>
    isCutOff ? Math.min(total, Math.round(Math.max(framesSec, samplesSec) * rateHz)) : total;

  if (frames !== null && outcome.lastFrame !== null) {
    const total = endOf(frames.total, frames.rateHz);
    const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / outcome.lastFrame.length));
    for (; outcome.frames < total; ) {
      const count = Math.min(perBlock, total - outcome.frames);
      const data = new Uint8Array(count * outcome.lastFrame.length);
      for (let i = 0; i < count; i++) data.set(outcome.lastFrame, i * outcome.lastFrame.length);
      yield { kind: 'frames', firstIndex: outcome.frames, count, data };
      outcome.frames += count;
    }
  }
  if (samples !== null) {
    const total = endOf(samples.total, samples.sampleRateHz);
    for (; outcome.samples < total; ) {
      const count = Math.min(BLOCK_BYTES / 4, total - outcome.samples);
      const data = new Float32Array(count * samples.channelCount);
      yield { kind: 'samples', firstSample: outcome.samples, data };
      outcome.samples += count;
    }
  }
  return { frames: outcome.frames, samples: outcome.samples, isCutOff };
}

function nothingDecoded(file: string, cause: EarshotError | null): EarshotError {
  if (cause?.code === 'media_truncated') return cause;
  const said = cause === null ? 'it holds no data where its header says so' : cause.message;
  return new EarshotError('decode_failed', `Nothing in ${file} could be decoded: ${said}`, {
    subject: file,
    cause,
  });
}

/** All chunks of a one-kind decode as one run of bytes. */
async function collect(file: string, options: StreamsOptions): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  for await (const { data } of decodeStreams(file, options)) {
    byteCount += data.byteLength;
    if (byteCount > MAX_ANSWER_BYTES) {
      throw new EarshotError(
        'invalid_argument',
        `The window asked of ${file} does not fit into memory; ask for a shorter one or smaller frames.`,
        { subject: file },
      );
    }
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const joined = new Uint8Array(byteCount);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
