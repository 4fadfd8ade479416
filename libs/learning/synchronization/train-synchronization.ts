/** One run from clips to a synchronisation head in a model's folder. */
import { EarshotError } from '#core/errors';
import { readTwoTowerManifest } from '#model/checkpoint/checkpoint';
import { readSynchronization, writeSynchronization } from '#model/checkpoint/synchronization';
import { withPlaces } from '#model/synchronization/synchronization-head';
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
  /** The head that the model has goes on telling places apart; the new one is for offsets alone. */
  keepPlaces?: boolean;
}

export interface SynchronizationTrained extends Omit<LearnedSynchronization, 'arrays'> {
  model: { id: string; version: string };
  /** Training clips: the corpus's, its duets and trios, those of each list. */
  clips: number[];
  durationSec: number;
}

/** @throws EarshotError `file_not_found`, `not_enough_data`, `model_not_found`, `model_invalid`, `cancelled` */
export async function trainSynchronization(
  options: SynchronizationTraining,
): Promise<SynchronizationTrained> {
  const started = Date.now();
  const there = await headBefore(options.modelFolder);
  const before = options.resume ? there : null;
  const { corpus, seed, steps, batchSize, peakLearningRate } = options;
  const train = await corpusShiftedClips(corpus, 'train', options);
  const validation = await corpusShiftedClips(corpus, 'validation', { ...options, maxClips: undefined });
  const lists = [];
  for (const list of options.also) lists.push(await listShiftedClips(list, options));
  const scenes = await scenesOf(options);
  const first = scenes.reduce((all, { clips }) => all.joined(clips), train.clips);
  const sets = [first, ...lists.map((list) => list.train)];
  const { arrays, ...learned } = await learnSynchronization({
    ...options,
    initial: before?.head.arrays,
    train: sets,
    validation: [validation.clips, ...lists.map((list) => list.validation)],
  });
  const ofCorpus = [train, ...scenes].map((part) => part.clips.count);
  const clips = [...ofCorpus, ...lists.map((list) => list.train.count)];
  const places = options.keepPlaces ? there?.head.places : undefined;
  const written = places ? withPlaces(arrays, places) : arrays;
  const manifest = await writeSynchronization(options.modelFolder, written, {
    leastSynchronizability: learned.fit.least,
    training: {
      corpus: {
        train: train.hash,
        ...Object.fromEntries(scenes.map(({ split, hash }) => [split, hash])),
        validation: validation.hash,
      },
      clips,
      seed,
      steps,
      batchSize,
      peakLearningRate,
      loss: Number(learned.loss.toFixed(4)),
      ...(before && { from: before.training }),
      ...(places && { places: there?.places }),
    },
  });
  const { id, version } = manifest;
  return { ...learned, model: { id, version }, clips, durationSec: (Date.now() - started) / 1000 };
}

/** Duets and trios, where the corpus has them: more that moves as it sounds. */
async function scenesOf({ corpus, cacheFolder, signal, onProgress }: SynchronizationTraining) {
  const found = [];
  for (const split of ['train-duets', 'train-trios'] as const) {
    try {
      const scenes = await corpusShiftedClips(corpus, split, { cacheFolder, signal, onProgress });
      found.push({ split, ...scenes });
    } catch (error) {
      if (!(error instanceof EarshotError && error.code === 'file_not_found')) throw error;
    }
  }
  return found;
}

/** The head that a model has, and how it was learned. */
async function headBefore(modelFolder: string) {
  const manifest = await readTwoTowerManifest(modelFolder);
  const stored = await readSynchronization(modelFolder, manifest);
  if (!stored) return null;
  const training = manifest.heads?.synchronization?.training;
  const isKept = stored.head.places !== stored.head;
  return { head: stored.head, training, places: isKept ? training?.places : training };
}
