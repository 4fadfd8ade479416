/** Where a decode seeks to and what it runs, worked out from what the file holds and what was asked of it. */
import { EarshotError } from '#core/errors';
import { type Fit, type PictureRegion, pictureFilter, soundFilter } from './filters.ts';
import type { MediaInput } from './input.ts';
import { DEFAULT_MEDIA_LIMITS, type MediaLimits } from './limits.ts';
import type { MediaInfo, VideoStreamInfo } from './probe.ts';

/** Codecs need a run-up before what they decode is right: AAC one packet, Opus 80 ms, MP3 its bit reservoir. */
const RUN_UP_SEC = 0.5;
/** These containers have no index of key frames, so a seek must reach back over a whole group of pictures. */
const UNINDEXED = new Set(['ts', 'mpg', 'ogg', 'flv']);
const UNINDEXED_RUN_UP_SEC = 12;
/** Broadcast formats, whose clock may jump or wrap: ffmpeg mends it, counting from the seek's target. */
const HAS_JUMPING_CLOCK = new Set(['ts', 'mpg']);

export interface FramesRequest {
  rateHz: number;
  width: number;
  height: number;
  /** `stretch` fills the size whatever the proportions; `cover` keeps them and crops the middle. */
  fit?: Fit;
  /** Only this part of the picture as displayed, in 0..1 of it; the whole picture unless told. */
  region?: PictureRegion | null;
  /**
   * Several parts of the picture (null: all of it) instead of a region, one below the other: each has the whole width
   * and an equal share of the height.
   */
  parts?: readonly (PictureRegion | null)[] | null;
}

export interface SamplesRequest {
  sampleRateHz: number;
  /** `mono` unless told: the mean of all channels. `all`: every channel, samples of one instant side by side. */
  channels?: 'mono' | 'all';
}

/** A window of the common timeline; the whole file where left out. */
export interface WindowOptions {
  startSec?: number;
  endSec?: number;
  limits?: Partial<MediaLimits>;
  signal?: AbortSignal;
  /** The answer of `probe` for this file, where it is at hand. */
  info?: MediaInfo;
}

export interface DecodePlan {
  info: MediaInfo;
  startSec: number;
  endSec: number;
  /** Whether the caller named the end, and so the exact number of frames and samples. */
  isEndGiven: boolean;
  frames: (Required<FramesRequest> & { total: number }) | null;
  /** `channelCount` values an instant, `total` instants. */
  samples: (SamplesRequest & { total: number; channelCount: number }) | null;
  timeoutSec: number;
}

/** @throws EarshotError `invalid_argument`, `modality_missing` */
export function planDecode(
  file: string,
  info: MediaInfo,
  wanted: { frames?: FramesRequest; samples?: SamplesRequest },
  window: WindowOptions,
): DecodePlan {
  const startSec = window.startSec ?? 0;
  const endSec = window.endSec ?? Math.max(startSec, info.durationSec);
  checkRequest(file, startSec, endSec, wanted);
  const lengthSec = endSec - startSec;
  const frames = wanted.frames && info.video ? wanted.frames : null;
  const samples = wanted.samples && info.audio ? wanted.samples : null;
  if (frames === null && samples === null) {
    throw new EarshotError(
      'modality_missing',
      `The file ${file} has no ${wanted.frames ? 'picture' : 'sound'}; use one that has.`,
      { subject: file },
    );
  }
  // A still image shown for no time at all is still one frame.
  const isGlance = info.isStillImage && window.endSec === undefined;
  return {
    info,
    startSec,
    endSec,
    isEndGiven: window.endSec !== undefined,
    frames: frames && {
      fit: 'stretch',
      region: null,
      parts: null,
      ...frames,
      total: isGlance ? 1 : Math.round(lengthSec * frames.rateHz),
    },
    samples: samples && {
      ...samples,
      total: Math.round(lengthSec * samples.sampleRateHz),
      channelCount: samples.channels === 'all' ? (info.audio?.channels ?? 1) : 1,
    },
    timeoutSec: { ...DEFAULT_MEDIA_LIMITS, ...window.limits }.decodeTimeoutSec + lengthSec,
  };
}

/** ffmpeg's arguments for a plan: pictures on fd 1, sound on fd 3. */
export function decodeArguments(plan: DecodePlan, input: MediaInput): string[] {
  const { info, frames, samples } = plan;
  const seekSec = info.isStillImage ? 0 : seekTarget(plan);
  const { clock, skipSec } = chooseClock(plan, seekSec);
  const args = [...clock, '-reinit_filter:v', '0', ...alphaDecoder(frames && info.video)];
  // Not `-accurate_seek`: it drops the frame that is on screen when the window opens.
  if (seekSec > 0) args.push('-ss', seekSec.toFixed(6), '-noaccurate_seek');
  args.push(...input.arguments);
  if (frames?.total && info.video !== null) {
    const grid = { rateHz: info.isStillImage ? null : frames.rateHz, skipSec };
    args.push('-map', `0:${info.video.streamIndex}`, '-filter:v', pictureFilter(info.video, frames, grid));
    args.push('-fps_mode', 'passthrough', '-frames:v', String(info.isStillImage ? 1 : frames.total));
    args.push('-c:v', 'rawvideo', '-f', 'rawvideo', 'pipe:1');
  }
  if (samples?.total && info.audio !== null) {
    const filter = soundFilter(info.audio.channels, samples, skipSec);
    args.push(
      '-map',
      `0:${info.audio.streamIndex}`,
      '-filter:a',
      filter,
      '-c:a',
      'pcm_f32le',
      // Whole buffers, not packets of 4 KB: each read here costs as much as a large one.
      '-flush_packets',
      '0',
      '-f',
      'f32le',
      'pipe:3',
    );
  }
  return args;
}

/**
 * The clock the filters see and what it shows at the window's start. It is the container's own where possible:
 * counted from the seek's target, ffmpeg rounds it to the stream's ticks, which in AVI are whole frames.
 */
function chooseClock(plan: DecodePlan, seekSec: number): { clock: string[]; skipSec: number } {
  if (!HAS_JUMPING_CLOCK.has(plan.info.container)) {
    return { clock: ['-copyts'], skipSec: plan.info.startSec + plan.startSec };
  }
  // A microsecond that stops ffmpeg from moving time zero to the start of the streams asked for.
  return { clock: ['-itsoffset', '0.000001'], skipSec: plan.startSec - seekSec };
}

/** The run-up is a whole number of output samples, so that windows of one file fall on one sample grid. */
function seekTarget(plan: DecodePlan): number {
  const runUpSec = UNINDEXED.has(plan.info.container) && plan.frames ? UNINDEXED_RUN_UP_SEC : RUN_UP_SEC;
  const rateHz = plan.samples?.sampleRateHz ?? 1000;
  return Math.max(0, plan.startSec - Math.ceil(runUpSec * rateHz) / rateHz);
}

/** ffmpeg's own VP8 and VP9 decoders drop the alpha plane. */
function alphaDecoder(video: VideoStreamInfo | null): string[] {
  if (video?.hasAlpha && video.codec === 'vp9') return ['-c:v', 'libvpx-vp9'];
  return video?.hasAlpha && video.codec === 'vp8' ? ['-c:v', 'libvpx'] : [];
}

function checkRequest(
  file: string,
  startSec: number,
  endSec: number,
  { frames, samples }: { frames?: FramesRequest; samples?: SamplesRequest },
): void {
  const isPositiveInteger = (value: number) => Number.isInteger(value) && value > 0;
  const problems = [
    !(startSec >= 0 && Number.isFinite(endSec) && endSec >= startSec) &&
      `the window ${startSec} s to ${endSec} s is not one; start at 0 or later and end after the start`,
    frames && !(frames.rateHz > 0 && frames.rateHz <= 1000) && 'rateHz must lie between 0 and 1000',
    frames &&
      ![frames.width, frames.height].every(isPositiveInteger) &&
      'width and height must be whole and positive',
    samples && !isPositiveInteger(samples.sampleRateHz) && 'sampleRateHz must be whole and positive',
  ].filter((problem) => typeof problem === 'string');
  if (problems.length > 0) {
    throw new EarshotError('invalid_argument', `Cannot decode ${file}: ${problems.join('; ')}.`, {
      subject: file,
    });
  }
}
