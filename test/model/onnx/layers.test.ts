/** Every layer answers the same on ONNX Runtime as on TensorFlow.js. */
import type * as tfTypes from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, loadEngine } from '#model/engine/engine';
import { type ConvolutionOptions, ConvolutionUnit, SeparableBlock } from '#model/layers/convolution';
import { Dense, LayerNorm } from '#model/layers/dense';
import { ParameterStore } from '#model/layers/parameters';
import { TransformerEncoder } from '#model/layers/transformer';
import type { OnnxGraphBuilder, OnnxValue } from '#model/onnx/graph-builder';
import { channelsFirst, channelsLast, expectClose, layerSession, noise, unsettle } from './parity.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

/** Compares on several inputs, because one graph serves every size. */
async function expectParity(
  layer: {
    apply: (x: tfTypes.Tensor) => tfTypes.Tensor;
    toOnnx: (graph: OnnxGraphBuilder, x: OnnxValue) => OnnxValue;
  },
  shapes: readonly number[][],
): Promise<void> {
  const { tf } = engine;
  const session = await layerSession({ x: shapes[0]?.length ?? 0 }, layer.toOnnx);
  for (const [seed, shape] of shapes.entries()) {
    const x = noise(shape, seed + 1);
    const { y } = await session.run({ x });
    tf.tidy(() => expectClose(y, layer.apply(tf.tensor(x.data, shape))));
  }
  await session.dispose();
}

/** A picture layer, its graph between two transpositions. */
function pictureLayer(layer: {
  apply: (x: tfTypes.Tensor4D, training: boolean) => tfTypes.Tensor4D;
  toOnnx: (graph: OnnxGraphBuilder, x: OnnxValue) => OnnxValue;
}) {
  return {
    apply: (x: tfTypes.Tensor) => layer.apply(x as tfTypes.Tensor4D, false),
    toOnnx: (graph: OnnxGraphBuilder, x: OnnxValue) =>
      channelsLast(graph, layer.toOnnx(graph, channelsFirst(graph, x))),
  };
}

/** Odd, even, single rows and columns: SAME padding differs in each. */
const PICTURES: [number, number][] = [
  [8, 8],
  [7, 9],
  [5, 12],
  [1, 6],
  [3, 1],
  [1, 1],
];

describe('ConvolutionUnit', () => {
  const strides: [number, number][] = [
    [1, 1],
    [2, 2],
    [1, 2],
    [2, 1],
    [3, 2],
  ];
  const kinds: Pick<ConvolutionOptions, 'kernelSize' | 'depthwise' | 'activation'>[] = [
    { kernelSize: 1 },
    { kernelSize: 2, activation: 'none' },
    { kernelSize: 3 },
    { kernelSize: 3, activation: 'none' },
    { kernelSize: 5 },
    { kernelSize: 3, depthwise: true },
    { kernelSize: 5, depthwise: true, activation: 'none' },
  ];
  for (const kind of kinds) {
    it(`pads, strides and folds like TensorFlow: ${JSON.stringify(kind)}`, async () => {
      for (const [i, stride] of strides.entries()) {
        for (const channels of [1, 3, 16]) {
          const store = new ParameterStore(engine, i);
          const unit = new ConvolutionUnit(store, 'unit', {
            ...kind,
            strides: stride,
            inputChannels: channels,
            outputChannels: 8,
          });
          unsettle(store, i);
          const shapes = PICTURES.flatMap(([height, width], at) => [
            [at % 2 ? 1 : 3, height, width, channels],
          ]);
          await expectParity(pictureLayer(unit), shapes);
          unit.forgetFolded();
          store.dispose();
        }
      }
    });
  }

  it('is a matrix product over the last axis where it is pointwise, and only there', async () => {
    const { tf } = engine;
    const store = new ParameterStore(engine, 1);
    const unit = new ConvolutionUnit(store, 'unit', { kernelSize: 1, inputChannels: 5, outputChannels: 7 });
    const wide = new ConvolutionUnit(store, 'wide', { kernelSize: 3, inputChannels: 5, outputChannels: 7 });
    unsettle(store, 1);
    const session = await layerSession({ x: 2 }, (graph, x) => {
      expect(() => wide.toOnnxOverLastAxis(graph, x)).toThrowError(/1x1/);
      return unit.toOnnxOverLastAxis(graph, x);
    });
    const x = noise([3, 5], 2);
    const { y } = await session.run({ x });
    tf.tidy(() => expectClose(y, tf.reshape(unit.apply(tf.tensor4d(x.data, [3, 1, 1, 5]), false), [3, 7])));
    await session.dispose();
    store.dispose();
  });
});

describe('SeparableBlock', () => {
  it('answers the same for every stride of the trunks', async () => {
    for (const [i, strides] of (
      [
        [1, 1],
        [2, 2],
        [1, 2],
      ] as [number, number][]
    ).entries()) {
      const store = new ParameterStore(engine, i);
      const block = new SeparableBlock(store, 'block', { inputChannels: 12, outputChannels: 20, strides });
      unsettle(store, i);
      await expectParity(
        pictureLayer(block),
        PICTURES.map(([height, width]) => [2, height, width, 12]),
      );
      store.dispose();
    }
  });
});

describe('Dense and LayerNorm', () => {
  it('answer the same over vectors and over sequences of any length', async () => {
    const store = new ParameterStore(engine, 1);
    const dense = new Dense(store, 'dense', 6, 10);
    const norm = new LayerNorm(store, 'norm', 6);
    unsettle(store, 1);
    for (const layer of [dense, norm]) {
      const both = {
        apply: (x: tfTypes.Tensor) => layer.apply(x),
        toOnnx: (graph: OnnxGraphBuilder, x: OnnxValue) => layer.toOnnx(graph, x),
      };
      await expectParity(both, [
        [1, 6],
        [5, 6],
      ]);
      await expectParity(both, [
        [1, 1, 6],
        [3, 7, 6],
      ]);
    }
    store.dispose();
  });
});

describe('TransformerEncoder', () => {
  /** Sampled evenly, unevenly, and an hour into a recording. */
  const clocks: ((step: number) => number)[] = [
    (step) => step * 0.08,
    (step) => 0.3 + step ** 1.5 * 0.11,
    (step) => 3600 + step * 0.04,
  ];

  it('answers the same for any number of steps, at any times', async () => {
    const { tf } = engine;
    const store = new ParameterStore(engine, 1);
    const encoder = new TransformerEncoder(store, 'encoder', { width: 24, heads: 3, layers: 2 });
    unsettle(store, 1);
    const session = await layerSession({ x: 3, timesSec: 2 }, (graph, x, timesSec) =>
      encoder.toOnnx(graph, x as OnnxValue, timesSec as OnnxValue),
    );
    for (const [batch, steps] of [
      [1, 1],
      [1, 62],
      [3, 20],
      [2, 7],
    ] as const) {
      for (const [seed, clock] of clocks.entries()) {
        const x = noise([batch, steps, 24], seed);
        for (const rows of new Set([1, batch])) {
          // Rows with times of their own start a little later each.
          const times = Float32Array.from(
            { length: rows * steps },
            (_, i) => clock(i % steps) + Math.floor(i / steps) * 0.37,
          );
          const { y } = await session.run({ x, timesSec: { data: times, shape: [rows, steps] } });
          tf.tidy(() => expectClose(y, encoder.apply(tf.tensor(x.data, [batch, steps, 24]), times)));
        }
      }
    }
    await session.dispose();
    store.dispose();
  });
});
