/** The training objective: its terms on one batch's outputs, and the weights that go with them. */
import type * as tfTypes from '@tensorflow/tfjs';
import { alignmentLoss } from '../objectives/alignment.ts';
import { INITIAL_LOG_SCALE, symmetricInfoNce } from '../objectives/info-nce.ts';
import { maxOverPositions } from '../objectives/max-over-positions.ts';
import { prototypeLoss } from '../objectives/prototype-loss.ts';
import type { TwoTowerNetwork } from '../towers/two-tower.ts';
import type { PairOutputs } from './forward.ts';
import type { SourceShape } from './training-source.ts';

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

  constructor(network: TwoTowerNetwork, source: Pick<SourceShape, 'labels'>, weights: ObjectiveWeights) {
    this.#network = network;
    this.#weights = weights;
    const names = weights.class > 0 && source.labels ? [...new Set(source.labels)].sort() : [];
    this.#classOf = source.labels?.map((label) => names.indexOf(label)) ?? [];
    const { audio, video } = network.options;
    this.#prototypes =
      names.length > 0
        ? network.store.weight(`${TRAINING_ONLY}prototypes`, [names.length, audio.embeddingDimension], {
            kind: 'normal',
            deviation: 0.1,
          })
        : null;
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
   * @param lagSteps of each row, see `TrainingBatch`
   */
  terms(
    outputs: PairOutputs,
    pictures: readonly number[],
    lagSteps: ArrayLike<number>,
  ): Partial<Record<keyof LossTerms, tfTypes.Scalar>> {
    const { tf } = this.#network.engine;
    const { audio, video } = outputs;
    const similarity = tf.matMul(audio.embedding, video.embedding, false, true) as tfTypes.Tensor2D;
    const terms: ReturnType<Objective['terms']> = {
      pairs: symmetricInfoNce(tf, similarity, this.#network.logScale),
    };
    if (this.#prototypes) {
      const vectors = this.#prototypes as unknown as tfTypes.Tensor2D;
      const labels = pictures.map((clip) => this.#classOf[clip] as number);
      const both = [audio.embedding, video.embedding].map((x) => prototypeLoss(tf, x, vectors, labels));
      terms.class = tf.mul(tf.addN(both), 0.5) as tfTypes.Scalar;
    }
    if (this.#localizationScale && video.positions) {
      const maxima = maxOverPositions(tf, audio.embedding, video.positions);
      terms.localization = symmetricInfoNce(tf, maxima, this.#localizationScale);
    }
    if (this.#weights.alignment > 0 && audio.alignment && video.alignment)
      terms.alignment = alignmentLoss(tf, audio.alignment, video.alignment, lagSteps);
    return terms;
  }

  total(terms: ReturnType<Objective['terms']>): tfTypes.Scalar {
    const { tf } = this.#network.engine;
    const weighted = Object.entries(terms).map(([name, term]) =>
      tf.mul(term, name === 'pairs' ? 1 : this.#weights[name as keyof ObjectiveWeights]),
    );
    return tf.addN(weighted) as tfTypes.Scalar;
  }
}
