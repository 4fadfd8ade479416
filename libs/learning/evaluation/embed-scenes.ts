/** Labelled clips as scenes: what is heard and what is seen of each, as it is and where it has suffered. */
import pLimit from 'p-limit';
import { EarshotError } from '#core/errors';
import { type MediaInfo, probe } from '#media/probe';
import type { LabelledScene } from '#model/calibration/few-shot';
import type { EmbeddingModel, FrameBlock } from '#model/embedding-model';
import type { SceneEmbeddings } from '#model/network/label-cosines';
import { type Degradation, inTheDark, underNoise } from '../fusion/degradation.ts';
import { clipWindows, decodePictures, decodeSounds, unitMean } from './embed-clip.ts';
import type { LabelledFile } from './evaluate-model.ts';

export interface EmbeddingProgress {
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

export interface SceneOptions extends EmbeddingProgress {
  /** What each clip suffers in `degraded`; left out: there is none of it. */
  degradationOf?(clip: LabelledFile): Degradation;
}

export interface MeasuredScene extends LabelledScene {
  /** The same under noise and in the dark. */
  degraded?: SceneEmbeddings;
}

/** Decoders of several clips run beside the towers of one. */
const CLIPS_AT_ONCE = 4;

/**
 * In the order of the clips, by their first label; a stream that a file lacks is missing. Every clip is decoded once,
 * whether or not it is degraded as well.
 */
export async function embedScenes(
  model: EmbeddingModel,
  clips: readonly LabelledFile[],
  options: SceneOptions = {},
): Promise<MeasuredScene[]> {
  return forEachClip(clips, options, async (clip, info) => {
    const { labels, source, file } = clip;
    const windows = clipWindows(model, info);
    const degradation = options.degradationOf?.(clip) ?? null;
    const decoding = { info, signal: options.signal };
    const sounds = info.audio && (await decodeSounds(model, file, windows, decoding));
    const pictures = info.video && (await decodePictures(model, file, windows, decoding));
    const noisy = degradation && sounds?.map((sound, i) => underNoise(sound, degradation, `${clip.id}/${i}`));
    const dark = degradation && pictures?.map((block, i) => inTheDark(block, degradation, `${clip.id}/${i}`));
    const heard = async (waveforms: readonly Float32Array[] | null | undefined) =>
      waveforms ? unitMean(await model.embedAudio(waveforms)) : null;
    const seen = async (blocks: readonly FrameBlock[] | null | undefined) =>
      blocks ? unitMean(await model.embedVideo(blocks)) : null;
    return {
      ...{ label: labels[0] ?? '', source },
      ...{ audio: await heard(sounds), video: await seen(pictures) },
      ...(degradation && { degraded: { audio: await heard(noisy), video: await seen(dark) } }),
    };
  });
}

async function forEachClip<Scene>(
  clips: readonly LabelledFile[],
  { signal, onProgress }: EmbeddingProgress,
  embed: (clip: LabelledFile, info: MediaInfo) => Promise<Scene>,
): Promise<Scene[]> {
  const limit = pLimit(CLIPS_AT_ONCE);
  let done = 0;
  const embedOne = async (clip: LabelledFile): Promise<Scene> => {
    if (signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
    const scene = await embed(clip, await probe(clip.file, { signal }));
    done += 1;
    onProgress?.(done, clips.length);
    return scene;
  };
  try {
    return await Promise.all(clips.map((clip) => limit(() => embedOne(clip))));
  } catch (error) {
    limit.clearQueue();
    throw error;
  }
}
