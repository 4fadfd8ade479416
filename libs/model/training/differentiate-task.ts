/** What goes between the training loop and the threads that differentiate for it. */
import type { Engine } from '../engine/engine.ts';
import type { TwoTowerNetwork, TwoTowerOptions } from '../towers/two-tower.ts';
import type { LossTerms, ObjectiveWeights } from './objective.ts';
import type { SourceShape, TrainingBatch } from './training-source.ts';

/** Known to a thread from the start. */
export interface DifferentiatorSpec {
  engine: Engine['name'];
  towers: TwoTowerOptions;
  weights: ObjectiveWeights;
  shape: SourceShape;
  /** All weights, in the order of the network's store; written before a task is given out. */
  parameters: SharedArrayBuffer;
  /** One for each shard: all gradients in that order, then mean and variance of each unit. */
  results: SharedArrayBuffer[];
}

export interface DifferentiateTask {
  /** Which of the results is to be written. */
  shard: number;
  batch: TrainingBatch;
  /** Clip index of each row's picture. */
  pictures: number[];
}

/** The rest lies in shared memory. */
export interface DifferentiateAnswer {
  loss: number;
  terms: Partial<LossTerms>;
  /** Parameters that have a gradient. */
  names: string[];
}

/** A shard's results in place. */
export interface ResultViews {
  gradients: Map<string, Float32Array>;
  /** One for each unit of the network. */
  statistics: { mean: Float32Array; variance: Float32Array }[];
}

/** Number of floats that the weights, and the results of one shard, take. */
export function sharedSizes(network: TwoTowerNetwork): { parameters: number; results: number } {
  const parameters = network.store.trainableCount;
  const channels = network.units.reduce((sum, unit) => sum + unit.outputChannels, 0);
  return { parameters, results: parameters + 2 * channels };
}

/** Each weight's place in the shared memory. */
export function parameterViews(
  network: TwoTowerNetwork,
  buffer: SharedArrayBuffer,
): Map<string, Float32Array> {
  const take = cutter(buffer);
  return new Map([...network.store.trainable].map(([name, { size }]) => [name, take(size)]));
}

/** Each result's place in the shared memory. */
export function resultViews(network: TwoTowerNetwork, buffer: SharedArrayBuffer): ResultViews {
  const take = cutter(buffer);
  return {
    gradients: new Map([...network.store.trainable].map(([name, { size }]) => [name, take(size)])),
    statistics: network.units.map(({ outputChannels }) => ({
      mean: take(outputChannels),
      variance: take(outputChannels),
    })),
  };
}

function cutter(buffer: SharedArrayBuffer): (size: number) => Float32Array {
  let at = 0;
  return (size) => {
    const view = new Float32Array(buffer, at * 4, size);
    at += size;
    return view;
  };
}
