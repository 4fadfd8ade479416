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

async function embedSound(
  model: EmbeddingModel,
  file: string,
  info: MediaInfo,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return unitMean(await embedSounds(model, file, clipWindows(model, info), { info, signal }));
}

async function embedPicture(
  model: EmbeddingModel,
  file: string,
  info: MediaInfo,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return unitMean(await embedPictures(model, file, clipWindows(model, info), { info, signal }));
}

interface Window {
  startSec: number;
  endSec: number;
}

interface DecodingOptions {
  /** What the file was found to be; left out: it is looked at again. */
  info?: MediaInfo;
  signal?: AbortSignal;
}

/** One unit vector a window. */
export async function embedSounds(
  model: EmbeddingModel,
  file: string,
  windows: readonly Window[],
  options?: DecodingOptions,
): Promise<Float32Array[]> {
  return model.embedAudio(await decodeSounds(model, file, windows, options));
}

/** One unit vector a window. */
export async function embedPictures(
  model: EmbeddingModel,
  file: string,
  windows: readonly Window[],
  options?: DecodingOptions,
): Promise<Float32Array[]> {
  return model.embedVideo(await decodePictures(model, file, windows, options));
}

/** One waveform a window, at the model's rate. */
export async function decodeSounds(
  model: EmbeddingModel,
  file: string,
  windows: readonly Window[],
  { info, signal }: DecodingOptions = {},
): Promise<Float32Array[]> {
  const { sampleRateHz } = model.audioInput;
  const waveforms: Float32Array[] = [];
  for (const window of windows)
    waveforms.push((await decodeSamples(file, { ...window, sampleRateHz, info, signal })).data);
  return waveforms;
}

/** One block of frames a window, as the model takes them. */
export async function decodePictures(
  model: EmbeddingModel,
  file: string,
  windows: readonly Window[],
  { info, signal }: DecodingOptions = {},
): Promise<FrameBlock[]> {
  const blocks: FrameBlock[] = [];
  for (const window of windows) {
    const { data, count } = await decodeFrames(file, { ...window, ...model.videoInput, info, signal });
    blocks.push({ data, count });
  }
  return blocks;
}

/** A clip's segments, as far as it is measured. */
export function clipWindows({ segments }: EmbeddingModel, { durationSec }: MediaInfo): Window[] {
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
export function unitMean(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors)
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (vector[i] as number);
  const norm = Math.hypot(...sum) || 1;
  return sum.map((value) => value / norm);
}
