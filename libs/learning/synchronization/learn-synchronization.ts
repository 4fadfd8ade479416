/** Learns the synchronisation head from clips that are in sync, by shifting them. */
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import { loadEngine } from '#model/engine/engine';
import type { NamedArray } from '#model/layers/parameters';
import { SynchronizationNetwork } from '#model/synchronization/head-network';
import { SynchronizationHead } from '#model/synchronization/synchronization-head';
import { Adam, cosineSchedule } from '#model/training/adam';
import { namedGradients } from '#model/training/named-gradients';
import { fitSynchronizability, type SynchronizabilityFit } from './fit-synchronizability.ts';
import { drawBatch } from './head-batches.ts';
import type { ShiftedClips } from './shifted-clips.ts';

export interface SynchronizationLearning {
  /** Sets of clips; the first one gives most of the pairs. */
  train: readonly ShiftedClips[];
  validation: readonly ShiftedClips[];
  steps: number;
  batchSize: number;
  peakLearningRate: number;
  seed: number;
  signal?: AbortSignal;
  /** Arrays of a head to go on from; from scratch without. */
  initial?: readonly NamedArray[];
  onStep?(report: { step: number; totalSteps: number; loss: number; stepMs: number }): void;
}

export interface LearnedSynchronization {
  arrays: NamedArray[];
  /** Moving average at the end. */
  loss: number;
  fit: SynchronizabilityFit;
}

const WARM_UP_STEPS = 50;
const WEIGHT_DECAY = 0.01;
const LOSS_MEMORY = 0.98;

/** @throws EarshotError `cancelled`, `training_diverged`, `not_enough_data` */
export async function learnSynchronization(
  options: SynchronizationLearning,
): Promise<LearnedSynchronization> {
  if (!options.train.some((clips) => clips.count > 1))
    throw new EarshotError('not_enough_data', 'There are no clips to learn synchronisation from.');
  const network = new SynchronizationNetwork(await loadEngine(), options.seed);
  try {
    if (options.initial) network.store.restore(options.initial);
    const loss = run(network, options);
    const arrays = network.store.snapshot();
    const head = new SynchronizationHead(arrays);
    return { arrays, loss, fit: await fitSynchronizability(head, options.validation, options.seed) };
  } finally {
    network.dispose();
  }
}

function run(network: SynchronizationNetwork, options: SynchronizationLearning): number {
  const { steps: totalSteps, seed, signal } = options;
  const random = new SeededRandom(`${seed}:synchronization`);
  const optimizer = new Adam(network.store, { weightDecay: WEIGHT_DECAY });
  let average: number | null = null;
  for (let step = 0; step < totalSteps; step++) {
    if (signal?.aborted) throw new EarshotError('cancelled', 'Training was stopped.');
    const started = performance.now();
    const { loss, gradients } = lossOf(network, options, random);
    average = average === null ? loss : LOSS_MEMORY * average + (1 - LOSS_MEMORY) * loss;
    const schedule = { peak: options.peakLearningRate, warmUpSteps: WARM_UP_STEPS, totalSteps };
    optimizer.update(gradients, cosineSchedule(step, schedule));
    const stepMs = performance.now() - started;
    options.onStep?.({ step: step + 1, totalSteps, loss: average, stepMs });
  }
  return average ?? 0;
}

/** Cross-entropy of a batch, and its gradients by the parameters' names. */
function lossOf(
  network: SynchronizationNetwork,
  { train, batchSize }: SynchronizationLearning,
  random: SeededRandom,
) {
  const { engine, store } = network;
  const { tf } = engine;
  const batch = drawBatch(engine, train, batchSize, random);
  const { loss, gradients } = namedGradients(engine, store, () => {
    const logs = tf.logSoftmax(network.logits(batch));
    return tf.neg(tf.mean(tf.sum(tf.mul(batch.targets, logs), 1))).asScalar();
  });
  batch.dispose();
  return { loss, gradients };
}
