/** The outline of a sound, for a player to draw. */
import { EarshotError } from '#core/errors';
import { decodeStreams } from './decode.ts';
import type { MediaLimits } from './limits.ts';
import { type MediaInfo, probe } from './probe.ts';

/** Enough to meet every visible peak without decoding at studio rates. */
const WAVEFORM_RATE_HZ = 16000;

export interface WaveformOptions {
  buckets: number;
  limits?: Partial<MediaLimits>;
  signal?: AbortSignal;
  info?: MediaInfo;
}

/**
 * The least and greatest sample in each of `buckets` equal parts of the file's duration, in constant memory.
 *
 * @returns `[min, max]` pairs in [-1, 1]; `[0, 0]` where there is no sound
 * @throws EarshotError as `decodeSamples`; `invalid_argument`, `modality_missing`
 */
export async function waveformPeaks(file: string, options: WaveformOptions): Promise<[number, number][]> {
  const { buckets } = options;
  if (!Number.isInteger(buckets) || buckets < 1) {
    throw new EarshotError('invalid_argument', 'The number of buckets must be whole and positive.');
  }
  const info = options.info ?? (await probe(file, options));
  const peaks = Array.from({ length: buckets }, (): [number, number] => [0, 0]);
  const filled = new Uint8Array(buckets);
  const total = Math.max(1, Math.round(info.durationSec * WAVEFORM_RATE_HZ));
  const samples = { sampleRateHz: WAVEFORM_RATE_HZ };
  const work = { limits: options.limits, signal: options.signal, info };
  for await (const chunk of decodeStreams(file, { ...work, samples })) {
    if (chunk.kind !== 'samples') continue;
    for (let i = 0; i < chunk.data.length; i++) {
      const value = Math.max(-1, Math.min(1, chunk.data[i] as number));
      const bucket = Math.min(buckets - 1, Math.floor(((chunk.firstSample + i) / total) * buckets));
      const peak = peaks[bucket] as [number, number];
      if (filled[bucket] === 0 || value < peak[0]) peak[0] = value;
      if (filled[bucket] === 0 || value > peak[1]) peak[1] = value;
      filled[bucket] = 1;
    }
  }
  return peaks;
}
