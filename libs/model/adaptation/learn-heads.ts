/**
 * Learns the projection heads of two frozen towers from pairs. The towers run once, before; what is left is two
 * matrices. How many steps is found by cross-validation among the pairs themselves, no step at all included, so that
 * pairs that teach nothing leave the towers as they were.
 */
import type * as tfTypes from '@tensorflow/tfjs';
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import type { Engine } from '../engine/engine.ts';
import { ParameterStore } from '../layers/parameters.ts';
import { unitLength } from '../layers/unit-length.ts';
import { rankQuery, similarityMatrix } from '../metrics/retrieval.ts';
import { INITIAL_LOG_SCALE, MAX_LOG_SCALE, symmetricInfoNce } from '../objectives/info-nce.ts';
import { Adam } from '../training/adam.ts';
import { namedGradients } from '../training/named-gradients.ts';
import { applyHead, type HeadKernels } from './residual-head.ts';

/** A clip as the frozen towers embed it. */
export interface FrozenClip {
  /** Clips of one source are never split between learning and validation. */
  source: string;
  /** Unit vectors, one a segment. */
  audio: readonly Float32Array[];
  /** Of the same segments. */
  video: readonly Float32Array[];
}

export interface LearnHeadsOptions {
  seed: number;
  /** `shuffled`: every picture with the sound of another clip, the control that must gain nothing. */
  pairing: 'true' | 'shuffled';
  /** Most steps that are tried. Default 200. */
  maxSteps?: number;
  signal?: AbortSignal;
  /** @param total of all folds together and the last fit */
  onStep?(done: number, total: number): void;
}

export interface LearnedHeads {
  kernels: HeadKernels;
  /** Steps of the fit; 0: the pairs taught nothing that held for others of them. */
  steps: number;
  /** Cross-validated mean reciprocal rank of a clip's own partner, both directions, by steps. */
  validation: { steps: number; meanReciprocalRank: number }[];
}

const FOLDS = 5;
const MAX_STEPS = 200;
/** Steps between looks at the validation clips. */
const LOOK_EVERY = 10;
const BATCH = 256;
const LEARNING_RATE = 0.003;
/** Towards no correction at all. */
const WEIGHT_DECAY = 0.3;

/**
 * @param clips at least as many as there are folds, each with at least one segment
 * @throws EarshotError `not_enough_data` with fewer sources than folds, `cancelled`, `training_diverged`
 */
export function learnHeads(
  engine: Engine,
  clips: readonly FrozenClip[],
  options: LearnHeadsOptions,
): LearnedHeads {
  const folds = foldsOf(clips, options.seed);
  const maxSteps = options.maxSteps ?? MAX_STEPS;
  const total = (FOLDS + 1) * maxSteps;
  const looks = Array.from({ length: Math.floor(maxSteps / LOOK_EVERY) + 1 }, (_, i) => i * LOOK_EVERY);
  const sums = new Float64Array(looks.length);
  for (const [index, held] of folds.entries()) {
    const fit = new HeadFit(
      engine,
      clips.filter((clip) => !held.has(clip.source)),
      options,
    );
    const validation = clips.filter((clip) => held.has(clip.source));
    for (const [look, steps] of looks.entries()) {
      fit.goTo(steps, (step) => options.onStep?.(index * maxSteps + step, total));
      sums[look] = (sums[look] as number) + reciprocalRanks(fit.kernels(), validation);
    }
    fit.dispose();
  }
  const scores = Array.from(sums, (sum) => sum / clips.length);
  const best = scores.indexOf(Math.max(...scores));
  const steps = looks[best] as number;
  const fit = new HeadFit(engine, clips, options);
  fit.goTo(steps, (step) => options.onStep?.(FOLDS * maxSteps + step, total));
  const kernels = fit.kernels();
  fit.dispose();
  options.onStep?.(total, total);
  const validation = looks.map((at, i) => ({ steps: at, meanReciprocalRank: scores[i] as number }));
  return { kernels, steps, validation };
}

/** The sources that each fold holds out. */
function foldsOf(clips: readonly FrozenClip[], seed: number): Set<string>[] {
  const sources = [...new Set(clips.map(({ source }) => source))].sort();
  if (sources.length < 2 * FOLDS) {
    const message = `Clips of ${2 * FOLDS} sources are needed at least to learn heads from, and there are ${sources.length}.`;
    throw new EarshotError('not_enough_data', message);
  }
  new SeededRandom(`${seed}:folds`).shuffle(sources);
  return Array.from({ length: FOLDS }, (_, fold) => new Set(sources.filter((_, i) => i % FOLDS === fold)));
}

/** One fit, step by step. */
class HeadFit {
  readonly #engine: Engine;
  readonly #clips: readonly FrozenClip[];
  readonly #store: ParameterStore;
  readonly #optimizer: Adam;
  readonly #random: SeededRandom;
  readonly #options: LearnHeadsOptions;
  readonly #dimension: number;
  #step = 0;

  constructor(engine: Engine, clips: readonly FrozenClip[], options: LearnHeadsOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#random = new SeededRandom(`${options.seed}:heads`);
    this.#clips = options.pairing === 'shuffled' ? withForeignSounds(clips, options.seed) : clips;
    this.#dimension = clips[0]?.audio[0]?.length ?? 0;
    this.#store = new ParameterStore(engine, options.seed);
    const none = { kind: 'constant', value: 0 } as const;
    for (const tower of ['audio', 'video'])
      this.#store.weight(`${tower}/kernel`, [this.#dimension, this.#dimension], none);
    this.#store.weight('logScale', [], { kind: 'constant', value: INITIAL_LOG_SCALE });
    this.#optimizer = new Adam(this.#store, { weightDecay: WEIGHT_DECAY });
  }

  /** Learns on until so many steps are done. */
  goTo(steps: number, onStep: (step: number) => void): void {
    while (this.#step < steps) {
      if (this.#options.signal?.aborted) throw new EarshotError('cancelled', 'The training was stopped.');
      this.#update();
      this.#step++;
      onStep(this.#step);
    }
  }

  kernels(): HeadKernels {
    const of = (name: string) =>
      Float32Array.from((this.#store.trainable.get(name) as tfTypes.Variable).dataSync());
    return { audio: of('audio/kernel'), video: of('video/kernel') };
  }

  dispose(): void {
    this.#store.dispose();
  }

  #update(): void {
    const { tf } = this.#engine;
    const { audio, video } = this.#batch();
    const { gradients } = namedGradients(this.#engine, this.#store, () => {
      const similarity = tf.matMul(this.#head('audio', audio), this.#head('video', video), false, true);
      const logScale = this.#store.trainable.get('logScale') as tfTypes.Variable;
      return symmetricInfoNce(tf, similarity as tfTypes.Tensor2D, tf.minimum(logScale, MAX_LOG_SCALE));
    });
    tf.dispose([audio, video]);
    this.#optimizer.update(gradients, LEARNING_RATE);
  }

  #head(tower: 'audio' | 'video', x: tfTypes.Tensor2D): tfTypes.Tensor2D {
    const { tf } = this.#engine;
    const kernel = this.#store.trainable.get(`${tower}/kernel`) as unknown as tfTypes.Tensor2D;
    return unitLength(tf, tf.add(x, tf.matMul(x, kernel)) as tfTypes.Tensor2D);
  }

  /** One segment a clip, drawn by lot: two of one clip would each be the other's wrong answer. */
  #batch(): { audio: tfTypes.Tensor2D; video: tfTypes.Tensor2D } {
    const order = this.#random.shuffle([...this.#clips.keys()]).slice(0, BATCH);
    const rows = { audio: [] as Float32Array[], video: [] as Float32Array[] };
    for (const index of order) {
      const { audio, video } = this.#clips[index] as FrozenClip;
      const segment = this.#random.integer(0, Math.min(audio.length, video.length));
      rows.audio.push(audio[segment] as Float32Array);
      rows.video.push(video[segment] as Float32Array);
    }
    return { audio: this.#tensor(rows.audio), video: this.#tensor(rows.video) };
  }

  #tensor(rows: readonly Float32Array[]): tfTypes.Tensor2D {
    const data = new Float32Array(rows.length * this.#dimension);
    rows.forEach((row, i) => {
      data.set(row, i * this.#dimension);
    });
    return this.#engine.tf.tensor2d(data, [rows.length, this.#dimension]);
  }
}

/** Every picture with the sound of another clip, the same at every step: round a circle drawn by lot. */
function withForeignSounds(clips: readonly FrozenClip[], seed: number): FrozenClip[] {
  const circle = new SeededRandom(`${seed}:foreign sounds`).shuffle([...clips]);
  return circle.map((clip, i) => ({ ...clip, audio: circle[(i + 1) % circle.length]?.audio ?? [] }));
}

/** Sum over the clips of 1 / rank of the own partner, mean of both directions. */
function reciprocalRanks(kernels: HeadKernels, clips: readonly FrozenClip[]): number {
  const audio = clips.map((clip) => adaptedDirection(kernels.audio, clip.audio));
  const video = clips.map((clip) => adaptedDirection(kernels.video, clip.video));
  let sum = 0;
  for (const matrix of [similarityMatrix(audio, video), similarityMatrix(video, audio)])
    matrix.forEach((scores, query) => {
      sum += 0.5 / rankQuery(scores, (item) => item === query).rank;
    });
  return sum;
}

/**
 * A clip in the adapted space: the direction of the mean of its segments.
 *
 * @param segments unit vectors of a frozen tower
 */
export function adaptedDirection(kernel: Float32Array, segments: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(segments[0]?.length ?? 0);
  for (const segment of segments)
    applyHead(kernel, segment).forEach((value, i) => {
      sum[i] = (sum[i] as number) + value;
    });
  const norm = Math.hypot(...sum) || 1;
  return Float32Array.from(sum, (value) => value / norm);
}
