/** What the parity tests of the two back ends share: weights that hide nothing, and one run of each side. */
import type * as tfTypes from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { SeededRandom } from '#core/random';
import type { ParameterStore } from '#model/layers/parameters';
import { OnnxGraphBuilder, type OnnxValue } from '#model/onnx/graph-builder';
import { OnnxSession, type OnnxTensor } from '#model/onnx/session';

/** The largest difference allowed, relative where values are above 1. */
const TOLERANCE = 1e-4;

/**
 * Moves every array away from its initial value: fresh biases of zero, gains of one and running statistics of zero
 * and one would let a forgotten term pass.
 */
export function unsettle(store: ParameterStore, seed: number): void {
  for (const [name, variable] of [...store.trainable, ...store.statistics]) {
    const random = new SeededRandom(`${seed}:${name}`);
    const before = variable.dataSync() as Float32Array;
    const spread = name.endsWith('kernel') ? 0 : 0.3;
    const data = before.map((value) =>
      name.endsWith('variance') ? random.uniform(0.2, 3) : value + spread * random.normal(),
    );
    store.assign(variable, data);
  }
}

export function noise(shape: readonly number[], seed: number): OnnxTensor & { data: Float32Array } {
  const random = new SeededRandom(seed);
  const size = shape.reduce((product, n) => product * n, 1);
  return { data: Float32Array.from({ length: size }, () => random.normal()), shape };
}

/** `[batch, height, width, channels]` to channels first. */
export function channelsFirst(graph: OnnxGraphBuilder, x: OnnxValue): OnnxValue {
  return graph.node('Transpose', [x], { perm: [0, 3, 1, 2] });
}

export function channelsLast(graph: OnnxGraphBuilder, x: OnnxValue): OnnxValue {
  return graph.node('Transpose', [x], { perm: [0, 2, 3, 1] });
}

/** Builds a graph of one layer over inputs of free sizes, and opens it. */
export function layerSession(
  ranks: Readonly<Record<string, number>>,
  build: (graph: OnnxGraphBuilder, ...inputs: OnnxValue[]) => OnnxValue,
): Promise<OnnxSession> {
  const graph = new OnnxGraphBuilder('layer');
  const axes = (name: string, rank: number) => Array.from({ length: rank }, (_, axis) => `${name}${axis}`);
  const inputs = Object.entries(ranks).map(([name, rank]) => graph.input(name, 'float32', axes(name, rank)));
  const y = build(graph, ...inputs);
  graph.output('y', y, 'float32', axes('y', ranks[Object.keys(ranks)[0] as string] as number));
  return OnnxSession.open(graph.toBytes());
}

/** Same shape, and no value further away than `TOLERANCE`. */
export function expectSame(actual: OnnxTensor | undefined, expected: OnnxTensor): void {
  expect(actual?.shape).toEqual(expected.shape);
  let worst = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const value = Number(expected.data[i]);
    // A NaN stays the maximum, and fails.
    worst = Math.max(worst, Math.abs(Number(actual?.data[i]) - value) / Math.max(1, Math.abs(value)));
  }
  expect(worst).toBeLessThan(TOLERANCE);
}

export function expectSameAsTensor(actual: OnnxTensor | undefined, expected: tfTypes.Tensor): void {
  expectSame(actual, { data: expected.dataSync() as Float32Array, shape: expected.shape });
}
