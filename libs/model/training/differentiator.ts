/** From a batch to the loss and its gradients: where that happens is hidden from the training loop. */
import type * as tfTypes from '@tensorflow/tfjs';
import type { TwoTowerNetwork } from '../towers/two-tower.ts';
import { forward } from './forward.ts';
import { namedGradients } from './named-gradients.ts';
import type { LossTerms, Objective } from './objective.ts';
import type { SourceShape, TrainingBatch } from './training-source.ts';

export interface LossGradients {
  loss: number;
  /** The objective's terms, unweighted. */
  terms: Partial<LossTerms>;
  /** By the name of the parameter; a parameter that had no part in the loss has none. The caller disposes them. */
  gradients: Map<string, tfTypes.Tensor>;
}

export interface Differentiator {
  /**
   * Differentiates the objective at the network's present weights. The network's units hold the batch's statistics
   * afterwards, for `afterUpdate`.
   *
   * @param pictures clip index of each pair's picture; taught rows have none
   */
  differentiate(batch: TrainingBatch, pictures: readonly number[]): Promise<LossGradients>;
  /** Frees what it holds; calls that are still awaited fail. */
  close(): Promise<void>;
}

/** In the thread that asks. */
export class LocalDifferentiator implements Differentiator {
  readonly #network: TwoTowerNetwork;
  readonly #objective: Objective;
  readonly #shape: SourceShape;

  constructor(network: TwoTowerNetwork, objective: Objective, shape: SourceShape) {
    this.#network = network;
    this.#objective = objective;
    this.#shape = shape;
  }

  async differentiate(batch: TrainingBatch, pictures: readonly number[]): Promise<LossGradients> {
    const { engine, store } = this.#network;
    const terms: Partial<LossTerms> = {};
    const { loss, gradients } = namedGradients(engine, store, () => {
      const rows = pictures.length + (batch.taught?.count ?? 0);
      const outputs = forward(this.#network, this.#shape, batch, rows, true);
      const tensors = this.#objective.terms(outputs, pictures, batch);
      for (const [name, term] of Object.entries(tensors))
        terms[name as keyof LossTerms] = term.dataSync()[0] as number;
      return this.#objective.total(tensors);
    });
    return { loss, terms, gradients };
  }

  async close(): Promise<void> {}
}
