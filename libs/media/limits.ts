/** What a media file may ask of this machine. Checked from the file's headers, before anything is decoded. */

export interface MediaLimits {
  maxDurationSec: number;
  /** Of the picture as displayed, in pixels. */
  maxWidth: number;
  maxHeight: number;
  maxPixels: number;
  /** Streams of any kind in the container, subtitles and cover pictures included. */
  maxStreams: number;
  maxFileBytes: number;
  /**
   * Seconds ffmpeg may work on one call, on top of the duration of the window asked for. Time in which ffmpeg
   * waits for the reader of its output does not count.
   */
  decodeTimeoutSec: number;
}

export const DEFAULT_MEDIA_LIMITS: MediaLimits = {
  maxDurationSec: 6 * 3600,
  maxWidth: 8192,
  maxHeight: 8192,
  maxPixels: 8192 * 8192,
  maxStreams: 64,
  maxFileBytes: 64 * 2 ** 30,
  decodeTimeoutSec: 120,
};
