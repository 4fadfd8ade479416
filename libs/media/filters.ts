/**
 * The filter graphs that put decoded media on the common timeline: instant `skipSec` of the (seeked) input
 * becomes frame 0 and sample 0.
 */
import type { VideoStreamInfo } from './probe.ts';

/** Containers round times to their own clock (1 ms in Matroska); a frame due within this much is on screen. */
const CLOCK_TOLERANCE_SEC = 0.001;
/** Gaps and overlaps between audio packets below this are rounding of the container's clock, not silence. */
const AUDIO_GAP_SEC = 0.04;

export type Fit = 'stretch' | 'cover';

/** Part of a picture, in 0..1 of its width and height. */
export interface PictureRegion {
  x: number;
  y: number;
  width: number;
  height: number;
}

interface PictureSize {
  width: number;
  height: number;
  fit: Fit;
  region: PictureRegion | null;
  /** Instead of the region; see `FramesRequest`. */
  parts: readonly (PictureRegion | null)[] | null;
}

/**
 * Frames on a fixed grid, each the picture on screen at its instant, scaled to RGB.
 * @param rateHz `null` for a still image, of which the one frame is answered
 */
export function pictureFilter(
  video: VideoStreamInfo,
  size: PictureSize,
  grid: { rateHz: number | null; skipSec: number },
): string {
  const start = (grid.skipSec + CLOCK_TOLERANCE_SEC).toFixed(6);
  return [
    // The microsecond clock keeps the grid's origin exact where a container counts in whole frames.
    ...(grid.rateHz === null
      ? []
      : ['settb=1/1000000', `fps=fps=${grid.rateHz}:start_time=${start}:round=up`]),
    ...(video.hasAlpha ? ['format=gbrap', 'premultiply=inplace=1', 'format=gbrp'] : []),
    size.parts ? stackFilter(video, size, size.parts) : partFilters(video, size, size.region).join(','),
    'format=rgb24',
  ].join(',');
}

function partFilters(video: VideoStreamInfo, size: PictureSize, region: PictureRegion | null): string[] {
  return [...(region ? [cropFilter(region)] : []), ...scaleFilters(video, size)];
}

/** Each part goes its own way, and they meet one below the other. */
function stackFilter(
  video: VideoStreamInfo,
  size: PictureSize,
  parts: readonly (PictureRegion | null)[],
): string {
  const partSize = { ...size, height: size.height / parts.length };
  const names = parts.map((_, i) => `[part${i}]`);
  const scaled = parts.map((_, i) => `[scaled${i}]`);
  const ways = parts.map(
    (part, i) => `${names[i]}${partFilters(video, partSize, part).join(',')}${scaled[i]}`,
  );
  return [
    `split=${parts.length}${names.join('')}`,
    ...ways,
    `${scaled.join('')}vstack=inputs=${parts.length}`,
  ].join(';');
}

/** At least two pixels either way, inside the picture. */
function cropFilter({ x, y, width, height }: PictureRegion): string {
  const share = (value: number) => value.toFixed(6);
  const size = (side: string, part: number) => `max(2\\,floor(${side}*${share(part)}))`;
  const from = (side: string, part: number) => `floor(${side}*${share(part)})`;
  return `crop=w=${size('iw', width)}:h=${size('ih', height)}:x=${from('iw', x)}:y=${from('ih', y)}:exact=1`;
}

function scaleFilters(
  video: VideoStreamInfo,
  { width, height, fit }: { width: number; height: number; fit: Fit },
): string[] {
  if (fit === 'stretch') return [`scale=${width}:${height}:flags=area`];
  const zoom = Math.max(width / video.width, height / video.height);
  const scaledWidth = Math.max(width, Math.round(video.width * zoom));
  const scaledHeight = Math.max(height, Math.round(video.height * zoom));
  return [`scale=${scaledWidth}:${scaledHeight}:flags=area`, `crop=${width}:${height}`];
}

/**
 * Float samples from `skipSec` on, silence where the stream has none. To mono, channels are averaged, never added
 * up, whatever the codec's sample format; or every channel is kept as it is.
 */
export function soundFilter(
  channels: number,
  {
    sampleRateHz,
    total,
    channels: wanted,
  }: { sampleRateHz: number; total: number; channels?: 'mono' | 'all' },
  skipSec: number,
): string {
  const firstSample = Math.round(skipSec * sampleRateHz);
  const timing = `async=1:first_pts=${firstSample}:min_comp=0.000001:min_hard_comp=${AUDIO_GAP_SEC}`;
  if (wanted === 'all') {
    return [
      `aresample=${sampleRateHz}:osf=flt`,
      `aresample=${sampleRateHz}:${timing}`,
      `atrim=end_sample=${total}`,
    ].join(',');
  }
  // Beyond 7.1 no layout says how loud each channel is.
  const mean = Array.from({ length: channels }, (_, i) => `${1 / channels}*c${i}`).join('+');
  return [
    ...(channels > 8 ? [`pan=mono|c0=${mean}`] : []),
    // Twice, because ffmpeg counts `first_pts` in a mix of the two rates unless they are equal.
    `aresample=${sampleRateHz}:ochl=mono:osf=flt:rematrix_maxval=1`,
    `aformat=sample_fmts=flt:sample_rates=${sampleRateHz}:channel_layouts=mono`,
    `aresample=${sampleRateHz}:${timing}`,
    `atrim=end_sample=${total}`,
  ].join(',');
}
