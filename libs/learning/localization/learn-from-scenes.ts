/**
 * How a head learns on frozen towers: scenes are made while it learns, kept for a while, and drawn from at every step.
 * Scenes and batches follow from the seed and the step's number, so a run that was killed and is resumed makes the same
 * weights as one that was not; scenes are made again, for they take more room than anybody wants in a checkpoint.
 */
import path from 'node:path';
import type * as tfTypes from '@tensorflow/tfjs';
import { EarshotError } from '#core/errors';
import type { Engine } from '#model/engine/engine';
import type { ConvolutionUnit } from '#model/layers/convolution';
import type { NamedArray, ParameterStore } from '#model/layers/parameters';
import { Adam, cosineSchedule } from '#model/training/adam';
import { type Learner, resumeProgress, saveProgress } from '#model/training/checkpoints';
import { MovingAverage } from '#model/training/moving-average';
import { namedGradients } from '#model/training/named-gradients';
import { openRunLog } from '../training/run-log.ts';

const STATISTICS_MOMENTUM = 0.95;
const WEIGHT_DECAY = 0.01;
const CHECKPOINT_EVERY_STEPS = 100;

export interface ScenePool<Batch> {
  /** How many of the newest scenes it keeps, rounded up. */
  capacity(framesPerScene: number): number;
  /** Makes new scenes; the oldest make room for them. */
  add(scenes: number, framesPerScene: number, seed: string): Promise<void>;
  /** Some of what it keeps, by lot. */
  draw(count: number, seed: string): Batch;
}

export interface SceneLearner<Batch> {
  engine: Engine;
  /** Holds what is learned. */
  store: ParameterStore;
  /** Those with batch statistics. */
  units: readonly ConvolutionUnit[];
  scenes: ScenePool<Batch>;
  /** Called where tensors are tidied away. */
  loss(batch: Batch): tfTypes.Scalar;
}

export interface SceneSchedule {
  steps: number;
  /** Frames a step. */
  batchSize: number;
  /** Made before the first step. */
  firstScenes: number;
  /** Made before each further step. */
  freshScenes: number;
  framesPerScene: number;
  peakLearningRate: number;
  warmUpSteps: number;
  averageDecay: number;
}

export interface SceneRun {
  /** Log and checkpoints. */
  folder: string;
  /** Goes on from the folder's last checkpoint, where there is one; otherwise what lies there is deleted. */
  resume: boolean;
  /** Begins the seed of every scene and batch. */
  seed: string;
  /** What else the weights follow from: a run that began with other settings is not resumed. */
  settings: Readonly<Record<string, unknown>>;
  signal?: AbortSignal | undefined;
  onStage?(stage: string, done: number, total: number, detail?: string): void;
}

/**
 * Learns in place.
 *
 * @returns the averaged weights
 * @throws EarshotError `cancelled` by the signal, after a checkpoint; `training_diverged`, and `checkpoint_invalid` for a
 *   run with other settings
 */
export async function learnFromScenes<Batch>(
  learner: SceneLearner<Batch>,
  schedule: SceneSchedule,
  run: SceneRun,
): Promise<NamedArray[]> {
  return await new SceneLearning(learner, schedule, run).run();
}

class SceneLearning<Batch> {
  readonly #learner: SceneLearner<Batch>;
  readonly #schedule: SceneSchedule;
  readonly #run: SceneRun;
  readonly #optimizer: Adam;
  readonly #average: MovingAverage;
  #step = 0;

  constructor(learner: SceneLearner<Batch>, schedule: SceneSchedule, run: SceneRun) {
    this.#learner = learner;
    this.#schedule = schedule;
    this.#run = run;
    this.#optimizer = new Adam(learner.store, { weightDecay: WEIGHT_DECAY });
    this.#average = new MovingAverage(learner.store, schedule.averageDecay);
  }

  async run(): Promise<NamedArray[]> {
    const { steps } = this.#schedule;
    const log = await openRunLog(this.#run.folder, this.#run.resume);
    if (this.#run.resume) await this.#resume();
    while (this.#step < steps) {
      if (this.#run.signal?.aborted) {
        await this.#save();
        throw new EarshotError('cancelled', 'The training was stopped; --resume goes on with it.');
      }
      const report = await this.#descend();
      log({ kind: 'step', ...report });
      this.#run.onStage?.('train', this.#step, steps, `loss ${report.loss.toFixed(4)}`);
      if (this.#step % CHECKPOINT_EVERY_STEPS === 0) await this.#save();
      // Lets signals in between two steps.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await this.#save();
    return this.#average.snapshot();
  }

  async #descend() {
    const { engine, store, units, scenes, loss: lossOf } = this.#learner;
    const { steps: totalSteps, batchSize, peakLearningRate: peak, warmUpSteps } = this.#schedule;
    const started = performance.now();
    const step = this.#step;
    await this.#addScenes(step);
    const scenesMs = performance.now() - started;
    const batch = scenes.draw(batchSize, `${this.#run.seed}/batch/${step}`);
    const { loss, gradients } = namedGradients(engine, store, () => lossOf(batch));
    const learningRate = cosineSchedule(step, { peak, warmUpSteps, totalSteps });
    const gradientNorm = this.#optimizer.update(gradients, learningRate);
    for (const unit of units) unit.absorbBatchStatistics(STATISTICS_MOMENTUM);
    this.#average.update(step);
    this.#step++;
    const stepMs = performance.now() - started;
    return { step: this.#step, totalSteps, loss, gradientNorm, learningRate, stepMs, scenesMs };
  }

  /** Those of one step. */
  async #addScenes(step: number): Promise<void> {
    const { framesPerScene } = this.#schedule;
    const { scenes } = this.#learner;
    await scenes.add(this.#scenesOf(step), framesPerScene, `${this.#run.seed}/scenes/${step}`);
  }

  #scenesOf(step: number): number {
    return step === 0 ? this.#schedule.firstScenes : this.#schedule.freshScenes;
  }

  async #resume(): Promise<void> {
    this.#step = await resumeProgress(this.#checkpointFolder, this.#progress, this.#settings());
    if (this.#step < this.#schedule.steps) await this.#makeAgain();
  }

  /** The scenes that were kept when the run ended. */
  async #makeAgain(): Promise<void> {
    const capacity = this.#learner.scenes.capacity(this.#schedule.framesPerScene);
    let first = this.#step;
    for (let kept = 0; first > 0 && kept < capacity; ) kept += this.#scenesOf(--first);
    for (let step = first; step < this.#step; step++) {
      if (this.#run.signal?.aborted) throw new EarshotError('cancelled', 'The training was stopped.');
      await this.#addScenes(step);
      this.#run.onStage?.('make scenes again', step + 1 - first, this.#step - first);
    }
  }

  async #save(): Promise<void> {
    const progress = { step: this.#step, settings: this.#settings() };
    await saveProgress(this.#checkpointFolder, this.#progress, progress);
  }

  get #progress(): Learner {
    return { store: this.#learner.store, optimizer: this.#optimizer, average: this.#average };
  }

  get #checkpointFolder(): string {
    return path.join(this.#run.folder, 'checkpoint');
  }

  #settings(): Record<string, unknown> {
    return { ...this.#schedule, seed: this.#run.seed, ...this.#run.settings };
  }
}
