import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { trainingBatchNorm } from '#model/engine/batch-norm';
import { installWasmKernels } from '#model/engine/kernels/install';
import { convolutionAndGradients, describeCase, fixedCases } from './convolution-cases.ts';
import { normalTensor, parityError } from './parity.ts';

beforeAll(async () => {
  tf.enableProdMode();
  await tf.setBackend('wasm');
  await installWasmKernels(tf, async () => undefined);
});

/** The grid of the SIMD suite, and one depthwise convolution with several filters a channel. */
const cases = [...fixedCases(), { ...fixedCases().at(-1)!, outChannels: 3 }].map(
  (c) => [describeCase(c), c] as const,
);

describe('wasm without the SIMD module', () => {
  it.each(cases)('still trains: %s', async (_name, c) => {
    expect(await parityError(tf, convolutionAndGradients(tf, c))).toBeLessThan(1e-4);
  });

  it('still normalises batches', async () => {
    const error = await parityError(tf, () => {
      const [x, gamma, beta] = [[6, 5, 4], [4], [4]].map((shape, seed) => normalTensor(tf, shape, seed + 1));
      return tf.grads((...inputs) =>
        tf.sum(tf.square(trainingBatchNorm(tf, inputs[0]!, inputs[1]!, inputs[2]!).y)),
      )([x!, gamma!, beta!]);
    });
    expect(error).toBeLessThan(1e-4);
  });

  it('leaves no tensor behind', async () => {
    await tf.setBackend('wasm');
    const before = tf.memory().numTensors;
    tf.dispose(tf.tidy(convolutionAndGradients(tf, fixedCases()[6]!)));
    tf.dispose(tf.tidy(convolutionAndGradients(tf, fixedCases().at(-1)!)));
    expect(tf.memory().numTensors).toBe(before);
  });
});
