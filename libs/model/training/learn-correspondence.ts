/**
 * Learning which sounds and pictures belong together, from pairs alone.
 *
 * Every step is a function of the seed and the step's number: which clips, which frames, which augmentation. A run
 * that is killed and resumed from its checkpoint therefore makes the same weights as one that was not.
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import { rankQuery, similarityMatrix } from '../metrics/retrieval.ts';
import { MAX_LOG_SCALE, symmetricInfoNce } from '../objectives/info-nce.ts';
import { prototypeLoss } from '../objectives/prototype-loss.ts';
import type { TwoTowerNetwork } from '../towers/two-tower.ts';
import { Adam, cosineSchedule } from './adam.ts';
import { loadCheckpoint, saveCheckpoint, type TrainingState } from './checkpoints.ts';
import type { TrainingBatch, TrainingSource } from './training-source.ts';

export interface LearnOptions {
  epochs: number;
  batchSize: number;
  peakLearningRate: number;
  warmUpSteps: number;
  seed: number;
  /** `shuffled` gives every picture the sound of another clip, always the same one: the control that must fail. */
  pairing: 'true' | 'shuffled';
  /**
   * Weight of the class loss where the source has labels; 0 learns from pairs alone. A pair carries the label of its
   * picture, so that shuffled pairs carry wrong ones.
   */
  classWeight: number;
  /** Evaluate on the validation clips every so many steps. */
  evaluateEverySteps: number;
  /** Stop after so many evaluations without a better validation score. */
  patience: number;
  validation: TrainingSource | null;
  checkpoint: { folder: string; everySteps: number; resume: boolean } | null;
  signal?: AbortSignal;
  onStep?(report: StepReport): void;
  onEvaluation?(report: EvaluationReport): void;
}

export interface StepReport {
  step: number;
  totalSteps: number;
  loss: number;
  gradientNorm: number;
  learningRate: number;
  temperature: number;
  stepMs: number;
}

export interface EvaluationReport {
  step: number;
  /** Mean of both directions. */
  r1: number;
  r10: number;
  /** Class-level mean average precision of both directions, where the source has labels. */
  classMap: number | null;
  chanceR10: number;
}

export interface LearnResult {
  step: number;
  stoppedBy: 'end' | 'patience';
  bestStep: number;
  /** The loss of the last step. */
  lastLoss: number;
}

/** Weights under this name serve training alone and are no part of the model. */
export const TRAINING_ONLY = 'training/';

/** How slowly the running statistics follow the batches'; a plain average until that many have been seen. */
const STATISTICS_MOMENTUM = 0.97;

/**
 * Trains the network in place. With validation clips it ends with the weights of the best evaluation.
 *
 * @throws EarshotError `not_enough_data` with fewer clips than one batch, `training_diverged`, `cancelled` (a
 *   checkpoint has been written then, if there is a folder for it)
 */
export async function learnCorrespondence(
  network: TwoTowerNetwork,
  source: TrainingSource,
  options: LearnOptions,
): Promise<LearnResult> {
  return new CorrespondenceLearner(network, source, options).run();
}

class CorrespondenceLearner {
  readonly #network: TwoTowerNetwork;
  readonly #source: TrainingSource;
  readonly #options: LearnOptions;
  readonly #optimizer: Adam;
  readonly #totalSteps: number;
  readonly #stepsPerEpoch: number;
  readonly #partner: number[];
  readonly #prototypes: Prototypes | null;
  #state: TrainingState;
  #best: ReturnType<TwoTowerNetwork['store']['snapshot']> | null = null;
  #lastLoss = Number.NaN;

  constructor(network: TwoTowerNetwork, source: TrainingSource, options: LearnOptions) {
    if (source.size < options.batchSize) {
      throw new EarshotError(
        'not_enough_data',
        `A batch needs ${options.batchSize} clips, but there are only ${source.size}: add clips or lower the batch size.`,
      );
    }
    this.#network = network;
    this.#source = source;
    this.#options = options;
    this.#prototypes = options.classWeight > 0 ? createPrototypes(network, source) : null;
    this.#optimizer = new Adam(network.store);
    this.#stepsPerEpoch = Math.floor(source.size / options.batchSize);
    this.#totalSteps = this.#stepsPerEpoch * options.epochs;
    this.#partner = pairing(source.size, options);
    const { epochs, batchSize, peakLearningRate, warmUpSteps, seed, pairing: pairs, classWeight } = options;
    this.#state = {
      step: 0,
      optimizerStep: 0,
      bestScore: Number.NEGATIVE_INFINITY,
      bestStep: 0,
      evaluationsSinceBest: 0,
      settings: {
        epochs,
        batchSize,
        peakLearningRate,
        warmUpSteps,
        seed,
        pairing: pairs,
        classWeight,
        clips: source.size,
      },
    };
  }

  async run(): Promise<LearnResult> {
    const { checkpoint, evaluateEverySteps, patience, validation, signal } = this.#options;
    if (checkpoint?.resume) await this.#resume(checkpoint.folder);
    let stoppedBy: LearnResult['stoppedBy'] = 'end';
    while (this.#state.step < this.#totalSteps) {
      if (signal?.aborted) {
        await this.#save();
        throw new EarshotError('cancelled', 'Training was stopped; run it again with --resume to go on.');
      }
      this.#step();
      const { step } = this.#state;
      if (validation && (step % evaluateEverySteps === 0 || step === this.#totalSteps))
        this.#evaluate(validation);
      if (checkpoint && step % checkpoint.everySteps === 0) await this.#save();
      if (this.#state.evaluationsSinceBest >= patience) {
        stoppedBy = 'patience';
        break;
      }
      // Lets timers, signals and other work in between two steps.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await this.#save();
    if (this.#best) {
      this.#network.store.restore(this.#best);
      this.#network.afterUpdate(STATISTICS_MOMENTUM);
    }
    return { step: this.#state.step, stoppedBy, bestStep: this.#state.bestStep, lastLoss: this.#lastLoss };
  }

  #step(): void {
    const started = performance.now();
    const { step } = this.#state;
    const { batchSize, seed, peakLearningRate, warmUpSteps } = this.#options;
    const epoch = Math.floor(step / this.#stepsPerEpoch);
    const order = new SeededRandom(`${seed}:epoch:${epoch}`).shuffle(
      Array.from({ length: this.#source.size }, (_, i) => i),
    );
    const position = (step % this.#stepsPerEpoch) * batchSize;
    const pictures = order.slice(position, position + batchSize);
    const sounds = pictures.map((index) => this.#partner[index] as number);
    const batch = this.#source.batch(sounds, pictures, new SeededRandom(`${seed}:step:${step}`));
    const learningRate = cosineSchedule(step, {
      peak: peakLearningRate,
      warmUpSteps,
      totalSteps: this.#totalSteps,
    });
    const { loss, gradientNorm } = this.#descend(batch, pictures, learningRate);
    this.#lastLoss = loss;
    this.#state.step = step + 1;
    this.#state.optimizerStep = this.#optimizer.step;
    const logScale = this.#network.logScale.dataSync()[0] as number;
    this.#options.onStep?.({
      step: step + 1,
      totalSteps: this.#totalSteps,
      loss,
      gradientNorm,
      learningRate,
      temperature: Math.exp(-logScale),
      stepMs: performance.now() - started,
    });
  }

  #descend(
    batch: TrainingBatch,
    pictures: readonly number[],
    learningRate: number,
  ): { loss: number; gradientNorm: number } {
    const { engine, store, logScale } = this.#network;
    const { tf } = engine;
    const variables = [...store.trainable.values()];
    const nameOf = new Map([...store.trainable].map(([name, variable]) => [variable.name, name]));
    const { value, grads } = tf.variableGrads(() => {
      const { audio, video } = forward(this.#network, this.#source, batch, pictures.length, true);
      const pairLoss = symmetricInfoNce(tf, audio, video, logScale);
      if (!this.#prototypes) return pairLoss;
      const labels = pictures.map((clip) => (this.#prototypes as Prototypes).classOf[clip] as number);
      const vectors = this.#prototypes.vectors as unknown as tfTypes.Tensor2D;
      const classLoss = tf.add(
        prototypeLoss(tf, audio, vectors, labels),
        prototypeLoss(tf, video, vectors, labels),
      );
      return tf.add(pairLoss, tf.mul(classLoss, this.#options.classWeight / 2)) as tfTypes.Scalar;
    }, variables);
    const loss = value.dataSync()[0] as number;
    value.dispose();
    if (!Number.isFinite(loss)) {
      throw new EarshotError(
        'training_diverged',
        `The loss is ${loss} at step ${this.#state.step}: lower the learning rate.`,
      );
    }
    const gradients = new Map(
      Object.entries(grads).map(([name, grad]) => [nameOf.get(name) as string, grad]),
    );
    const gradientNorm = this.#optimizer.update(gradients, learningRate);
    const clipped = tf.tidy(() => tf.minimum(logScale, MAX_LOG_SCALE));
    logScale.assign(clipped as tfTypes.Tensor);
    clipped.dispose();
    this.#network.afterUpdate(Math.min(STATISTICS_MOMENTUM, 1 - 1 / this.#optimizer.step));
    return { loss, gradientNorm };
  }

  #evaluate(validation: TrainingSource): void {
    const report = evaluateRetrieval(this.#network, validation, this.#state.step);
    this.#options.onEvaluation?.(report);
    const score = report.r10;
    if (score > this.#state.bestScore) {
      this.#state.bestScore = score;
      this.#state.bestStep = this.#state.step;
      this.#state.evaluationsSinceBest = 0;
      this.#best = this.#network.store.snapshot();
    } else {
      this.#state.evaluationsSinceBest++;
    }
  }

  async #save(): Promise<void> {
    const { checkpoint } = this.#options;
    if (!checkpoint) return;
    await saveCheckpoint(checkpoint.folder, {
      state: this.#state,
      weights: this.#network.store.snapshot(),
      optimizer: this.#optimizer.snapshot(),
      best: this.#best,
    });
  }

  async #resume(folder: string): Promise<void> {
    const found = await loadCheckpoint(folder);
    if (!found) return;
    const before = JSON.stringify(found.state.settings);
    const now = JSON.stringify(this.#state.settings);
    if (before !== now) {
      throw new EarshotError(
        'checkpoint_invalid',
        `The run in ${folder} was started with other settings: ${before}, not ${now}.`,
        {
          subject: folder,
        },
      );
    }
    this.#network.store.restore(found.weights);
    this.#optimizer.restore(found.optimizer, found.state.optimizerStep);
    this.#state = found.state;
    // JSON has no infinity: a run that was never evaluated comes back with null.
    this.#state.bestScore ??= Number.NEGATIVE_INFINITY;
    this.#best = found.best;
  }
}

interface Prototypes {
  vectors: tfTypes.Variable;
  /** Class index of each clip. */
  classOf: number[];
}

function createPrototypes(network: TwoTowerNetwork, source: TrainingSource): Prototypes | null {
  if (!source.labels) return null;
  const names = [...new Set(source.labels)].sort();
  const dimension = network.options.audio.embeddingDimension;
  return {
    vectors: network.store.weight(`${TRAINING_ONLY}prototypes`, [names.length, dimension], {
      kind: 'normal',
      deviation: 0.1,
    }),
    classOf: source.labels.map((label) => names.indexOf(label)),
  };
}

/** For each picture, the clip whose sound it is shown with. */
function pairing(size: number, options: LearnOptions): number[] {
  const identity = Array.from({ length: size }, (_, i) => i);
  if (options.pairing === 'true') return identity;
  return new SeededRandom(`${options.seed}:shuffled-pairs`).shuffle(identity);
}

function forward(
  network: TwoTowerNetwork,
  source: TrainingSource,
  batch: TrainingBatch,
  batchSize: number,
  training: boolean,
): { audio: tfTypes.Tensor2D; video: tfTypes.Tensor2D } {
  const { tf } = network.engine;
  const logMel = tf.tensor4d(batch.logMel, [batchSize, batch.melFrames, source.bands, 1]);
  const frames = tf.tensor4d(batch.frames, [
    batchSize * batch.framesPerClip,
    source.frameHeight,
    source.frameWidth,
    3,
  ]);
  return {
    audio: network.audio.apply(logMel, training).embedding,
    video: network.video.apply(frames, batch.frameTimesSec, batchSize, training).embedding,
  };
}

/** Embeds a whole source without augmentation; row i belongs to clip i. */
function embedSource(
  network: TwoTowerNetwork,
  source: TrainingSource,
): { audio: Float32Array[]; video: Float32Array[] } {
  const audio: Float32Array[] = [];
  const video: Float32Array[] = [];
  const batchSize = 8;
  for (let start = 0; start < source.size; start += batchSize) {
    const indices = Array.from({ length: Math.min(batchSize, source.size - start) }, (_, i) => start + i);
    const batch = source.batch(indices, indices);
    const [a, v] = network.engine.tf.tidy(() => {
      const embeddings = forward(network, source, batch, indices.length, false);
      return [embeddings.audio, embeddings.video];
    }) as [tfTypes.Tensor2D, tfTypes.Tensor2D];
    for (const [tensor, rows] of [
      [a, audio],
      [v, video],
    ] as const) {
      const data = tensor.dataSync() as Float32Array;
      const width = tensor.shape[1];
      for (let i = 0; i < indices.length; i++) rows.push(data.slice(i * width, (i + 1) * width));
      tensor.dispose();
    }
  }
  return { audio, video };
}

function evaluateRetrieval(network: TwoTowerNetwork, source: TrainingSource, step: number): EvaluationReport {
  const { audio, video } = embedSource(network, source);
  const { labels } = source;
  const sums = { r1: 0, r10: 0, map: 0 };
  for (const [queries, items] of [
    [audio, video],
    [video, audio],
  ] as const) {
    similarityMatrix(queries, items).forEach((scores, query) => {
      const instance = rankQuery(scores, (item) => item === query);
      sums.r1 += instance.r1;
      sums.r10 += instance.r10;
      if (labels) sums.map += rankQuery(scores, (item) => labels[item] === labels[query]).averagePrecision;
    });
  }
  const count = 2 * source.size;
  return {
    step,
    r1: sums.r1 / count,
    r10: sums.r10 / count,
    classMap: labels ? sums.map / count : null,
    chanceR10: Math.min(1, 10 / source.size),
  };
}
