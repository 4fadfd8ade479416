import { decodeStreams } from '#media/decode';
import type { FrameBlock, VideoInputSpec } from '#model/embedding-model';

export interface ClipMedia {
  block: FrameBlock;
  samples: Float32Array;
}

/** A clip's beginning as a model takes it, picture and sound in one pass. */
export async function decodeBeginning(
  file: string,
  options: { lengthSec: number; video: VideoInputSpec; sampleRateHz: number; signal?: AbortSignal },
): Promise<ClipMedia> {
  const { lengthSec, sampleRateHz, signal } = options;
  const { rateHz, width, height, fit } = options.video;
  const frameBytes = width * height * 3;
  const count = Math.round(lengthSec * rateHz);
  const data = new Uint8Array(count * frameBytes);
  const samples = new Float32Array(Math.round(lengthSec * sampleRateHz));
  const streams = { frames: { rateHz, width, height, fit }, samples: { sampleRateHz } };
  for await (const chunk of decodeStreams(file, { ...streams, startSec: 0, endSec: lengthSec, signal })) {
    if (chunk.kind === 'samples') samples.set(chunk.data, chunk.firstSample);
    else data.set(chunk.data, chunk.firstIndex * frameBytes);
  }
  return { block: { data, count }, samples };
}
