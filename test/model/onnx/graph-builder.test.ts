import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OnnxGraphBuilder } from '#model/onnx/graph-builder';
import { OnnxSession, type OnnxTensor } from '#model/onnx/session';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-onnx-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function runOnce(
  graph: OnnxGraphBuilder,
  inputs: Record<string, OnnxTensor>,
): Promise<Record<string, OnnxTensor>> {
  const session = await OnnxSession.open(graph.toBytes());
  try {
    return await session.run(inputs);
  } finally {
    await session.dispose();
  }
}

/** `y = x * 2 + 1` over any number of rows of three. */
function affineGraph(): OnnxGraphBuilder {
  const graph = new OnnxGraphBuilder('affine');
  const x = graph.input('x', 'float32', ['batch', 3]);
  const y = graph.node('Add', [graph.node('Mul', [x, graph.scalar(2)]), graph.scalar(1)]);
  graph.output('y', y, 'float32', ['batch', 3]);
  return graph;
}

describe('a written graph', () => {
  it('runs with any size of its free dimensions', async () => {
    const session = await OnnxSession.open(affineGraph().toBytes());
    expect(session.inputNames).toEqual(['x']);
    expect(session.outputNames).toEqual(['y']);
    for (const rows of [1, 4]) {
      const data = Float32Array.from({ length: rows * 3 }, (_, i) => i);
      const { y } = await session.run({ x: { data, shape: [rows, 3] } });
      expect(y?.shape).toEqual([rows, 3]);
      expect(y?.data).toEqual(data.map((value) => value * 2 + 1));
    }
    await session.dispose();
  });

  it('loads from a file, and the same calls give the same bytes', async () => {
    const bytes = affineGraph().toBytes();
    expect(affineGraph().toBytes()).toEqual(bytes);
    const file = path.join(folder, 'affine.onnx');
    await writeFile(file, bytes);
    const session = await OnnxSession.open(file, { threads: 2 });
    const { y } = await session.run({ x: { data: Float32Array.of(1, 2, 3), shape: [1, 3] } });
    expect(y?.data).toEqual(Float32Array.of(3, 5, 7));
    await session.dispose();
  });

  it('keeps a constant as it was when it was given', async () => {
    const graph = new OnnxGraphBuilder('constant');
    const weights = Float32Array.of(1, 2);
    const x = graph.input('x', 'float32', [2]);
    graph.output('y', graph.node('Mul', [x, graph.constant(weights, [2])]), 'float32', [2]);
    weights.fill(0);
    const { y } = await runOnce(graph, { x: { data: Float32Array.of(1, 1), shape: [2] } });
    expect(y?.data).toEqual(Float32Array.of(1, 2));
    expect(() => graph.constant(weights, [3])).toThrowError(/needs 3 elements, 2 were given/);
  });

  it('carries int8 and uint8 weights, dequantised by channel', async () => {
    const graph = new OnnxGraphBuilder('quantised');
    const x = graph.input('x', 'uint8', [2, 2]);
    const weights = graph.constant(Int8Array.of(-4, 8, 0, 4), [2, 2]);
    const scales = graph.constant(Float32Array.of(0.5, 0.25), [2]);
    const zeroPoints = graph.constant(Int8Array.of(0, 4), [2]);
    const signed = graph.node('DequantizeLinear', [weights, scales, zeroPoints], { axis: 0 });
    const unsigned = graph.node('DequantizeLinear', [x, graph.scalar(0.1), null]);
    graph.output('y', graph.node('Add', [signed, unsigned]), 'float32', [2, 2]);
    const { y } = await runOnce(graph, { x: { data: Uint8Array.of(0, 10, 20, 255), shape: [2, 2] } });
    const expected = [-2, 4 + 1, -1 + 2, 0 + 25.5];
    expected.forEach((value, i) => {
      expect(y?.data[i]).toBeCloseTo(value, 5);
    });
  });

  it('takes every kind of attribute, optional inputs left out and several outputs', async () => {
    const graph = new OnnxGraphBuilder('attributes');
    const x = graph.input('x', 'float32', [4]);
    const [left, right] = graph.nodes('Split', [x, graph.int64([1, 3])], 2, { axis: 0 });
    const leaky = graph.node('LeakyRelu', [right!], { alpha: { float: 1 } });
    // Clip without its minimum.
    const clipped = graph.node('Clip', [leaky, null, graph.scalar(2.5)]);
    graph.output('left', left!, 'float32', [1]);
    graph.output('clipped', clipped, 'float32', [3]);
    const image = graph.constant(Float32Array.of(1, 2, 3, 4), [1, 1, 2, 2]);
    const pooled = graph.node('MaxPool', [image], { kernel_shape: [2, 2], auto_pad: 'VALID' });
    graph.output('pooled', pooled, 'float32', [1, 1, 1, 1]);
    const results = await runOnce(graph, { x: { data: Float32Array.of(9, -1, 2, 7), shape: [4] } });
    expect(results.left?.data).toEqual(Float32Array.of(9));
    expect(results.clipped?.data).toEqual(Float32Array.of(-1, 2, 2.5));
    expect(results.pooled?.data).toEqual(Float32Array.of(4));
  });
});

describe('a session', () => {
  it('answers only the outputs asked for', async () => {
    const graph = affineGraph();
    const session = await OnnxSession.open(graph.toBytes());
    const x = { data: new Float32Array(3), shape: [1, 3] };
    expect(Object.keys(await session.run({ x }, ['y']))).toEqual(['y']);
    await session.dispose();
  });

  it('says in a sentence what it can not load or run', async () => {
    const file = path.join(folder, 'broken.onnx');
    await writeFile(file, 'no model');
    for (const model of [file, path.join(folder, 'missing.onnx'), new Uint8Array([1, 2, 3])]) {
      const failure = OnnxSession.open(model);
      await expect(failure).rejects.toMatchObject({ code: 'model_invalid' });
      await expect(failure).rejects.toThrow(/^ONNX Runtime can't load .+\.$/);
    }
    const unknown = new OnnxGraphBuilder('unknown');
    unknown.output('y', unknown.node('NoSuchOperator', [unknown.scalar(1)]), 'float32', []);
    await expect(OnnxSession.open(unknown.toBytes(), { subject: 'the tower' })).rejects.toMatchObject({
      code: 'model_invalid',
      subject: 'the tower',
    });

    const session = await OnnxSession.open(affineGraph().toBytes());
    const wrong: Record<string, OnnxTensor>[] = [
      {},
      { x: { data: new Float32Array(4), shape: [1, 4] } },
      { x: { data: new Float32Array(4), shape: [1, 3] } },
      { x: { data: new Uint8Array(3), shape: [1, 3] } },
    ];
    for (const inputs of wrong) {
      await expect(session.run(inputs)).rejects.toMatchObject({ code: 'model_invalid' });
    }
    await session.dispose();
  });
});
