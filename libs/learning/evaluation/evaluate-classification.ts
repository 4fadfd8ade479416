/** `earshot evaluate --suite classification`: labelled clips, classified by a few examples of each label. */
import path from 'node:path';
import { EarshotError } from '#core/errors';
import type { EmbeddingModel } from '#model/embedding-model';
import { readModelInfo } from '#model/load-model';
import { DEFAULT_SCALE, uncalibrated } from '#model/network/scene';
import { filesBelow } from '../files-below.ts';
import { TESTED_DEGRADATION } from '../fusion/degradation.ts';
import { type ClassificationScores, scoreClassification } from './classification-suite.ts';
import { embedScenes } from './embed-scenes.ts';
import type { LabelledFile } from './evaluate-model.ts';

export interface ClassificationRequest {
  /** Disposed when the evaluation ends. */
  model: EmbeddingModel;
  /** Where the model's calibration stands; without one, temperatures are the defaults. */
  modelFolder: string;
  /** Those with a sound and a picture are also asked about under noise and in the dark. */
  clips: readonly LabelledFile[];
  /** A folder of sounds such as ESC-10, whose metrics begin with `esc10.`; null leaves it out. */
  esc10: string | null;
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

export interface ClassificationDocument extends ClassificationScores {
  suite: string;
  model: { id: string; version: string; dimension: number };
}

/**
 * Every clip is embedded once, and all episodes draw from what was embedded.
 *
 * @throws EarshotError `not_enough_data` where no two labels have clips of two recordings each
 */
export async function evaluateClassification(
  request: ClassificationRequest,
): Promise<ClassificationDocument> {
  const { model, modelFolder, clips, esc10, signal, onProgress } = request;
  try {
    const { calibration } = await readModelInfo(modelFolder);
    const fitted = calibration?.classification ?? uncalibrated(DEFAULT_SCALE);
    const sounds = esc10 === null ? [] : await soundsByFolder(esc10);
    const total = clips.length + sounds.length;
    const scenes = await embedScenes(model, clips, {
      ...{ signal, degradationOf: () => TESTED_DEGRADATION },
      onProgress: (done) => onProgress?.(done, total),
    });
    const heard = await embedScenes(model, sounds, {
      signal,
      onProgress: (done) => onProgress?.(clips.length + done, total),
    });
    const own = scoreClassification(scenes, fitted);
    const other = scoreClassification(heard, fitted);
    if (own.n + other.n === 0) {
      const message = 'Few-shot classification needs clips of two recordings or more of at least two labels.';
      throw new EarshotError('not_enough_data', message, { subject: 'clips' });
    }
    const prefixed = Object.entries(other.results).map(([name, score]) => [`esc10.${name}`, score]);
    const results = { ...own.results, ...Object.fromEntries(prefixed) };
    return { suite: 'classification', model: { ...model.identity }, n: own.n + other.n, results };
  } finally {
    model.dispose();
  }
}

/** In ESC-10's names, such as `5-215658-A.ogg`, the middle number is the recording's. */
const ESC10_NAME = /^\d+-(\d+)-[A-Z]\.\w+$/;

/** The sounds of a folder with a subfolder for each class, such as ESC-10. */
async function soundsByFolder(folder: string): Promise<LabelledFile[]> {
  const entries = await filesBelow(folder, /\.(ogg|wav|flac|mp3)$/i);
  return entries.map((entry) => ({
    ...{ id: entry, file: path.join(folder, entry), labels: [path.dirname(entry)] },
    source: ESC10_NAME.exec(path.basename(entry))?.[1],
  }));
}
