import type * as tfTypes from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { type Engine, loadEngine } from '#model/engine/engine';
import { CELL_CHANNELS, CELL_COUNT } from '#model/synchronization/cell-motion';
import {
  CELL_INPUTS,
  motionInput,
  PHASES,
  SOUND_BANDS,
  SOUND_INPUTS,
  soundInput,
} from '#model/synchronization/head-input';
import { SynchronizationNetwork } from '#model/synchronization/head-network';
import { offsetOfShift, SynchronizationHead, shiftLimit } from '#model/synchronization/synchronization-head';

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

function randomScene(steps: number, seed: number) {
  const random = new SeededRandom(seed);
  const values = (size: number) => Float32Array.from({ length: size }, () => random.normal());
  return {
    sound: values(steps * PHASES * SOUND_BANDS),
    motion: values(steps * CELL_COUNT * CELL_CHANNELS),
  };
}

function networkEvidence(
  network: SynchronizationNetwork,
  { sound, motion }: ReturnType<typeof randomScene>,
  steps: number,
): Float32Array {
  const { tf } = engine;
  const heard = new Float32Array(steps * PHASES * SOUND_INPUTS);
  const seen = new Float32Array(steps * CELL_COUNT * CELL_INPUTS);
  soundInput(sound, heard, 0);
  motionInput(motion, seen, 0);
  const probabilities = tf.tidy(() =>
    tf.softmax(
      network.logits({
        sound: tf.tensor4d(heard, [1, steps, PHASES, SOUND_INPUTS]),
        motion: tf.tensor4d(seen, [1, steps, CELL_COUNT, CELL_INPUTS]),
      }),
    ),
  );
  return probabilities.dataSync() as Float32Array;
}

describe('the synchronisation head', () => {
  it.each([15, 37])(
    'answers in plain arithmetic what the network that learned it says (%i steps)',
    (steps) => {
      const network = new SynchronizationNetwork(engine, 3);
      network.store.assign(network.store.trainable.get('scale') as tfTypes.Variable, Float32Array.of(2));
      const head = new SynchronizationHead(network.store.snapshot());
      const scene = randomScene(steps, 5);
      const expected = networkEvidence(network, scene, steps);
      const { shifts, nothing } = head.evidence(scene.sound, scene.motion);
      network.dispose();
      expect(shifts).toHaveLength(2 * PHASES * shiftLimit(steps) + 1);
      expect(expected).toHaveLength(shifts.length + 1);
      expect(nothing).toBeCloseTo(expected[shifts.length] as number, 4);
      shifts.forEach((probability, i) => {
        expect(probability * (1 - nothing)).toBeCloseTo(expected[i] as number, 4);
      });
      // Not a flat curve against a flat curve; of nine shifts, three times the mean would be a third of it all.
      expect(Math.max(...shifts)).toBeGreaterThan(1.5 / shifts.length);
    },
  );

  it('tries 2 s either way, and leaves 1 s of overlap', () => {
    expect([12, 13, 14, 25, 37, 62, 500].map(shiftLimit)).toEqual([-1, 0, 1, 12, 24, 25, 25]);
    expect(offsetOfShift(0, 101)).toBeCloseTo(-2, 9);
    expect(offsetOfShift(100, 101)).toBeCloseTo(2, 9);
    expect(offsetOfShift(50, 101)).toBe(0);
  });

  it('refuses windows that are too short or not of one length, and arrays that are none of its own', () => {
    const network = new SynchronizationNetwork(engine, 3);
    const arrays = network.store.snapshot();
    network.dispose();
    const head = new SynchronizationHead(arrays);
    const short = randomScene(13, 1);
    expect(() => head.evidence(short.sound, short.motion)).toThrow(
      expect.objectContaining({ code: 'too_short' }),
    );
    expect(() => head.evidence(randomScene(20, 1).sound, randomScene(21, 1).motion)).toThrow(
      expect.objectContaining({ code: 'shape_mismatch' }),
    );
    expect(() => new SynchronizationHead(arrays.filter(({ name }) => name !== 'sound/2/bias'))).toThrow(
      expect.objectContaining({ code: 'checkpoint_invalid', subject: 'sound/2/bias' }),
    );
  });
});
