/**
 * Mix-and-Separate: learning to take apart what was put together. Every step is a function of the seed and the step's
 * number, so a run that is killed and resumed from its checkpoint makes the same weights as one that was not.
 *
 * @see Zhao et al. 2018, "The Sound of Pixels", section 3.2; Zhao et al. 2019, "The Sound of Motions", for the curriculum
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { EarshotError } from '#core/errors';
import { CELL_COUNT } from '../../synchronization/cell-motion.ts';
import { Adam, cosineSchedule } from '../../training/adam.ts';
import { type Learner, resumeProgress, saveProgress } from '../../training/checkpoints.ts';
import { MovingAverage } from '../../training/moving-average.ts';
import { namedGradients } from '../../training/named-gradients.ts';
import { BLOCK_POINTS, BLOCK_ROWS } from './blocks.ts';
import { binaryMaskLoss, ratioMaskLoss } from './mask-loss.ts';
import type { SeparationNetwork } from './separation-network.ts';
import { appearanceWidth, motionWidth } from './visual-query.ts';

/** Mixtures and what each of their queries should answer. */
export interface MixtureBatch {
  mixtures: number;
  /** Blocks over time. */
  steps: number;
  queries: number;
  /** `[mixtures, steps, 128, 4]`, as the network hears it. */
  input: Float32Array;
  /** True masks, `[queries, mixtures, steps, 128 * 4]`. */
  targets: Float32Array;
  /** What each point counts, `[mixtures, steps, 128 * 4]`. */
  weights: Float32Array;
  /** `[queries, mixtures, 1, appearanceWidth]` */
  appearance: Float32Array;
  /** `[queries, mixtures, steps, motionWidth]` */
  motion: Float32Array;
  /** `[queries, mixtures, 36, steps, cellWidth]` */
  cells: Float32Array;
}

/**
 * `listed`: two of one label out of lists of one's own, such as two utterances. `scenes`: clips of several sources, each
 * asked for by its region and by the picture without it. The others are put together of clips of one source each.
 */
export type MixtureKind = 'solos' | 'unlike' | 'like' | 'trios' | 'listed' | 'scenes';

export interface MixtureSource {
  /** Recorded with the run: what makes other batches. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What it can mix. */
  readonly kinds: ReadonlySet<MixtureKind>;
  /** @param seed says which clips, where in them, and how loud */
  batch(kind: MixtureKind, mixtures: number, seed: string): MixtureBatch;
}

/** From which part of the run on each kind is drawn, evenly with those that came before, the newest as often again. */
const CURRICULUM: readonly { kind: MixtureKind; from: number; share: number }[] = [
  { kind: 'solos', from: 0, share: 0.05 },
  { kind: 'unlike', from: 0.04, share: 0.35 },
  { kind: 'scenes', from: 0.08, share: 0.35 },
  { kind: 'listed', from: 0.15, share: 0.25 },
  { kind: 'like', from: 0.25, share: 0.25 },
  { kind: 'trios', from: 0.4, share: 0.15 },
];

/** Which kind a step mixes; whole batches are of one kind. */
export function curriculumKind(
  step: number,
  totalSteps: number,
  kinds: ReadonlySet<MixtureKind>,
): MixtureKind {
  const open = CURRICULUM.filter(({ kind, from }) => step >= from * totalSteps && kinds.has(kind));
  const total = open.reduce((sum, { share }) => sum + share, 0);
  // The golden ratio spreads the kinds evenly over the steps, without a lot.
  let place = ((step * 0.618033988749895) % 1) * total;
  for (const { kind, share } of open) {
    if (place < share) return kind;
    place -= share;
  }
  return 'unlike';
}

export interface SeparationStep {
  step: number;
  totalSteps: number;
  mixture: MixtureKind;
  loss: number;
  gradientNorm: number;
  learningRate: number;
  stepMs: number;
  /** Of them, making the mixtures. */
  mixMs: number;
}

export interface SeparationEvaluation {
  step: number;
  /** Of the averaged weights on held-out mixtures of two. */
  unlike: number;
  like: number;
  /** Where there are any. */
  listed?: number;
  scenes?: number;
}

export interface LearnSeparationOptions {
  totalSteps: number;
  batchSize: number;
  peakLearningRate: number;
  seed: number;
  averageDecay: number;
  validation: MixtureSource | null;
  evaluateEverySteps: number;
  checkpoint: { folder: string; everySteps: number; resume: boolean };
  signal?: AbortSignal | undefined;
  onStep?(report: SeparationStep): void;
  onEvaluation?(report: SeparationEvaluation): void;
}

const WARM_UP_STEPS = 60;
const STATISTICS_MOMENTUM = 0.98;
/** Batches of held-out mixtures of each kind. */
const VALIDATION_BATCHES = 3;

/**
 * Trains the network in place; it ends with the averaged weights. A stopped run (`signal`) also leaves those, and a
 * checkpoint to go on from.
 *
 * @returns steps taken
 * @throws EarshotError `training_diverged`, `checkpoint_invalid` when the run to resume had other settings
 */
export async function learnSeparation(
  network: SeparationNetwork,
  source: MixtureSource,
  options: LearnSeparationOptions,
): Promise<number> {
  return await new SeparationLearner(network, source, options).run();
}

class SeparationLearner {
  readonly #network: SeparationNetwork;
  readonly #source: MixtureSource;
  readonly #options: LearnSeparationOptions;
  readonly #optimizer: Adam;
  readonly #average: MovingAverage;
  #step = 0;

  constructor(network: SeparationNetwork, source: MixtureSource, options: LearnSeparationOptions) {
    this.#network = network;
    this.#source = source;
    this.#options = options;
    this.#optimizer = new Adam(network.store, { weightDecay: 0.01 });
    this.#average = new MovingAverage(network.store, options.averageDecay);
  }

  async run(): Promise<number> {
    const { totalSteps, checkpoint, evaluateEverySteps, signal } = this.#options;
    if (checkpoint.resume)
      this.#step = await resumeProgress(checkpoint.folder, this.#learner, this.#settings());
    while (this.#step < totalSteps && !signal?.aborted) {
      this.#descend();
      if (this.#step % evaluateEverySteps === 0) this.#evaluate();
      if (this.#step % checkpoint.everySteps === 0) await this.#save();
      // Lets signals in between two steps.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await this.#save();
    this.#become();
    return this.#step;
  }

  #descend(): void {
    const { totalSteps, batchSize, peakLearningRate, seed, onStep } = this.#options;
    const started = performance.now();
    const kind = curriculumKind(this.#step, totalSteps, this.#source.kinds);
    const batch = this.#source.batch(kind, batchSize, `${seed}:step:${this.#step}`);
    const mixMs = performance.now() - started;
    const schedule = { peak: peakLearningRate, warmUpSteps: WARM_UP_STEPS, totalSteps };
    const learningRate = cosineSchedule(this.#step, schedule);
    const { loss, gradients } = this.#differentiate(batch);
    const gradientNorm = this.#optimizer.update(gradients, learningRate);
    this.#network.afterUpdate(Math.min(STATISTICS_MOMENTUM, 1 - 1 / this.#optimizer.step));
    this.#average.update(this.#optimizer.step);
    this.#step++;
    const stepMs = performance.now() - started;
    const report = { step: this.#step, totalSteps, mixture: kind, loss, gradientNorm, learningRate };
    onStep?.({ ...report, stepMs, mixMs });
  }

  #differentiate(batch: MixtureBatch): { loss: number; gradients: Map<string, tfTypes.Tensor> } {
    const { engine, store } = this.#network;
    const { loss, gradients } = namedGradients(engine, store, () => maskLoss(this.#network, batch, true));
    if (Number.isFinite(loss)) return { loss, gradients };
    engine.tf.dispose([...gradients.values()]);
    const message = `The loss is ${loss} at step ${this.#step}: lower the learning rate.`;
    throw new EarshotError('training_diverged', message);
  }

  /** Scores the averaged weights. */
  #evaluate(): void {
    const { validation, onEvaluation, batchSize } = this.#options;
    if (!validation) return;
    const trained = this.#network.store.snapshot();
    this.#become();
    const mean = (kind: MixtureKind) => {
      let sum = 0;
      for (let i = 0; i < VALIDATION_BATCHES; i++) {
        const batch = validation.batch(kind, batchSize, `validation:${kind}:${i}`);
        const loss = this.#network.engine.tf.tidy(() => maskLoss(this.#network, batch, false));
        sum += loss.dataSync()[0] as number;
        loss.dispose();
      }
      return sum / VALIDATION_BATCHES;
    };
    onEvaluation?.({
      ...{ step: this.#step, unlike: mean('unlike'), like: mean('like') },
      ...(validation.kinds.has('listed') && { listed: mean('listed') }),
      ...(validation.kinds.has('scenes') && { scenes: mean('scenes') }),
    });
    this.#network.store.restore(trained);
    this.#network.forgetFolded();
  }

  #become(): void {
    this.#network.store.restore(this.#average.snapshot());
    this.#network.forgetFolded();
  }

  #settings(): Record<string, unknown> {
    const { totalSteps, batchSize, peakLearningRate, seed, averageDecay } = this.#options;
    const run = { totalSteps, batchSize, peakLearningRate, seed, averageDecay };
    return { ...run, ...this.#source.settings, network: this.#network.options };
  }

  async #save(): Promise<void> {
    const progress = { step: this.#step, settings: this.#settings() };
    await saveProgress(this.#options.checkpoint.folder, this.#learner, progress);
  }

  get #learner(): Learner {
    return { store: this.#network.store, optimizer: this.#optimizer, average: this.#average };
  }
}

/** One batch through the network; to be called where tensors are tidied away. */
function maskLoss(network: SeparationNetwork, batch: MixtureBatch, training: boolean): tfTypes.Scalar {
  const { tf } = network.engine;
  const { mixtures, steps, queries } = batch;
  const points = BLOCK_ROWS * BLOCK_POINTS;
  const { options } = network;
  const asks = queries * mixtures;
  const logits = network.logits(
    tf.tensor4d(batch.input, [mixtures, steps, BLOCK_ROWS, BLOCK_POINTS]),
    {
      appearance: tf.tensor3d(batch.appearance, [asks, 1, appearanceWidth(options)]),
      motion: tf.tensor3d(batch.motion, [asks, steps, motionWidth(options)]),
      cells: tf.tensor4d(batch.cells, [asks, CELL_COUNT, steps, options.cellWidth]),
    },
    training,
  );
  const loss = options.mask === 'binary' ? binaryMaskLoss : ratioMaskLoss;
  return loss(
    tf,
    tf.reshape(logits, [queries, mixtures * steps * points]),
    tf.tensor2d(batch.targets, [queries, mixtures * steps * points]),
    tf.tensor2d(batch.weights, [1, mixtures * steps * points]),
  );
}
