/** Fusion of sound and picture: shapes, masks, gradients, and the same answers from both back ends. */
import type * as tfTypes from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, loadEngine } from '#model/engine/engine';
import { CrossModalAttention, WeightedFusion } from '#model/layers/fusion';
import { ParameterStore } from '#model/layers/parameters';
import { expectSameAsTensor, layerSession, noise, unsettle } from '../onnx/parity.ts';

const WIDTH = 8;
const HEADS = 2;

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

function layerOf<T>(make: (store: ParameterStore) => T): { layer: T; store: ParameterStore } {
  const store = new ParameterStore(engine, 3);
  const layer = make(store);
  unsettle(store, 5);
  return { layer, store };
}

const weighted = () => layerOf((store) => new WeightedFusion(store, 'fusion', WIDTH));
const attention = () => layerOf((store) => new CrossModalAttention(store, 'fusion', WIDTH, HEADS));
const tensorOf = (shape: number[], seed: number) => engine.tf.tensor(noise(shape, seed).data, shape);
const values = (t: tfTypes.Tensor) => [...t.dataSync()];

/** Largest gradient of each trained array, of the mean square of the answer. */
function gradients(store: ParameterStore, answer: () => tfTypes.Tensor): Record<string, number> {
  const { tf } = engine;
  return tf.tidy(() => {
    const variables = [...store.trainable];
    const loss = () => tf.mean(tf.square(answer())) as tfTypes.Scalar;
    const { grads } = tf.variableGrads(
      loss,
      variables.map(([, variable]) => variable),
    );
    const largest = (variable: tfTypes.Variable) =>
      Math.max(...values(tf.abs(grads[variable.name] as tfTypes.Tensor)));
    return Object.fromEntries(variables.map(([name, variable]) => [name, largest(variable)]));
  });
}

/** The same by differences of the loss, for one element of an array. */
function differenceQuotient(
  store: ParameterStore,
  name: string,
  answer: () => tfTypes.Tensor,
): { measured: number; derived: number } {
  const { tf } = engine;
  return tf.tidy(() => {
    const variable = new Map(store.trainable).get(name) as tfTypes.Variable;
    const loss = () => tf.mean(tf.square(answer())) as tfTypes.Scalar;
    const { grads } = tf.variableGrads(loss, [variable]);
    const derived = values(grads[variable.name] as tfTypes.Tensor)[0] as number;
    const before = Float32Array.from(variable.dataSync());
    const at = (delta: number) => {
      store.assign(
        variable,
        before.map((value, i) => (i === 0 ? value + delta : value)),
      );
      return values(loss())[0] as number;
    };
    const measured = (at(0.01) - at(-0.01)) / 0.02;
    store.assign(variable, before);
    return { measured, derived };
  });
}

describe('WeightedFusion', () => {
  it('lies between sound and picture, as far as the weight says', () => {
    const { layer } = weighted();
    const [audio, video] = [tensorOf([3, WIDTH], 1), tensorOf([3, WIDTH], 2)];
    const { fused, weight } = layer.apply(audio, video);
    expect(fused.shape).toEqual([3, WIDTH]);
    expect(weight.shape).toEqual([3, 1]);
    const [a, v, f, w] = [audio, video, fused, weight].map(values) as [
      number[],
      number[],
      number[],
      number[],
    ];
    f.forEach((value, i) => {
      const share = w[Math.floor(i / WIDTH)] as number;
      expect(share).toBeGreaterThan(0);
      expect(share).toBeLessThan(1);
      expect(value).toBeCloseTo(share * (a[i] as number) + (1 - share) * (v[i] as number), 5);
    });
    expect(new Set(w.map((share) => share.toFixed(4))).size).toBe(3);
  });

  it('takes a weight from outside: 1 is the sound alone, 0 the picture alone', () => {
    const { layer } = weighted();
    const [audio, video] = [tensorOf([2, WIDTH], 1), tensorOf([2, WIDTH], 2)];
    const { fused } = layer.apply(audio, video, engine.tf.tensor([1, 0], [2, 1]));
    expect(values(fused).slice(0, WIDTH)).toEqual(values(audio).slice(0, WIDTH));
    expect(values(fused).slice(WIDTH)).toEqual(values(video).slice(WIDTH));
  });

  it('passes a gradient to its gate, the true one', () => {
    const { layer, store } = weighted();
    const [audio, video] = [tensorOf([3, WIDTH], 1), tensorOf([3, WIDTH], 2)];
    const answer = () => layer.apply(audio, video).fused;
    for (const [name, largest] of Object.entries(gradients(store, answer)))
      expect(largest, name).toBeGreaterThan(1e-4);
    const { measured, derived } = differenceQuotient(store, 'fusion/gate/kernel', answer);
    expect(derived).toBeCloseTo(measured, 3);
  });

  it('answers the same on ONNX Runtime', async () => {
    const { layer } = weighted();
    const session = await layerSession(
      { audio: 2, video: 2 },
      (graph, audio, video) => layer.toOnnx(graph, audio as never, video as never).fused,
    );
    for (const batch of [1, 4]) {
      const [audio, video] = [noise([batch, WIDTH], 7), noise([batch, WIDTH], 8)];
      const { y } = await session.run({ audio, video });
      expectSameAsTensor(y, layer.apply(tensorOf([batch, WIDTH], 7), tensorOf([batch, WIDTH], 8)).fused);
    }
    await session.dispose();
  });
});

describe('CrossModalAttention', () => {
  it('keeps the steps of the picture, however many the sound has', () => {
    const { layer } = attention();
    for (const heard of [1, 3, 11])
      expect(layer.apply(tensorOf([2, 5, WIDTH], 1), tensorOf([2, heard, WIDTH], 2)).shape).toEqual([
        2,
        5,
        WIDTH,
      ]);
  });

  it('hears nothing of what the mask leaves out', () => {
    const { layer } = attention();
    const { tf } = engine;
    const video = tensorOf([2, 5, WIDTH], 1);
    const audio = tensorOf([2, 4, WIDTH], 2);
    const mask = tf.tensor([1, 1, 1, 0, 1, 0, 1, 1], [2, 4]);
    const masked = values(layer.apply(video, audio, mask));
    // Other values where nothing may be heard change nothing; where something may, they do.
    const hidden = tf.expandDims(tf.sub(1, mask), -1);
    const elsewhere = tf.add(audio, tf.mul(hidden, 100));
    expect(values(layer.apply(video, elsewhere, mask))).toEqual(masked);
    expect(values(layer.apply(video, elsewhere))).not.toEqual(values(layer.apply(video, audio)));
    const heard = tf.add(audio, tf.mul(tf.expandDims(mask, -1), tensorOf([2, 4, WIDTH], 9)));
    expect(values(layer.apply(video, heard, mask))).not.toEqual(masked);
  });

  it('is the same for the first steps as for those steps alone', () => {
    const { layer } = attention();
    const { tf } = engine;
    const video = tensorOf([1, 5, WIDTH], 1);
    const audio = tensorOf([1, 4, WIDTH], 2);
    const mask = tf.tensor([1, 1, 0, 0], [1, 4]);
    const alone = values(layer.apply(video, tf.slice(audio, [0, 0, 0], [1, 2, WIDTH])));
    values(layer.apply(video, audio, mask)).forEach((value, i) => {
      expect(value).toBeCloseTo(alone[i] as number, 5);
    });
  });

  it('answers without a NaN where everything is left out', () => {
    const { layer } = attention();
    const { tf } = engine;
    const video = tensorOf([1, 3, WIDTH], 1);
    const silent = (seed: number) =>
      values(layer.apply(video, tensorOf([1, 4, WIDTH], seed), tf.zeros([1, 4])));
    expect(silent(2).every(Number.isFinite)).toBe(true);
    expect(silent(2)).toEqual(silent(3));
  });

  it("passes a gradient to every array but the keys' bias, the true one", () => {
    const { layer, store } = attention();
    const [video, audio] = [tensorOf([2, 5, WIDTH], 1), tensorOf([2, 4, WIDTH], 2)];
    const answer = () => layer.apply(video, audio);
    for (const [name, largest] of Object.entries(gradients(store, answer))) {
      // It moves all scores of a step alike, which the softmax does not see.
      if (name.endsWith('key/bias')) expect(largest).toBeLessThan(1e-5);
      else expect(largest, name).toBeGreaterThan(1e-5);
    }
    for (const part of ['query', 'key', 'value', 'output']) {
      const name = `fusion/attention/${part}/kernel`;
      const { measured, derived } = differenceQuotient(store, name, answer);
      expect(derived, name).toBeCloseTo(measured, 3);
    }
  });

  it('answers the same on ONNX Runtime, with a mask and without', async () => {
    const { layer } = attention();
    const [video, audio] = [noise([2, 5, WIDTH], 7), noise([2, 4, WIDTH], 8)];
    const mask = { data: Float32Array.from([1, 0, 1, 1, 0, 0, 0, 0]), shape: [2, 4] };
    const [tv, ta] = [tensorOf([2, 5, WIDTH], 7), tensorOf([2, 4, WIDTH], 8)];
    const plain = await layerSession({ video: 3, audio: 3 }, (graph, v, a) =>
      layer.toOnnx(graph, v as never, a as never),
    );
    expectSameAsTensor((await plain.run({ video, audio })).y, layer.apply(tv, ta));
    await plain.dispose();
    const masked = await layerSession({ video: 3, audio: 3, mask: 2 }, (graph, v, a, m) =>
      layer.toOnnx(graph, v as never, a as never, m as never),
    );
    const { y } = await masked.run({ video, audio, mask });
    expectSameAsTensor(y, layer.apply(tv, ta, engine.tf.tensor(mask.data, mask.shape)));
    await masked.dispose();
  });
});
