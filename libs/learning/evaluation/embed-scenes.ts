/** Labelled clips as scenes: what is heard and what is seen of each. */
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

/** In the order of the clips, by their first label; a stream that a file lacks is missing. */
export async function embedScenes(
  model: EmbeddingModel,
  clips: readonly LabelledFile[],
  { signal, onProgress }: EmbeddingProgress = {},
): Promise<LabelledScene[]> {
  const scenes: LabelledScene[] = [];
  for (const [index, { file, labels }] of clips.entries()) {
    if (signal?.aborted) throw new EarshotError('cancelled', 'The evaluation was stopped.');
    const info = await probe(file, { signal });
    scenes.push({
      label: labels[0] ?? '',
      audio: info.audio && (await embedSound(model, file, info, signal)),
      video: info.video && (await embedPicture(model, file, info, signal)),
    });
    onProgress?.(index + 1, clips.length);
  }
  return scenes;
}
