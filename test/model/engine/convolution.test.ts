import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine, type TensorFlow } from '#model/engine/engine';
import {
  type ConvolutionCase,
  convolutionAndGradients,
  describeCase,
  fixedCases,
} from './convolution-cases.ts';
import { normalTensor, parityError } from './parity.ts';

type Tensor4D = import('@tensorflow/tfjs').Tensor4D;

let tf: TensorFlow;

beforeAll(async () => {
  ({ tf } = await loadEngine({ prefer: 'wasm' }));
});

const side = fc.constantFrom(1, 2, 3, 5);
const stride = fc.constantFrom(1, 2, 3);

/** Any small convolution whose filter fits its input, so that `valid` has an output too. */
const anyConvolution: fc.Arbitrary<ConvolutionCase> = fc
  .record({
    depthwise: fc.boolean(),
    batch: fc.integer({ min: 1, max: 3 }),
    extraHeight: fc.integer({ min: 0, max: 6 }),
    extraWidth: fc.integer({ min: 0, max: 6 }),
    channels: fc.integer({ min: 1, max: 17 }),
    outChannels: fc.integer({ min: 1, max: 17 }),
    multiplier: fc.constantFrom(1, 1, 2, 3),
    filter: fc.tuple(side, side),
    strides: fc.tuple(stride, stride),
    pad: fc.constantFrom('same' as const, 'valid' as const),
  })
  .map(({ extraHeight, extraWidth, multiplier, ...rest }) => ({
    ...rest,
    height: rest.filter[0] + extraHeight,
    width: rest.filter[1] + extraWidth,
    outChannels: rest.depthwise ? multiplier : rest.outChannels,
  }));

describe('convolution on wasm', () => {
  it.each(fixedCases().map((c) => [describeCase(c), c] as const))(
    'agrees with the cpu backend, values and gradients: %s',
    async (_name, c) => {
      expect(await parityError(tf, convolutionAndGradients(tf, c))).toBeLessThan(1e-4);
    },
  );

  it('agrees with the cpu backend for any small shape, filter, stride and padding', async () => {
    await fc.assert(
      fc.asyncProperty(anyConvolution, async (c) => {
        expect(await parityError(tf, convolutionAndGradients(tf, c))).toBeLessThan(1e-4);
      }),
      { seed: 20240607, numRuns: 60 },
    );
  });

  it('pads by an explicit number of pixels', async () => {
    const error = await parityError(tf, () => {
      const x = normalTensor<Tensor4D>(tf, [1, 6, 5, 3], 1);
      const filter = normalTensor<Tensor4D>(tf, [3, 3, 3, 4], 2);
      return tf.grads((input, weights) =>
        tf.sum(tf.square(tf.conv2d(input as Tensor4D, weights as Tensor4D, 2, 2, 'NHWC', 1, 'floor'))),
      )([x, filter]);
    });
    expect(error).toBeLessThan(1e-4);
  });

  it('refuses pixel padding with unlike strides instead of corrupting the heap', () => {
    const x = normalTensor<Tensor4D>(tf, [1, 6, 5, 3], 1);
    const filter = normalTensor<Tensor4D>(tf, [3, 3, 3, 4], 2);
    expect(() => tf.conv2d(x, filter, [2, 1], 2, 'NHWC', 1, 'floor')).toThrow(/unlike strides/);
    tf.dispose([x, filter]);
  });

  it.each([4, 8])('computes a pointwise convolution of stride 2 over an even size (%i)', async (size) => {
    // Stock wasm hands out an unwritten result here.
    const c = {
      batch: 1,
      height: size,
      width: size,
      channels: 4,
      filter: [1, 1],
      strides: [2, 2],
      pad: 'same',
    };
    for (const kind of [
      { depthwise: false, outChannels: 5 },
      { depthwise: true, outChannels: 1 },
    ]) {
      const error = await parityError(tf, convolutionAndGradients(tf, { ...c, ...kind } as ConvolutionCase));
      expect(error).toBeLessThan(1e-4);
    }
  });

  it('keeps dilated forward convolutions right', async () => {
    const error = await parityError(tf, () => {
      const x = normalTensor<Tensor4D>(tf, [1, 9, 8, 3], 1);
      const full = normalTensor<Tensor4D>(tf, [3, 3, 3, 4], 2);
      const depthwise = normalTensor<Tensor4D>(tf, [3, 3, 3, 1], 3);
      return [
        tf.conv2d(x, full, 1, 'same', 'NHWC', 2),
        tf.depthwiseConv2d(x, depthwise, 1, 'same', 'NHWC', 2),
      ];
    });
    expect(error).toBeLessThan(1e-4);
  });

  it('gives the same bits every time', async () => {
    const c: ConvolutionCase = {
      depthwise: false,
      batch: 2,
      height: 11,
      width: 9,
      channels: 10,
      outChannels: 14,
      filter: [3, 3],
      strides: [2, 2],
      pad: 'same',
    };
    await tf.setBackend('wasm');
    const run = (): number[][] => {
      const tensors = tf.tidy(convolutionAndGradients(tf, c));
      const values = tensors.map((tensor) => Array.from(tensor.dataSync()));
      tf.dispose(tensors);
      return values;
    };
    expect(run()).toEqual(run());
  });
});
