import { beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { sha256 } from '#model/checkpoint/checkpoint';
import { encodeSafetensors } from '#model/checkpoint/safetensors';
import { type Engine, loadEngine } from '#model/engine/engine';
import { MINI_TOWERS, REFERENCE_TOWERS, TwoTowerNetwork } from '#model/towers/two-tower';
import { interleave, type VideoInput } from '#model/towers/video-tower';
import { TOY_FULL_TOWERS, TOY_TOWERS } from './toy-pairs.ts';

type Tensor = import('@tensorflow/tfjs').Tensor;
type Tensor4D = import('@tensorflow/tfjs').Tensor4D;

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

function normal(shape: [number, number, number, number], seed: number): Tensor4D {
  return engine.tf.randomNormal<import('@tensorflow/tfjs').Rank.R4>(shape, 0, 1, 'float32', seed);
}

/** Clips of `frames` colour frames of `side` and `steps` motion frames of `motionSize`. */
function videoInput(
  options: { batch: number; frames: number; steps: number; side: number; motionSize: number },
  seed = 2,
): VideoInput {
  const { batch, frames, steps, side, motionSize } = options;
  const times = (perClip: number, stepSec: number) =>
    Float32Array.from({ length: batch * perClip }, (_, i) => (i % perClip) * stepSec);
  return {
    frames: normal([batch * frames, side, side, 3], seed),
    frameTimesSec: times(frames, 0.24),
    motion: motionSize > 0 ? normal([batch * steps, motionSize / 2, motionSize / 2, 8], seed + 1) : null,
    motionTimesSec: times(steps, 0.08),
    batch,
  };
}

function expectUnitLength(vectors: Tensor): void {
  for (const length of engine.tf.norm(vectors, 2, -1).dataSync()) expect(length).toBeCloseTo(1, 3);
}

describe('the towers of mini', () => {
  it('answer unit embeddings, steps at 12.5 Hz, aligned steps, and positions with stride 16', () => {
    const { tf } = engine;
    const network = new TwoTowerNetwork(engine, MINI_TOWERS, 1);
    expect(network.audio.stepSec).toBeCloseTo(0.08, 9);
    tf.tidy(() => {
      const audio = network.audio.apply(normal([2, 496, 64, 1], 1), false);
      expect(audio.embedding.shape).toEqual([2, 256]);
      expect(audio.steps.shape).toEqual([2, 62, 128]);
      expect(audio.alignment?.shape).toEqual([2, 62, 64]);
      const shape = { batch: 2, frames: 3, steps: 62, side: 96, motionSize: 48 };
      const video = network.video.apply(videoInput(shape), false);
      expect(video.embedding.shape).toEqual([2, 256]);
      expect(video.steps.shape).toEqual([2, 62, 128]);
      expect(video.alignment?.shape).toEqual([2, 62, 64]);
      expect(video.map.shape).toEqual([6, 6, 6, 192]);
      expect(video.positions?.shape).toEqual([6, 6, 6, 256]);
      const { alignment, positions } = video;
      for (const vectors of [audio.embedding, audio.alignment, video.embedding, alignment, positions])
        expectUnitLength(vectors as Tensor);
    });
    network.dispose();
  });
});

describe('the towers', () => {
  it('take a single frame and a single step, fewer than the pyramid has parts', () => {
    const { tf } = engine;
    const network = new TwoTowerNetwork(engine, TOY_FULL_TOWERS, 1);
    tf.tidy(() => {
      const input = videoInput({ batch: 1, frames: 1, steps: 1, side: 32, motionSize: 16 });
      const video = network.video.apply(input, false);
      expect(video.embedding.shape).toEqual([1, 32]);
      expect(video.steps.shape).toEqual([1, 1, 32]);
      expectUnitLength(video.embedding);
      const audio = network.audio.apply(normal([1, 8, 16, 1], 3), false);
      expect(audio.steps.shape).toEqual([1, 1, 32]);
      expectUnitLength(audio.embedding);
    });
    network.dispose();
  });

  it('see colour alone where no motion was asked for, and have no heads that were not', () => {
    const { tf } = engine;
    const network = new TwoTowerNetwork(engine, TOY_TOWERS, 1);
    tf.tidy(() => {
      const shape = { batch: 2, frames: 3, steps: 0, side: 32, motionSize: 0 };
      const video = network.video.apply(videoInput(shape), false);
      expect(video.steps.shape).toEqual([2, 3, 32]);
      expect([video.alignment, video.positions]).toEqual([null, null]);
      expect(network.audio.apply(normal([1, 8, 16, 1], 3), false).alignment).toBeNull();
    });
    expect([...network.store.trainable.keys()].filter((n) => /motion|alignment|positions/.test(n))).toEqual(
      [],
    );
    network.dispose();
  });

  it('say so when a tower that sees motion is given none', () => {
    const network = new TwoTowerNetwork(engine, TOY_FULL_TOWERS, 1);
    engine.tf.tidy(() => {
      const input = videoInput({ batch: 1, frames: 1, steps: 1, side: 32, motionSize: 0 });
      expect(() => network.video.apply(input, false)).toThrow(/motion/);
    });
    network.dispose();
  });

  it('tell when something moved: the same motion in another order gives another embedding', () => {
    const { tf } = engine;
    const network = new TwoTowerNetwork(engine, TOY_FULL_TOWERS, 1);
    const distance = tf.tidy(() => {
      const input = videoInput({ batch: 1, frames: 1, steps: 8, side: 32, motionSize: 16 });
      const reversed = { ...input, motion: tf.reverse(input.motion as Tensor4D, 0) };
      const [a, b] = [input, reversed].map((x) => network.video.apply(x, false).embedding);
      return tf.norm(tf.sub(a as Tensor, b as Tensor)).dataSync()[0] as number;
    });
    expect(distance).toBeGreaterThan(0.05);
    network.dispose();
  });

  it('give a clip the same answer alone and beside another', () => {
    const { tf } = engine;
    const network = new TwoTowerNetwork(engine, TOY_FULL_TOWERS, 1);
    const shape = { frames: 2, steps: 6, side: 32, motionSize: 16 };
    const worst = tf.tidy(() => {
      const [a, b] = [7, 17].map((seed) => videoInput({ batch: 1, ...shape }, seed)) as [
        VideoInput,
        VideoInput,
      ];
      const both = {
        frames: tf.concat([a.frames, b.frames]) as Tensor4D,
        frameTimesSec: Float32Array.of(...a.frameTimesSec, ...b.frameTimesSec),
        motion: tf.concat([a.motion as Tensor4D, b.motion as Tensor4D]) as Tensor4D,
        motionTimesSec: Float32Array.of(...a.motionTimesSec, ...b.motionTimesSec),
        batch: 2,
      };
      const alone = network.video.apply(b, false);
      const together = network.video.apply(both, false);
      const pairs = [
        [alone.embedding, tf.slice(together.embedding, [1, 0], [1, -1])],
        [alone.alignment as Tensor, tf.slice(together.alignment as Tensor, [1, 0, 0], [1, -1, -1])],
        [alone.positions as Tensor, tf.slice(together.positions as Tensor, [2, 0, 0, 0], [2, -1, -1, -1])],
      ] as const;
      return pairs.map(([x, y]) => tf.max(tf.abs(tf.sub(x, y))).dataSync()[0] as number);
    });
    for (const difference of worst) expect(difference).toBeLessThan(1e-4);
    network.dispose();
  });

  it('start the same from the same seed, and differently from another', () => {
    const [a, b, c] = [1, 1, 2].map((seed) => new TwoTowerNetwork(engine, MINI_TOWERS, seed)) as [
      TwoTowerNetwork,
      TwoTowerNetwork,
      TwoTowerNetwork,
    ];
    const hash = ({ store }: TwoTowerNetwork) => sha256(encodeSafetensors(store.snapshot()));
    expect(hash(a)).toBe(hash(b));
    expect(hash(a)).not.toBe(hash(c));
    for (const network of [a, b, c]) network.dispose();
  });

  it('normalise alike in training and in serving once the running statistics have settled', () => {
    const { tf } = engine;
    const network = new TwoTowerNetwork(engine, TOY_FULL_TOWERS, 3);
    const input = videoInput({ batch: 8, frames: 2, steps: 6, side: 32, motionSize: 16 });
    const sound = normal([8, 32, 16, 1], 4);
    const outputs = (training: boolean) =>
      tf.tidy(() => {
        const { embedding, positions } = network.video.apply(input, training);
        return [network.audio.apply(sound, training).embedding, embedding, positions as Tensor];
      });
    const training = outputs(true);
    network.afterUpdate(0);
    const serving = outputs(false);
    for (const [i, tensor] of training.entries()) {
      const worst = tf.tidy(() => tf.max(tf.abs(tf.sub(tensor, serving[i] as Tensor))).dataSync());
      expect(worst[0]).toBeLessThan(2e-3);
    }
    tf.dispose([input.frames, input.motion as Tensor4D, sound, ...training, ...serving]);
    network.dispose();
  });

  it('have the reference widths as a choice', () => {
    expect(REFERENCE_TOWERS.audio).toMatchObject({ embeddingDimension: 512, numEncoderLayers: 6 });
    expect(REFERENCE_TOWERS.video).toMatchObject({ embeddingDimension: 512, numEncoderLayers: 6 });
  });
});

describe('the times of frames and steps', () => {
  it('are put together clip by clip', () => {
    const random = new SeededRandom(1);
    const frames = Float32Array.from({ length: 4 }, () => random.next());
    const steps = Float32Array.from({ length: 6 }, () => random.next());
    expect([...interleave(frames, steps, 2)]).toEqual([
      ...frames.slice(0, 2),
      ...steps.slice(0, 3),
      ...frames.slice(2),
      ...steps.slice(3),
    ]);
  });
});
