/**
 * Data-parallel training: worker threads, each with an engine of its own, share a batch. Each takes an equal part of
 * neighbouring rows; gradients, loss and terms are the means of theirs, added up in the order of the rows, so that the
 * same weights and batch give the same result to the bit.
 *
 * It is not quite the step of one thread: a pair is told from the others of its own part only (InfoNCE over each part),
 * and batch normalisation uses the statistics of each part. The running statistics take those of the whole batch.
 *
 * @see Goyal et al. 2017, "Accurate, large minibatch SGD", for the average of gradients and batch normalisation by worker
 */
import { Piscina } from 'piscina';
import { EarshotError } from '#core/errors';
import { meanOf } from '../metrics/mean-of.ts';
import type { TwoTowerNetwork } from '../towers/two-tower.ts';
import {
  type DifferentiateAnswer,
  type DifferentiateTask,
  type DifferentiatorSpec,
  parameterViews,
  type ResultViews,
  resultViews,
  sharedSizes,
} from './differentiate-task.ts';
import type { Differentiator, LossGradients } from './differentiator.ts';
import type { LossTerms, ObjectiveWeights } from './objective.ts';
import { pooledStatistics, shardOf, shardSize } from './shards.ts';
import type { SourceShape, TrainingBatch } from './training-source.ts';

export class ThreadedDifferentiator implements Differentiator {
  readonly #network: TwoTowerNetwork;
  readonly #threads: number;
  readonly #parameters: Map<string, Float32Array>;
  readonly #results: ResultViews[];
  readonly #pool: Piscina<DifferentiateTask, DifferentiateAnswer>;
  #closed = false;

  /**
   * The threads start at once; `close` ends them.
   *
   * @param network with every weight that the objective adds
   */
  constructor(network: TwoTowerNetwork, weights: ObjectiveWeights, shape: SourceShape, threads: number) {
    const sizes = sharedSizes(network);
    const { bands, frameWidth, frameHeight, motionSize, labels } = shape;
    const spec: DifferentiatorSpec = {
      engine: network.engine.name,
      towers: network.options,
      weights,
      shape: { bands, frameWidth, frameHeight, motionSize, labels },
      parameters: new SharedArrayBuffer(4 * sizes.parameters),
      results: Array.from({ length: threads }, () => new SharedArrayBuffer(4 * sizes.results)),
    };
    this.#network = network;
    this.#threads = threads;
    this.#parameters = parameterViews(network, spec.parameters);
    this.#results = spec.results.map((buffer) => resultViews(network, buffer));
    this.#pool = new Piscina<DifferentiateTask, DifferentiateAnswer>({
      filename: new URL('./differentiate-worker.ts', import.meta.url).href,
      execArgv: ['--import', import.meta.resolve('tsx')],
      workerData: spec,
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: 1,
    });
  }

  /**
   * @throws EarshotError `invalid_argument` for a batch that has no equal parts, `cancelled` after `close`, `internal`
   *   where a thread failed
   */
  async differentiate(batch: TrainingBatch, pictures: readonly number[]): Promise<LossGradients> {
    const size = shardSize(pictures.length, this.#threads);
    for (const [name, variable] of this.#network.store.trainable)
      this.#parameters.get(name)?.set(variable.dataSync());
    const answers = await Promise.all(
      this.#results.map((_, shard) =>
        this.#run({
          shard,
          batch: shardOf(batch, shard, this.#threads),
          pictures: pictures.slice(shard * size, (shard + 1) * size),
        }),
      ),
    );
    const statistics = this.#results.map((result) => result.statistics);
    this.#network.putBatchStatistics(
      this.#network.units.map((_, unit) =>
        pooledStatistics(statistics.map((shard) => shard[unit] as (typeof shard)[number])),
      ),
    );
    return this.#averaged(answers);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.destroy();
  }

  #averaged(answers: readonly DifferentiateAnswer[]): LossGradients {
    const { engine, store } = this.#network;
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [{ terms, names }] = answers as [DifferentiateAnswer];
    const gradients = new Map(
      names.map((name) => {
        const shards = this.#results.map((result) => result.gradients.get(name) as Float32Array);
        return [name, engine.tf.tensor(meanOf(shards), store.trainable.get(name)?.shape)];
      }),
    );
    return {
      loss: mean(answers.map((answer) => answer.loss)),
      terms: Object.fromEntries(
        Object.keys(terms).map((term) => [
          term,
          mean(answers.map((answer) => answer.terms[term as keyof LossTerms] as number)),
        ]),
      ),
      gradients,
    };
  }

  async #run(task: DifferentiateTask): Promise<DifferentiateAnswer> {
    const { logMel, frames, motion } = task.batch;
    const transferList = [logMel, frames, ...(motion ? [motion] : [])].map(
      ({ buffer }) => buffer as ArrayBuffer,
    );
    try {
      if (!this.#closed) return await this.#pool.run(task, { transferList });
    } catch (error) {
      if (!this.#closed) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new EarshotError('internal', `A training thread failed: ${reason}`, { cause: error });
      }
    }
    throw new EarshotError('cancelled', 'The training threads have been closed.');
  }
}
