/** Labelled clips as scenes: what is heard and what is seen of each. */
import pLimit from 'p-limit';
import { EarshotError } from '#core/errors';
import { probe } from '#media/probe';
import type { LabelledScene } from '#model/calibration/few-shot';
import type { EmbeddingModel } from '#model/embedding-model';
import { embedPicture, embedSound } from './embed-clip.ts';
import type { LabelledFile } from './evaluate-model.ts';

export interface EmbeddingProgress {
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

/** Decoders of several clips run beside the towers of one. */
const CLIPS_AT_ONCE = 4;

/** In the order of the clips, by their first label; a stream that a file lacks is missing. */
export async function embedScenes(
  model: EmbeddingModel,
  clips: readonly LabelledFile[],
  { signal, onProgress }: EmbeddingProgress = {},
): Promise<LabelledScene[]> {
  const limit = pLimit(CLIPS_AT_ONCE);
  let done = 0;
  const embed = async ({ file, labels }: LabelledFile): Promise<LabelledScene> => {
    if (signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
    const info = await probe(file, { signal });
    const audio = info.audio && (await embedSound(model, file, info, signal));
    const video = info.video && (await embedPicture(model, file, info, signal));
    done += 1;
    onProgress?.(done, clips.length);
    return { label: labels[0] ?? '', audio, video };
  };
  try {
    return await Promise.all(clips.map((clip) => limit(() => embed(clip))));
  } catch (error) {
    limit.clearQueue();
    throw error;
  }
}
