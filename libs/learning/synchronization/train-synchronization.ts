/** One run from clips to a synchronisation head in a model's folder. */
import { readTwoTowerManifest } from '#model/checkpoint/checkpoint';
import { readSynchronization, writeSynchronization } from '#model/checkpoint/synchronization';
import {
  type LearnedSynchronization,
  learnSynchronization,
  type SynchronizationLearning,
} from './learn-synchronization.ts';
import { type ClipsOptions, corpusShiftedClips, listShiftedClips } from './synchronization-clips.ts';

export interface SynchronizationTraining
  extends ClipsOptions,
    Pick<SynchronizationLearning, 'steps' | 'batchSize' | 'peakLearningRate' | 'seed' | 'onStep'> {
  corpus: string;
  /** Further lists of clips, real ones for example. */
  also: readonly string[];
  /** Only the first so many training clips of the corpus. */
  maxClips?: number;
  /** Of the model that gets the head. */
  modelFolder: string;
  /** Goes on from the head that the model has, where it has one. */
  resume?: boolean;
}

export interface SynchronizationTrained extends Omit<LearnedSynchronization, 'arrays'> {
  model: { id: string; version: string };
  /** Training clips, of the corpus first. */
  clips: number[];
  durationSec: number;
}

/** @throws EarshotError `file_not_found`, `not_enough_data`, `model_not_found`, `model_invalid`, `cancelled` */
export async function trainSynchronization(
  options: SynchronizationTraining,
): Promise<SynchronizationTrained> {
  const started = Date.now();
  const before = options.resume ? await headBefore(options.modelFolder) : null;
  const { corpus, seed, steps, batchSize, peakLearningRate } = options;
  const train = await corpusShiftedClips(corpus, 'train', options);
  const validation = await corpusShiftedClips(corpus, 'validation', { ...options, maxClips: undefined });
  const lists = [];
  for (const list of options.also) lists.push(await listShiftedClips(list, options));
  const sets = [train.clips, ...lists.map((list) => list.train)];
  const { arrays, ...learned } = await learnSynchronization({
    ...options,
    initial: before?.arrays,
    train: sets,
    validation: [validation.clips, ...lists.map((list) => list.validation)],
  });
  const clips = sets.map(({ count }) => count);
  const manifest = await writeSynchronization(options.modelFolder, arrays, {
    leastSynchronizability: learned.fit.least,
    training: {
      corpus: { train: train.hash, validation: validation.hash },
      clips,
      seed,
      steps,
      batchSize,
      peakLearningRate,
      loss: Number(learned.loss.toFixed(4)),
      ...(before && { from: before.training }),
    },
  });
  const { id, version } = manifest;
  return { ...learned, model: { id, version }, clips, durationSec: (Date.now() - started) / 1000 };
}

/** The head that a model has, and how it was learned. */
async function headBefore(modelFolder: string) {
  const manifest = await readTwoTowerManifest(modelFolder);
  const stored = await readSynchronization(modelFolder, manifest);
  return stored && { arrays: stored.head.arrays, training: manifest.heads?.synchronization?.training };
}
