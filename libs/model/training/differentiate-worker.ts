/** One thread with an engine and a copy of the network of its own, that differentiates shards of batches. */
import { workerData } from 'piscina';
import { loadEngine } from '../engine/engine.ts';
import { TwoTowerNetwork } from '../towers/two-tower.ts';
import {
  type DifferentiateAnswer,
  type DifferentiateTask,
  type DifferentiatorSpec,
  parameterViews,
  resultViews,
} from './differentiate-task.ts';
import { LocalDifferentiator } from './differentiator.ts';
import { Objective } from './objective.ts';

/** Answers once the engine runs; until then the pool keeps the thread's tasks. */
async function start(
  spec: DifferentiatorSpec,
): Promise<(task: DifferentiateTask) => Promise<DifferentiateAnswer>> {
  // Its own first weights are never used.
  const network = new TwoTowerNetwork(await loadEngine({ prefer: spec.engine }), spec.towers, 0);
  const local = new LocalDifferentiator(
    network,
    new Objective(network, spec.shape, spec.weights),
    spec.shape,
  );
  const parameters = parameterViews(network, spec.parameters);
  const results = spec.results.map((buffer) => resultViews(network, buffer));

  return async ({ shard, batch, pictures }) => {
    for (const [name, variable] of network.store.trainable)
      network.store.assign(variable, (parameters.get(name) as Float32Array).slice());
    const { loss, terms, gradients } = await local.differentiate(batch, pictures);
    const target = results[shard] as (typeof results)[number];
    for (const [name, gradient] of gradients) {
      target.gradients.get(name)?.set(gradient.dataSync());
      gradient.dispose();
    }
    network.takeBatchStatistics().forEach(({ mean, variance }, unit) => {
      target.statistics[unit]?.mean.set(mean);
      target.statistics[unit]?.variance.set(variance);
    });
    return { loss, terms, names: [...gradients.keys()] };
  };
}

export default start(workerData as DifferentiatorSpec);
