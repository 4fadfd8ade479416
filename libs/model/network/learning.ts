/** `learnCorrespondence` on clips in memory: defaults, checks, and a network that a failed run leaves as it was. */
import { TwoTowerNetwork } from '../towers/two-tower.ts';
import { learnCorrespondence } from '../training/learn-correspondence.ts';
import type { LearnResult, LearnOptions as RunOptions } from '../training/learn-options.ts';
import type { ObjectiveWeights } from '../training/objective.ts';
import { ArrayClipSource, type SourceSpec, stepsAlign } from './clip-source.ts';
import { type CheckedClip, type Clip, checkCount, checkPositive, refuse } from './inputs.ts';
import { checkLearning, type LearningOptions } from './options.ts';

/** Settings of a run; what is left out has a default that suits a few hundred clips. */
export interface LearnOptions
  extends LearningOptions,
    Pick<RunOptions, 'signal' | 'onStep' | 'onEvaluation'> {
  /** 10 unless told. */
  epochs?: number;
  /** 16 unless told, or all clips where there are fewer. */
  batchSize?: number;
  /** 1e-3 for AdamW, 5e-2 for SGD unless told. */
  peakLearningRate?: number;
  /** A tenth of the run, at most 100 steps, unless told. */
  warmUpSteps?: number;
  /** 1 unless told. */
  seed?: number;
  /** `true` unless told; `shuffled` is the control that must fail. */
  pairing?: RunOptions['pairing'];
  /** None unless told. */
  hardNegatives?: RunOptions['hardNegatives'];
  /** 0 unless told: the last weights are kept. */
  averageDecay?: number;
  /** With them, the best evaluation's weights are kept. */
  validation?: readonly Clip[];
  /** Once an epoch unless told. */
  evaluateEverySteps?: number;
  /** Never unless told. */
  patience?: number;
  /** With one, a run that was stopped goes on from where it was. */
  checkpoint?: RunOptions['checkpoint'];
}

const DEFAULT_BATCH = 16;
const LEARNING_RATE = { adamw: 1e-3, sgd: 5e-2 } as const;

/**
 * Trains a copy and, once the run has ended well, takes over its weights.
 *
 * @throws EarshotError `not_enough_data`, `invalid_argument`, or what the run itself throws
 */
export async function learnFromClips(
  network: TwoTowerNetwork,
  spec: SourceSpec,
  clips: readonly CheckedClip[],
  validation: readonly CheckedClip[] | null,
  options: LearnOptions,
): Promise<LearnResult> {
  const run = settings(spec, clips.length, options);
  const source = new ArrayClipSource(clips, spec);
  const copy = new TwoTowerNetwork(network.engine, network.options, 0);
  try {
    copy.store.restore(network.store.snapshot());
    const result = await learnCorrespondence(copy, source, {
      ...run,
      validation: validation && new ArrayClipSource(validation, spec),
    });
    network.store.restore(copy.store.snapshot());
    network.forgetFolded();
    return result;
  } finally {
    copy.dispose();
  }
}

/** Terms beside InfoNCE that a network of this shape learns with, unless told otherwise. */
function lossWeights(spec: SourceSpec, loss: LearningOptions['loss']): ObjectiveWeights {
  const weights = { class: 0, localization: 1, alignment: 1, ...loss };
  return { ...weights, alignment: stepsAlign(spec) ? weights.alignment : 0 };
}

function settings(spec: SourceSpec, size: number, options: LearnOptions): Omit<RunOptions, 'validation'> {
  if (size < 2) {
    const message = `Learning needs at least 2 clips to tell apart, but there ${size === 1 ? 'is 1' : 'are none'}.`;
    throw refuse('not_enough_data', 'clips', message);
  }
  checkLearning(options);
  const optimizer = options.optimizer ?? 'adamw';
  const epochs = checkCount(options.epochs ?? 10, 'epochs');
  const batchSize = checkCount(options.batchSize ?? Math.min(DEFAULT_BATCH, size), 'batchSize', 2);
  const stepsPerEpoch = Math.max(1, Math.floor(size / batchSize));
  const warmUpSteps = Math.min(100, Math.ceil((stepsPerEpoch * epochs) / 10));
  return {
    epochs,
    batchSize,
    peakLearningRate: checkPositive(options.peakLearningRate ?? LEARNING_RATE[optimizer], 'peakLearningRate'),
    optimizer,
    warmUpSteps: checkCount(options.warmUpSteps ?? warmUpSteps, 'warmUpSteps', 0),
    seed: checkCount(options.seed ?? 1, 'seed', 0),
    pairing: options.pairing ?? 'true',
    weights: lossWeights(spec, options.loss),
    hardNegatives: options.hardNegatives ?? { fromPart: 1, classRun: 0 },
    averageDecay: options.averageDecay ?? 0,
    evaluateEverySteps: checkCount(options.evaluateEverySteps ?? stepsPerEpoch, 'evaluateEverySteps'),
    patience: options.patience ?? Number.POSITIVE_INFINITY,
    checkpoint: options.checkpoint ?? null,
    signal: options.signal,
    onStep: options.onStep,
    onEvaluation: options.onEvaluation,
  };
}
