/** A clip as its model measures it: whole, by the mean of its segments. */
import { decodeFrames, decodeSamples } from '#media/decode';
import type { MediaInfo } from '#media/probe';
import type { EmbeddingModel, FrameBlock } from '#model/embedding-model';

/** Longest part of a clip that is measured. */
const MAX_CLIP_SEC = 60;

/** Unit vectors of a file with sound and picture. */
export async function embedClip(
  model: EmbeddingModel,
  file: string,
  info: MediaInfo,
  signal?: AbortSignal,
): Promise<{ audio: Float32Array; video: Float32Array }> {
  return {
    audio: await embedSound(model, file, info, signal),
    video: await embedPicture(model, file, info, signal),
  };
}

export async function embedSound(
  model: EmbeddingModel,
  file: string,
  info: MediaInfo,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return unitMean(await embedSounds(model, file, windowsOf(model, info), signal));
}

export async function embedPicture(
  model: EmbeddingModel,
  file: string,
  info: MediaInfo,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return unitMean(await embedPictures(model, file, windowsOf(model, info), signal));
}

interface Window {
  startSec: number;
  endSec: number;
}

/** One unit vector a window. */
export async function embedSounds(
  model: EmbeddingModel,
  file: string,
  windows: readonly Window[],
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const { sampleRateHz } = model.audioInput;
  const waveforms: Float32Array[] = [];
  for (const window of windows)
    waveforms.push((await decodeSamples(file, { ...window, sampleRateHz, signal })).data);
  return model.embedAudio(waveforms);
}

/** One unit vector a window. */
export async function embedPictures(
  model: EmbeddingModel,
  file: string,
  windows: readonly Window[],
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const blocks: FrameBlock[] = [];
  for (const window of windows) {
    const { data, count } = await decodeFrames(file, { ...window, ...model.videoInput, signal });
    blocks.push({ data, count });
  }
  return model.embedVideo(blocks);
}

function windowsOf({ segments }: EmbeddingModel, { durationSec }: MediaInfo): Window[] {
  const usedSec = Math.min(durationSec, MAX_CLIP_SEC);
  const windows: Window[] = [];
  for (
    let startSec = 0;
    startSec === 0 || startSec + segments.lengthSec <= usedSec;
    startSec += segments.hopSec
  )
    windows.push({ startSec, endSec: Math.min(startSec + segments.lengthSec, usedSec) });
  return windows;
}

/** Direction of the mean of unit vectors. */
function unitMean(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors)
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (vector[i] as number);
  const norm = Math.hypot(...sum) || 1;
  return sum.map((value) => value / norm);
}
