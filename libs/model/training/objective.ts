/** The training objective: its terms on one batch's outputs, and the weights that go with them. */
import type * as tfTypes from '@tensorflow/tfjs';
import { alignmentLoss } from '../objectives/alignment.ts';
import { INITIAL_LOG_SCALE, symmetricInfoNce } from '../objectives/info-nce.ts';
import { maxOverPositions } from '../objectives/max-over-positions.ts';
import { prototypeLoss } from '../objectives/prototype-loss.ts';
import type { TwoTowerNetwork } from '../towers/two-tower.ts';
import type { PairOutputs } from './forward.ts';
import type { SourceShape, TaughtRows, TrainingBatch } from './training-source.ts';

/** Weights of the terms beside InfoNCE on the pooled embeddings; 0 leaves a term out. */
export interface ObjectiveWeights {
  /**
   * Class loss, where the source has labels; 0 learns from pairs alone. A pair carries the label of its picture, so
   * that shuffled pairs carry wrong ones.
   */
  class: number;
  /** InfoNCE over the maximum over positions, where the video tower projects positions. */
  localization: number;
  /** Alignment of steps, where both towers have per-step embeddings. */
  alignment: number;
  /** Agreement with a teacher, where a run has one. */
  teacher?: number;
}

export type LossTerms = Record<'pairs' | keyof ObjectiveWeights, number>;

/** Weights under this name serve training alone and are no part of the model. */
export const TRAINING_ONLY = 'training/';

export class Objective {
  readonly #network: TwoTowerNetwork;
  readonly #weights: ObjectiveWeights;
  readonly #prototypes: tfTypes.Variable | null;
  readonly #classOf: number[];
  readonly #localizationScale: tfTypes.Variable | null;
  /** Of the teacher's classes. */
  readonly #taughtPrototypes: tfTypes.Variable | null;

  /** @param taughtClasses how many classes the run's teacher has; 0 without one */
  constructor(
    network: TwoTowerNetwork,
    source: Pick<SourceShape, 'labels'>,
    weights: ObjectiveWeights,
    taughtClasses = 0,
  ) {
    this.#network = network;
    this.#weights = weights;
    const names = weights.class > 0 && source.labels ? [...new Set(source.labels)].sort() : [];
    this.#classOf = source.labels?.map((label) => names.indexOf(label)) ?? [];
    const { audio, video } = network.options;
    const prototypes = (name: string, classes: number) =>
      classes > 0
        ? network.store.weight(`${TRAINING_ONLY}${name}`, [classes, audio.embeddingDimension], {
            kind: 'normal',
            deviation: 0.1,
          })
        : null;
    this.#prototypes = prototypes('prototypes', names.length);
    this.#taughtPrototypes = prototypes('taught-prototypes', taughtClasses);
    this.#localizationScale =
      weights.localization > 0 && video.positions
        ? network.store.weight(`${TRAINING_ONLY}localization-log-scale`, [], {
            kind: 'constant',
            value: INITIAL_LOG_SCALE,
          })
        : null;
  }

  /** Log scales, which are held below a limit after each update. */
  get logScales(): tfTypes.Variable[] {
    return [this.#network.logScale, ...(this.#localizationScale ? [this.#localizationScale] : [])];
  }

  /**
   * @param pictures clip index of each row's picture
   * @param batch    that the outputs are of: pairs, and behind them perhaps taught rows
   */
  terms(
    outputs: PairOutputs,
    pictures: readonly number[],
    { lagSteps, taught }: Pick<TrainingBatch, 'lagSteps' | 'taught'>,
  ): Partial<Record<keyof LossTerms, tfTypes.Scalar>> {
    const { tf } = this.#network.engine;
    const { audio, video } = taught ? pairsOf(outputs, pictures.length) : outputs;
    const similarity = tf.matMul(audio.embedding, video.embedding, false, true) as tfTypes.Tensor2D;
    const terms: ReturnType<Objective['terms']> = {
      pairs: symmetricInfoNce(tf, similarity, this.#network.logScale),
    };
    if (this.#prototypes) {
      const vectors = this.#prototypes as unknown as tfTypes.Tensor2D;
      const labels = pictures.map((clip) => this.#classOf[clip] as number);
      const targets = tf.oneHot(tf.tensor1d(labels, 'int32'), vectors.shape[0]) as tfTypes.Tensor2D;
      const both = [audio.embedding, video.embedding].map((x) => prototypeLoss(tf, x, vectors, targets));
      terms.class = tf.mul(tf.addN(both), 0.5) as tfTypes.Scalar;
    }
    if (this.#localizationScale && video.positions) {
      const maxima = maxOverPositions(tf, audio.embedding, video.positions);
      terms.localization = symmetricInfoNce(tf, maxima, this.#localizationScale);
    }
    if (this.#weights.alignment > 0 && audio.alignment && video.alignment)
      terms.alignment = alignmentLoss(
        tf,
        audio.alignment,
        video.alignment,
        lagSteps.subarray(0, pictures.length),
      );
    if (taught) terms.teacher = this.#agreement(outputs, taught);
    return terms;
  }

  /** How far both towers are from the teacher, on the rows behind the pairs. */
  #agreement({ audio, video }: PairOutputs, { count, sounds, pictures }: TaughtRows): tfTypes.Scalar {
    const { tf } = this.#network.engine;
    const vectors = this.#taughtPrototypes as unknown as tfTypes.Tensor2D;
    const of = (embedding: tfTypes.Tensor2D, targets: Float32Array) => {
      const rows = tf.slice(embedding, [embedding.shape[0] - count, 0]) as tfTypes.Tensor2D;
      return prototypeLoss(tf, rows, vectors, tf.tensor2d(targets, [count, vectors.shape[0]]));
    };
    const both = [of(audio.embedding, sounds), of(video.embedding, pictures)];
    return tf.mul(tf.addN(both), 0.5) as tfTypes.Scalar;
  }

  total(terms: ReturnType<Objective['terms']>): tfTypes.Scalar {
    const { tf } = this.#network.engine;
    const weighted = Object.entries(terms).map(([name, term]) =>
      tf.mul(term, name === 'pairs' ? 1 : (this.#weights[name as keyof ObjectiveWeights] ?? 1)),
    );
    return tf.addN(weighted) as tfTypes.Scalar;
  }
}

/** The first rows of everything that the objective looks at. */
function pairsOf({ audio, video }: PairOutputs, rows: number): PairOutputs {
  const first = <T extends tfTypes.Tensor | null>(tensor: T): T =>
    tensor?.slice([0], [Math.round((tensor.shape[0] as number) * (rows / batchOf(audio)))]) as T;
  return {
    audio: { ...audio, embedding: first(audio.embedding), alignment: first(audio.alignment) },
    video: {
      ...video,
      embedding: first(video.embedding),
      alignment: first(video.alignment),
      positions: first(video.positions),
    },
  };
}

function batchOf(audio: PairOutputs['audio']): number {
  return audio.embedding.shape[0];
}
