import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type DilatedConvolution, dilatedConv2d } from '#model/engine/dilated-convolution';
import { loadEngine, type TensorFlow } from '#model/engine/engine';
import { normalTensor, parityError } from './parity.ts';

type Tensor4D = import('@tensorflow/tfjs').Tensor4D;

let tf: TensorFlow;

beforeAll(async () => {
  ({ tf } = await loadEngine({ prefer: 'wasm' }));
});

interface Case extends DilatedConvolution {
  shape: [number, number, number, number];
  filter: [number, number, number, number];
}

const side = fc.constantFrom(1, 2, 3);
const dilation = fc.integer({ min: 1, max: 4 });

/** Any small dilated convolution whose spread filter fits its input, so that `valid` has an output too. */
const anyCase: fc.Arbitrary<Case> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    extra: fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5 })),
    channels: fc.integer({ min: 1, max: 11 }),
    outChannels: fc.integer({ min: 1, max: 11 }),
    sides: fc.tuple(side, side),
    dilations: fc.tuple(dilation, dilation),
    pad: fc.constantFrom('same' as const, 'valid' as const),
    depthwise: fc.boolean(),
  })
  .map(({ batch, extra, channels, outChannels, sides, dilations, pad, depthwise }) => ({
    shape: [
      batch,
      (sides[0] - 1) * dilations[0] + 1 + extra[0],
      (sides[1] - 1) * dilations[1] + 1 + extra[1],
      channels,
    ],
    filter: [...sides, channels, depthwise ? 1 + (outChannels % 2) : outChannels],
    dilations,
    pad,
    depthwise,
  }));

describe('dilated convolution', () => {
  it('on wasm agrees with the sum of its taps on cpu, values and gradients', async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, async ({ shape, filter, ...options }) => {
        const error = await parityError(tf, () => {
          const operands = [
            normalTensor<Tensor4D>(tf, shape, 1),
            normalTensor<Tensor4D>(tf, filter, 2),
          ] as const;
          const y = dilatedConv2d(tf, ...operands, options);
          const weighting = normalTensor(tf, y.shape, 3);
          const gradients = tf.grads((x, weights) =>
            tf.sum(tf.mul(weighting, dilatedConv2d(tf, x as Tensor4D, weights as Tensor4D, options))),
          );
          return [y, ...gradients([...operands])];
        });
        expect(error).toBeLessThan(1e-4);
      }),
      { seed: 20240611, numRuns: 40 },
    );
  });

  it.each([true, false])(
    'is the stock convolution where there is no gradient to take (depthwise: %s)',
    (depthwise) => {
      const options = { dilations: [2, 3] as [number, number], pad: 'same' as const, depthwise };
      const difference = tf.tidy(() => {
        const x = normalTensor<Tensor4D>(tf, [2, 9, 11, 4], 1);
        const filter = normalTensor<Tensor4D>(tf, [3, 3, 4, depthwise ? 1 : 5], 2);
        const stock = depthwise
          ? tf.depthwiseConv2d(x, filter, 1, 'same', 'NHWC', [2, 3])
          : tf.conv2d(x, filter, 1, 'same', 'NHWC', [2, 3]);
        return tf.max(tf.abs(tf.sub(dilatedConv2d(tf, x, filter, options), stock)));
      });
      expect(difference.dataSync()[0]).toBeLessThan(1e-5);
      difference.dispose();
    },
  );
});
