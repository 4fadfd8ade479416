/**
 * Learning which sounds and pictures belong together.
 *
 * Every step is a function of the seed and the step's number: which clips, which frames, which augmentation. A run
 * that is killed and resumed from its checkpoint therefore makes the same weights as one that was not.
 */
import { EarshotError } from '#core/errors';
import type { NamedArray } from '../layers/parameters.ts';
import { MAX_LOG_SCALE } from '../objectives/info-nce.ts';
import type { TwoTowerNetwork } from '../towers/two-tower.ts';
import { cosineSchedule } from './adam.ts';
import { epochOrder } from './batch-order.ts';
import {
  arraysOf,
  type Learner,
  loadCheckpoint,
  restoreLearner,
  saveCheckpoint,
  type TrainingState,
} from './checkpoints.ts';
import { type Differentiator, LocalDifferentiator } from './differentiator.ts';
import { type LearnOptions, type LearnResult, pairing, settingsOf } from './learn-options.ts';
import { MovingAverage } from './moving-average.ts';
import { type LossTerms, Objective } from './objective.ts';
import { createOptimizer, type Optimizer } from './optimizer.ts';
import { shardSize } from './shards.ts';
import { joinBatches, taughtBatch } from './teaching.ts';
import { ThreadedDifferentiator } from './threaded-differentiator.ts';
import type { BatchRequest, TrainingBatch, TrainingSource } from './training-source.ts';
import { evaluateRetrieval } from './validation.ts';

/** How slowly the running statistics follow the batches'; a plain average until that many have been seen. */
const STATISTICS_MOMENTUM = 0.97;

/**
 * Trains the network in place. With validation clips it ends with the weights of the best evaluation, with a teacher with
 * the last ones.
 *
 * @throws EarshotError `not_enough_data` with fewer clips than one batch, `invalid_argument` for a batch that the
 *   threads can't share, `training_diverged`, `cancelled` (a checkpoint has been written then, if there is a folder
 *   for it)
 */
export async function learnCorrespondence(
  network: TwoTowerNetwork,
  source: TrainingSource,
  options: LearnOptions,
): Promise<LearnResult> {
  const learner = new CorrespondenceLearner(network, source, options);
  try {
    return await learner.run();
  } finally {
    await learner.close();
  }
}

interface PlannedStep {
  pictures: number[];
  batch: Promise<TrainingBatch>;
}

class CorrespondenceLearner {
  readonly #network: TwoTowerNetwork;
  readonly #source: TrainingSource;
  readonly #options: LearnOptions;
  readonly #objective: Objective;
  readonly #differentiator: Differentiator;
  readonly #optimizer: Optimizer;
  readonly #average: MovingAverage | null;
  readonly #totalSteps: number;
  readonly #stepsPerEpoch: number;
  readonly #partner: number[];
  #state: TrainingState;
  #best: NamedArray[] | null = null;
  #lastLoss = Number.NaN;
  /** The order of the epoch that was asked for last. */
  #order: { epoch: number; clips: number[] } | null = null;

  constructor(network: TwoTowerNetwork, source: TrainingSource, options: LearnOptions) {
    if (source.size < options.batchSize) {
      throw new EarshotError(
        'not_enough_data',
        `A batch needs ${options.batchSize} clips, but there are only ${source.size}: add clips or lower the batch size.`,
      );
    }
    const { threads = 1, weights, teaching } = options;
    shardSize(options.batchSize, threads);
    if (teaching && threads > 1) {
      const message = 'A run with a teacher works on one thread: its batches have no equal parts.';
      throw new EarshotError('invalid_argument', message, { subject: 'threads' });
    }
    this.#network = network;
    this.#source = source;
    this.#options = options;
    this.#objective = new Objective(network, source, weights, teaching?.classes);
    this.#optimizer = createOptimizer(options.optimizer ?? 'adamw', network.store);
    this.#average = options.averageDecay > 0 ? new MovingAverage(network.store, options.averageDecay) : null;
    this.#stepsPerEpoch = Math.floor(source.size / options.batchSize);
    this.#totalSteps = this.#stepsPerEpoch * options.epochs;
    this.#partner = pairing(source.size, options);
    this.#state = {
      step: 0,
      optimizerStep: 0,
      bestScore: Number.NEGATIVE_INFINITY,
      bestStep: 0,
      evaluationsSinceBest: 0,
      settings: settingsOf(options, source),
    };
    this.#differentiator =
      threads === 1
        ? new LocalDifferentiator(network, this.#objective, source)
        : new ThreadedDifferentiator(network, weights, source, threads);
  }

  async run(): Promise<LearnResult> {
    const { checkpoint, evaluateEverySteps, patience, validation, signal } = this.#options;
    if (checkpoint?.resume) await this.#resume(checkpoint.folder);
    let stoppedBy: LearnResult['stoppedBy'] = 'end';
    let next = this.#plan(this.#state.step);
    while (next) {
      if (signal?.aborted) {
        await this.#save();
        throw new EarshotError('cancelled', 'Training was stopped; run it again with --resume to go on.');
      }
      next = await this.#step(next);
      const { step } = this.#state;
      if (validation && (step % evaluateEverySteps === 0 || step === this.#totalSteps))
        await this.#evaluate(validation);
      if (checkpoint && step % checkpoint.everySteps === 0) await this.#save();
      if (this.#state.evaluationsSinceBest >= patience) {
        stoppedBy = 'patience';
        break;
      }
      // Lets timers, signals and other work in between two steps.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await this.#save();
    const { step, bestStep } = this.#state;
    // Validation clips say nothing of what a teacher taught: with one, the last weights are kept.
    const isTaught = this.#options.teaching !== undefined;
    const kept = (isTaught ? null : this.#best) ?? this.#average?.snapshot();
    if (kept) this.#become(kept);
    return { step, stoppedBy, bestStep: isTaught ? step : bestStep, lastLoss: this.#lastLoss };
  }

  /** Ends the threads that it has started. */
  async close(): Promise<void> {
    await this.#differentiator.close();
  }

  /** Asks the source for a step's batch; null past the last step. */
  #plan(step: number): PlannedStep | null {
    if (step >= this.#totalSteps) return null;
    const { batchSize, seed } = this.#options;
    const position = (step % this.#stepsPerEpoch) * batchSize;
    const pictures = this.#epoch(Math.floor(step / this.#stepsPerEpoch)).slice(
      position,
      position + batchSize,
    );
    const sounds = pictures.map((index) => this.#partner[index] as number);
    const progress = step / this.#totalSteps;
    const batch = this.#batch({ sounds, pictures, seed: `${seed}:step:${step}`, progress });
    // Whoever awaits it meets the error; until then it must not count as unhandled.
    batch.catch(() => undefined);
    return { pictures, batch };
  }

  async #batch(request: BatchRequest & { seed: string }): Promise<TrainingBatch> {
    const { teaching } = this.#options;
    if (!teaching) return this.#source.batch(request);
    const asked = [this.#source.batch(request), taughtBatch(teaching, request)] as const;
    const [pairs, taught] = await Promise.all(asked);
    return joinBatches(pairs, taught);
  }

  #epoch(epoch: number): number[] {
    if (this.#order?.epoch !== epoch) {
      const { seed, hardNegatives, epochs } = this.#options;
      const { size, labels } = this.#source;
      const classRun = epoch >= hardNegatives.fromPart * epochs ? hardNegatives.classRun : 0;
      this.#order = { epoch, clips: epochOrder({ seed, size, labels, classRun }, epoch) };
    }
    return this.#order.clips;
  }

  /** Takes one step; the next step's batch is prepared meanwhile. */
  async #step(planned: PlannedStep): Promise<PlannedStep | null> {
    const started = performance.now();
    const { step } = this.#state;
    const batch = await planned.batch;
    const waitedMs = performance.now() - started;
    const next = this.#plan(step + 1);
    const { peakLearningRate, warmUpSteps } = this.#options;
    const learningRate = cosineSchedule(step, {
      peak: peakLearningRate,
      warmUpSteps,
      totalSteps: this.#totalSteps,
    });
    const { loss, terms, gradientNorm } = await this.#descend(batch, planned.pictures, learningRate);
    this.#lastLoss = loss;
    this.#state.step = step + 1;
    this.#state.optimizerStep = this.#optimizer.step;
    this.#average?.update(this.#optimizer.step);
    const logScale = this.#network.logScale.dataSync()[0] as number;
    this.#options.onStep?.({
      step: step + 1,
      totalSteps: this.#totalSteps,
      loss,
      terms,
      gradientNorm,
      learningRate,
      temperature: Math.exp(-logScale),
      stepMs: performance.now() - started,
      waitedMs,
    });
    return next;
  }

  async #descend(
    batch: TrainingBatch,
    pictures: readonly number[],
    learningRate: number,
  ): Promise<{ loss: number; terms: Partial<LossTerms>; gradientNorm: number }> {
    const { tf } = this.#network.engine;
    const { loss, terms, gradients } = await this.#differentiator.differentiate(batch, pictures);
    if (!Number.isFinite(loss)) {
      tf.dispose([...gradients.values()]);
      throw new EarshotError(
        'training_diverged',
        `The loss is ${loss} at step ${this.#state.step}: lower the learning rate.`,
      );
    }
    const gradientNorm = this.#optimizer.update(gradients, learningRate);
    for (const logScale of this.#objective.logScales) {
      const held = tf.tidy(() => tf.minimum(logScale, MAX_LOG_SCALE));
      logScale.assign(held);
      held.dispose();
    }
    this.#network.afterUpdate(Math.min(STATISTICS_MOMENTUM, 1 - 1 / this.#optimizer.step));
    return { loss, terms, gradientNorm };
  }

  /** Scores the averaged weights, which a run that stopped here would keep. */
  async #evaluate(validation: TrainingSource): Promise<void> {
    const { store } = this.#network;
    const trained = store.snapshot();
    const kept = this.#average?.snapshot() ?? trained;
    this.#become(kept);
    const report = await evaluateRetrieval(this.#network, validation, this.#state.step);
    this.#become(trained);
    this.#options.onEvaluation?.(report);
    const score = report.r10;
    if (score > this.#state.bestScore) {
      this.#state.bestScore = score;
      this.#state.bestStep = this.#state.step;
      this.#state.evaluationsSinceBest = 0;
      this.#best = kept;
    } else {
      this.#state.evaluationsSinceBest++;
    }
  }

  #become(arrays: readonly NamedArray[]): void {
    this.#network.store.restore(arrays);
    this.#network.forgetFolded();
  }

  async #save(): Promise<void> {
    const { checkpoint } = this.#options;
    if (!checkpoint) return;
    await saveCheckpoint(checkpoint.folder, {
      state: this.#state,
      ...arraysOf(this.#learner),
      best: this.#best,
    });
  }

  async #resume(folder: string): Promise<void> {
    const found = await loadCheckpoint(folder, this.#state.settings);
    if (!found) return;
    restoreLearner(this.#learner, found);
    this.#state = found.state;
    // JSON has no infinity: a run that was never evaluated comes back with null.
    this.#state.bestScore ??= Number.NEGATIVE_INFINITY;
    this.#best = found.best;
  }

  get #learner(): Learner {
    return { store: this.#network.store, optimizer: this.#optimizer, average: this.#average };
  }
}
