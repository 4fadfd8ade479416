/**
 * What a media file holds, from its headers. All times are on ONE presentation timeline for sound and picture:
 * zero is the container's start, the earliest instant any of its streams has something to present. Edit lists
 * and encoder priming are accounted for by ffmpeg's demuxers before that.
 */
import { EarshotError } from '#core/errors';
import { containerOf } from './container.ts';
import { mediaFailure } from './failure.ts';
import { collectOutput } from './ffmpeg.ts';
import { type MediaInput, openInput } from './input.ts';
import { DEFAULT_MEDIA_LIMITS, type MediaLimits } from './limits.ts';
import { type PacketSpan, scanPackets } from './packets.ts';

export interface VideoStreamInfo {
  /** ffmpeg's number for the stream in its file. */
  streamIndex: number;
  codec: string;
  /** As displayed: rotation and the shape of pixels applied. */
  width: number;
  height: number;
  /** Clockwise turn that the container asks for: 0, 90, 180 or 270. */
  rotationDegrees: number;
  /** Mean over the stream. */
  frameRateHz: number;
  startSec: number;
  durationSec: number;
  hasAlpha: boolean;
  /** Cover pictures are not video. */
  isAttachedPicture: false;
}

interface AudioStreamInfo {
  streamIndex: number;
  codec: string;
  sampleRateHz: number;
  channels: number;
  startSec: number;
  durationSec: number;
}

export interface MediaInfo {
  /** Short name: mp4, mov, mkv, webm, avi, mpg, ts, wav, mp3, flac, ogg, m4a, jpeg, png, webp, bmp, gif, ... */
  container: string;
  mimeType: string;
  /** From the first instant of any stream to the last; 0 for a still image. */
  durationSec: number;
  /** What the container's own clock shows at time zero. */
  startSec: number;
  video: VideoStreamInfo | null;
  audio: AudioStreamInfo | null;
  isStillImage: boolean;
  sizeBytes: number;
}

export interface ProbeOptions {
  limits?: Partial<MediaLimits>;
  signal?: AbortSignal;
}

/** Bare streams of packets: ffprobe guesses their duration from the bit rate. */
const HAS_ESTIMATED_DURATION = new Set(['mp3', 'aac']);

interface RawStream {
  index: number;
  codec_type?: string;
  codec_name?: string;
  width?: number;
  height?: number;
  sample_aspect_ratio?: string;
  pix_fmt?: string;
  avg_frame_rate?: string;
  r_frame_rate?: string;
  sample_rate?: string;
  channels?: number;
  start_time?: string;
  duration?: string;
  nb_frames?: string;
  disposition?: Record<string, number>;
  tags?: Record<string, string>;
  side_data_list?: { rotation?: number }[];
}

interface RawProbe {
  streams: RawStream[];
  format: {
    format_name?: string;
    nb_streams?: number;
    start_time?: string;
    duration?: string;
    tags?: Record<string, string>;
  };
}

/**
 * @throws EarshotError `file_not_found`, `file_unreadable`, `media_empty`, `media_unrecognised`,
 *   `media_truncated`, `media_no_streams`, `media_too_long`, `media_too_large`, `media_too_many_streams`,
 *   `decode_failed`, `decode_timeout`, `cancelled`, `ffmpeg_missing`
 */
export async function probe(file: string, options: ProbeOptions = {}): Promise<MediaInfo> {
  const limits = { ...DEFAULT_MEDIA_LIMITS, ...options.limits };
  const input = await openInput(file, limits);
  const work = { timeoutSec: limits.decodeTimeoutSec, signal: options.signal };
  const raw = await readHeaders(file, input, work);
  if ((raw.format.nb_streams ?? 0) > limits.maxStreams) {
    throw new EarshotError(
      'media_too_many_streams',
      `The file ${file} has ${raw.format.nb_streams} streams, more than the ${limits.maxStreams} allowed; keep one video and one audio stream.`,
      { subject: file },
    );
  }
  const candidates = raw.streams.filter((stream) => stream.codec_name !== undefined);
  const video = choose(candidates.filter((s) => s.codec_type === 'video' && !s.disposition?.attached_pic));
  const audio = choose(candidates.filter((s) => s.codec_type === 'audio' && Number(s.sample_rate) > 0));
  if (video !== null) checkDimensions(file, video, limits);

  const formatName = raw.format.format_name ?? '';
  const isPicture = formatName.endsWith('_pipe');
  const needsScan =
    !isPicture &&
    (HAS_ESTIMATED_DURATION.has(formatName) ||
      [video, audio].some((s) => s !== null && isSuspicious(s, raw)));
  const spans = needsScan ? await scanPackets(file, input, work) : null;
  const info = assemble(raw, input, spans, { video, audio, isPicture });
  checkStreams(file, info, limits);
  return info;
}

async function readHeaders(
  file: string,
  input: MediaInput,
  work: { timeoutSec: number; signal?: AbortSignal },
): Promise<RawProbe> {
  const args = ['-show_streams', '-show_format', '-of', 'json', ...input.arguments];
  const { exitCode, stderrTail, stdout } = await collectOutput('ffprobe', args, { ...work, subject: file });
  if (exitCode !== 0) throw mediaFailure(file, stderrTail, input.head);
  const parsed = JSON.parse(stdout.toString('utf8')) as Partial<RawProbe>;
  const raw = { streams: parsed.streams ?? [], format: parsed.format ?? {} };
  // A picture whose declared size is refused leaves ffprobe without dimensions, but not without an exit code of 0.
  if (
    raw.streams.some(
      (stream) => stream.codec_type === 'video' && stream.width === 0 && !stream.disposition?.attached_pic,
    ) &&
    stderrTail !== ''
  )
    throw mediaFailure(file, stderrTail, input.head);
  return raw;
}

function choose(streams: RawStream[]): RawStream | null {
  return streams.find((stream) => stream.disposition?.default) ?? streams[0] ?? null;
}

/** Whether the header leaves open if or for how long the stream lasts. */
function isSuspicious(stream: RawStream, raw: RawProbe): boolean {
  if (stream.nb_frames === '0' || stream.start_time === undefined) return true;
  return seconds(raw.format.duration) === null || seconds(stream.duration) === 0;
}

function checkDimensions(file: string, stream: RawStream, limits: MediaLimits): void {
  const { width, height } = displayedSize(stream);
  const tooLarge = width > limits.maxWidth || height > limits.maxHeight || width * height > limits.maxPixels;
  if (!tooLarge) return;
  throw new EarshotError(
    'media_too_large',
    `The picture in ${file} is ${width} x ${height}, more than the ${limits.maxWidth} x ${limits.maxHeight} (${limits.maxPixels} pixels) allowed; scale it down.`,
    { subject: file },
  );
}

function checkStreams(file: string, info: MediaInfo, limits: MediaLimits): void {
  if (info.video === null && info.audio === null) {
    throw new EarshotError(
      'media_no_streams',
      `The file ${file} holds neither sound nor picture that can be decoded.`,
      { subject: file },
    );
  }
  if (info.durationSec > limits.maxDurationSec) {
    throw new EarshotError(
      'media_too_long',
      `The file ${file} lasts ${info.durationSec.toFixed(0)} s, more than the ${limits.maxDurationSec} s allowed; cut it into parts.`,
      { subject: file },
    );
  }
}

function assemble(
  raw: RawProbe,
  input: MediaInput,
  spans: Map<number, PacketSpan> | null,
  found: { video: RawStream | null; audio: RawStream | null; isPicture: boolean },
): MediaInfo {
  const videoSpan = found.video && spans?.get(found.video.index);
  const isStillImage =
    found.isPicture ||
    (raw.format.format_name === 'gif' && found.video?.nb_frames === '1') ||
    isOneFrameGif(raw, videoSpan);
  const present = (stream: RawStream | null) =>
    stream !== null && (spans === null || spans.has(stream.index)) ? stream : null;
  const video = found.isPicture ? found.video : present(found.video);
  const audio = isStillImage ? null : present(found.audio);
  const streams = [video, audio].filter((stream) => stream !== null);
  const starts = streams.map((s) => seconds(s.start_time) ?? spans?.get(s.index)?.startSec ?? 0);
  const startSec = isStillImage ? 0 : (seconds(raw.format.start_time) ?? Math.min(...starts, 0));
  const scannedEndSec = Math.max(
    0,
    ...streams.map((s) => (spans?.get(s.index)?.endSec ?? startSec) - startSec),
  );
  const declaredSec = HAS_ESTIMATED_DURATION.has(raw.format.format_name ?? '')
    ? null
    : seconds(raw.format.duration);
  const durationSec = isStillImage ? 0 : (declaredSec ?? scannedEndSec);

  const span = (stream: RawStream) => {
    if (isStillImage) return { startSec: 0, durationSec: 0 };
    const scanned = spans?.get(stream.index);
    const from = (seconds(stream.start_time) ?? scanned?.startSec ?? startSec) - startSec;
    const scannedSec = scanned && scanned.endSec - scanned.startSec;
    const lengthSec =
      (declaredSec && seconds(stream.duration)) || scannedSec || Math.max(0, durationSec - from);
    return { startSec: round6(from), durationSec: round6(lengthSec) };
  };
  return {
    ...containerOf(
      raw.format.format_name ?? '',
      raw.format.tags?.major_brand ?? '',
      input.head,
      video !== null,
    ),
    durationSec: round6(durationSec),
    startSec: round6(startSec),
    video: video && { ...describeVideo(video), ...span(video) },
    audio: audio && { ...describeAudio(audio), ...span(audio) },
    isStillImage,
    sizeBytes: input.sizeBytes,
  };
}

function isOneFrameGif(raw: RawProbe, span: PacketSpan | null | undefined): boolean {
  return raw.format.format_name === 'gif' && span?.packets === 1;
}

function describeVideo(stream: RawStream): Omit<VideoStreamInfo, 'startSec' | 'durationSec'> {
  const { width, height, rotationDegrees } = displayedSize(stream);
  return {
    streamIndex: stream.index,
    codec: stream.codec_name ?? 'unknown',
    width,
    height,
    rotationDegrees,
    frameRateHz: ratio(stream.avg_frame_rate) ?? ratio(stream.r_frame_rate) ?? 0,
    hasAlpha:
      stream.tags?.alpha_mode === '1' ||
      /^(yuva|gbrap|rgba|bgra|argb|abgr|ya\d|ayuv|pal8)/.test(stream.pix_fmt ?? ''),
    isAttachedPicture: false,
  };
}

function describeAudio(stream: RawStream): Omit<AudioStreamInfo, 'startSec' | 'durationSec'> {
  return {
    streamIndex: stream.index,
    codec: stream.codec_name ?? 'unknown',
    sampleRateHz: Number(stream.sample_rate),
    channels: stream.channels ?? 1,
  };
}

function displayedSize(stream: RawStream): { width: number; height: number; rotationDegrees: number } {
  const counterClockwise = stream.side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0;
  const rotationDegrees = (((Math.round(-counterClockwise / 90) * 90) % 360) + 360) % 360;
  const width = Math.round((stream.width ?? 0) * (ratio(stream.sample_aspect_ratio, ':') ?? 1));
  const height = stream.height ?? 0;
  return rotationDegrees % 180 === 0
    ? { width, height, rotationDegrees }
    : { width: height, height: width, rotationDegrees };
}

/** A decimal number of seconds, or null for "N/A" and absent ones. */
function seconds(text: string | undefined): number | null {
  const value = Number.parseFloat(text ?? '');
  return Number.isFinite(value) ? value : null;
}

/** "30000/1001" as a number; null for "0/0" and the like. */
function ratio(text: string | undefined, separator = '/'): number | null {
  const [numerator, denominator] = (text ?? '').split(separator).map(Number);
  const value = (numerator ?? 0) / (denominator ?? 0);
  return Number.isFinite(value) && value > 0 ? value : null;
}

function round6(value: number): number {
  return Math.round(value * 1e6) / 1e6 || 0;
}
