/** `earshot evaluate --suite classification`: labelled clips, classified by a few examples of each label. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import type { EmbeddingModel } from '#model/embedding-model';
import { readModelInfo } from '#model/load-model';
import { DEFAULT_SCALE, uncalibrated } from '#model/network/scene';
import { type ClassificationScores, scoreClassification } from './classification-suite.ts';
import { embedScenes } from './embed-scenes.ts';
import type { LabelledFile } from './evaluate-model.ts';

export interface ClassificationRequest {
  /** Disposed when the evaluation ends. */
  model: EmbeddingModel;
  /** Where the model's calibration stands; without one, temperatures are the defaults. */
  modelFolder: string;
  clips: readonly LabelledFile[];
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

export interface ClassificationDocument extends ClassificationScores {
  suite: string;
  model: { id: string; version: string; dimension: number };
}

/** @throws EarshotError `not_enough_data` where no two labels have two clips each */
export async function evaluateClassification(
  request: ClassificationRequest,
): Promise<ClassificationDocument> {
  const { model, modelFolder, clips } = request;
  try {
    const { calibration } = await readModelInfo(modelFolder);
    const scenes = await embedScenes(model, clips, request);
    const scores = scoreClassification(scenes, calibration?.classification ?? uncalibrated(DEFAULT_SCALE));
    if (scores.n === 0) {
      const message = 'Few-shot classification needs two clips or more of at least two labels.';
      throw new EarshotError('not_enough_data', message, { subject: 'clips' });
    }
    return { suite: 'classification', model: { ...model.identity }, ...scores };
  } finally {
    model.dispose();
  }
}

/** The sounds of a folder with a subfolder for each class, such as ESC-10. */
export async function soundsByFolder(folder: string): Promise<LabelledFile[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries
    .filter((entry) => /\.(ogg|wav|flac|mp3)$/i.test(entry))
    .sort()
    .map((entry) => ({ id: entry, file: path.join(folder, entry), labels: [path.dirname(entry)] }));
}
