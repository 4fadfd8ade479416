import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, loadEngine } from '#model/engine/engine';
import { MINI_TOWERS, REFERENCE_TOWERS, TwoTowerNetwork } from '#model/towers/two-tower';

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

describe('the towers', () => {
  it('answer unit embeddings, steps at 12.5 Hz and a map with stride 16', () => {
    const { tf } = engine;
    const network = new TwoTowerNetwork(engine, MINI_TOWERS, 1);
    expect(network.audio.stepSec).toBeCloseTo(0.08, 9);
    tf.tidy(() => {
      const audio = network.audio.apply(tf.randomNormal([2, 496, 64, 1], 0, 1, 'float32', 1), false);
      expect(audio.embedding.shape).toEqual([2, 128]);
      expect(audio.steps.shape).toEqual([2, 62, 128]);
      const frames = tf.randomNormal<import('@tensorflow/tfjs').Rank.R4>([6, 96, 96, 3], 0, 1, 'float32', 2);
      const video = network.video.apply(frames, Float32Array.of(0, 1, 2, 0, 1, 2), 2, false);
      expect(video.embedding.shape).toEqual([2, 128]);
      expect(video.steps.shape).toEqual([2, 3, 128]);
      expect(video.map.shape).toEqual([6, 6, 6, 192]);
      for (const length of tf.norm(video.embedding, 2, 1).dataSync()) expect(length).toBeCloseTo(1, 4);
    });
    network.dispose();
  });

  it('start the same from the same seed, and differently from another', () => {
    const [a, b, c] = [1, 1, 2].map((seed) => new TwoTowerNetwork(engine, MINI_TOWERS, seed)) as [
      TwoTowerNetwork,
      TwoTowerNetwork,
      TwoTowerNetwork,
    ];
    expect(a.store.snapshot()).toEqual(b.store.snapshot());
    expect(a.store.snapshot()).not.toEqual(c.store.snapshot());
    for (const network of [a, b, c]) network.dispose();
  });

  it('normalise alike in training and in serving once the running statistics have settled', () => {
    const { tf } = engine;
    const network = new TwoTowerNetwork(engine, MINI_TOWERS, 3);
    const input = tf.randomNormal<import('@tensorflow/tfjs').Rank.R4>([8, 32, 64, 1], 1, 2, 'float32', 4);
    const training = tf.tidy(() => network.audio.apply(input, true).embedding);
    network.afterUpdate(0);
    const serving = tf.tidy(() => network.audio.apply(input, false).embedding);
    const difference = tf.tidy(() => tf.max(tf.abs(tf.sub(training, serving))).dataSync())[0] as number;
    expect(difference).toBeLessThan(1e-3);
    for (const tensor of [input, training, serving]) tensor.dispose();
    network.dispose();
  });

  it('have the reference widths as a choice', () => {
    expect(REFERENCE_TOWERS.audio).toMatchObject({ embeddingDimension: 512, numEncoderLayers: 6 });
    expect(REFERENCE_TOWERS.video).toMatchObject({ embeddingDimension: 512, numEncoderLayers: 6 });
  });
});
