/** Every layer answers the same on ONNX Runtime as on TensorFlow.js. */
import type * as tfTypes from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, loadEngine } from '#model/engine/engine';
import { MOTION_CHANNELS } from '#model/front-ends/motion';
import { type ConvolutionOptions, ConvolutionUnit, SeparableBlock } from '#model/layers/convolution';
import { Dense, LayerNorm } from '#model/layers/dense';
import { ParameterStore } from '#model/layers/parameters';
import { positionPool, positionPoolToOnnx } from '#model/layers/position-pool';
import { temporalPool, temporalPoolToOnnx } from '#model/layers/temporal-pool';
import { TransformerEncoder } from '#model/layers/transformer';
import { unitLength, unitLengthToOnnx } from '#model/layers/unit-length';
import type { OnnxGraphBuilder, OnnxValue } from '#model/onnx/graph-builder';
import { MotionTrunk } from '#model/towers/motion-trunk';
import { ProjectionHead } from '#model/towers/projection-head';
import { channelsFirst, channelsLast, expectSameAsTensor, layerSession, noise, unsettle } from './parity.ts';

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
    tf.tidy(() => expectSameAsTensor(y, layer.apply(tf.tensor(x.data, shape))));
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

  it('takes pictures as they lie in memory, of every size and stride', async () => {
    for (const [i, stride] of strides.entries()) {
      for (const [kernelSize, channels] of [
        [1, 1],
        [2, 3],
        [3, 3],
        [5, 8],
      ] as const) {
        const store = new ParameterStore(engine, i);
        const shape = { kernelSize, strides: stride, inputChannels: channels, outputChannels: 8 };
        const unit = new ConvolutionUnit(store, 'unit', shape);
        unsettle(store, i);
        for (const [height, width] of PICTURES) {
          const layer = {
            apply: (x: tfTypes.Tensor) => unit.apply(x as tfTypes.Tensor4D, false),
            toOnnx: (graph: OnnxGraphBuilder, x: OnnxValue) =>
              channelsLast(graph, unit.toOnnxFromPixels(graph, x, { height, width })),
          };
          await expectParity(layer, [
            [1, height, width, channels],
            [3, height, width, channels],
          ]);
        }
        unit.forgetFolded();
        store.dispose();
      }
    }
  });

  it('has no kernel over pixels where it is depthwise', async () => {
    const store = new ParameterStore(engine, 1);
    const shape = { kernelSize: 3, depthwise: true, inputChannels: 3, outputChannels: 3 };
    const unit = new ConvolutionUnit(store, 'unit', shape);
    const session = await layerSession({ x: 4 }, (graph, x) => {
      expect(() => unit.toOnnxFromPixels(graph, x, { height: 4, width: 4 })).toThrowError(/kernel a channel/);
      return x;
    });
    await session.dispose();
    store.dispose();
  });

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
    tf.tidy(() =>
      expectSameAsTensor(y, tf.reshape(unit.apply(tf.tensor4d(x.data, [3, 1, 1, 5]), false), [3, 7])),
    );
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

describe('pooling, heads and trunks', () => {
  it('pool a temporal pyramid over any number of steps, fewer than its parts included', async () => {
    const shapes = [1, 2, 4, 5, 6, 13, 62].map((steps) => [steps % 2 ? 1 : 3, steps, 6]);
    for (const parts of [0, 1, 3, 5]) {
      const layer = {
        apply: (x: tfTypes.Tensor) => temporalPool(engine.tf, x as tfTypes.Tensor3D, parts),
        toOnnx: (graph: OnnxGraphBuilder, x: OnnxValue) => temporalPoolToOnnx(graph, x, parts),
      };
      await expectParity(layer, shapes);
    }
  });

  it('pool positions and scale to unit length, zeros included', async () => {
    await expectParity(
      {
        apply: (x) => unitLength(engine.tf, positionPool(engine.tf, engine.tf.relu(x) as tfTypes.Tensor4D)),
        toOnnx: (graph, x) =>
          unitLengthToOnnx(graph, positionPoolToOnnx(graph, channelsFirst(graph, graph.node('Relu', [x])))),
      },
      PICTURES.map(([height, width]) => [2, height, width, 3]),
    );
    const zeros = { data: new Float32Array(6), shape: [2, 3] };
    const session = await layerSession({ x: 2 }, (graph, x) => unitLengthToOnnx(graph, x));
    expect((await session.run({ x: zeros })).y?.data).toEqual(zeros.data);
    await session.dispose();
  });

  it('project to the shared space and look at motion', async () => {
    const store = new ParameterStore(engine, 1);
    const head = new ProjectionHead(store, 'head', { inputWidth: 12, hiddenWidth: 20, dimension: 7 });
    const trunk = new MotionTrunk(store, 'motion', { size: 10, trunkChannels: [4, 6, 8] });
    unsettle(store, 1);
    await expectParity(
      {
        apply: (x) => head.apply(x as tfTypes.Tensor2D, false),
        toOnnx: (graph, x) => head.toOnnx(graph, x),
      },
      [
        [1, 12],
        [5, 12],
      ],
    );
    await expectParity(
      {
        apply: (x) => trunk.apply(x as tfTypes.Tensor4D, false),
        toOnnx: (graph, x) => trunk.toOnnx(graph, x),
      },
      [
        [3, 5, 5, MOTION_CHANNELS],
        [1, 5, 5, MOTION_CHANNELS],
      ],
    );
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
          tf.tidy(() => expectSameAsTensor(y, encoder.apply(tf.tensor(x.data, [batch, steps, 24]), times)));
        }
      }
    }
    await session.dispose();
    store.dispose();
  });
});
