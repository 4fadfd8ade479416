import type * as tfTypes from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { type Engine, loadEngine } from '#model/engine/engine';
import { CELL_CHANNELS, CELL_COUNT } from '#model/synchronization/cell-motion';
import { CELL_INPUTS, PHASES, SOUND_BANDS, SOUND_INPUTS } from '#model/synchronization/head-input';
import { SynchronizationNetwork } from '#model/synchronization/head-network';
import {
  offsetOfShift,
  SynchronizationHead,
  shiftLimit,
  shiftLimitOf,
  withPlaces,
} from '#model/synchronization/synchronization-head';
import { type SoundAndPicture, windowBatch } from '#model/synchronization/window-batch';

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
  window: SoundAndPicture,
  limit: number,
): Float32Array {
  return engine.tf
    .tidy(() => engine.tf.softmax(network.logits(windowBatch(engine, [window], limit))))
    .dataSync() as Float32Array;
}

describe('the synchronisation head', () => {
  it.each([
    { steps: 15, soundStart: 0, soundSteps: 30 },
    { steps: 37, soundStart: 0, soundSteps: 74 },
    // Sound that begins before the picture and ends after it, and such as begins late.
    { steps: 30, soundStart: -31, soundSteps: 130 },
    { steps: 30, soundStart: 17, soundSteps: 40 },
  ])('answers in plain arithmetic what the network that learned it says (%o)', (shape) => {
    const { steps, soundStart, soundSteps } = shape;
    const network = new SynchronizationNetwork(engine, 3);
    network.store.assign(network.store.trainable.get('scale') as tfTypes.Variable, Float32Array.of(1));
    const head = new SynchronizationHead(network.store.snapshot());
    const { motion } = randomScene(steps, 5);
    const sound = randomScene(soundSteps / PHASES, 6).sound;
    const limit = shiftLimitOf(shape);
    const expected = networkEvidence(network, { sound, soundStart, motion }, limit);
    const { shifts, nothing } = head.evidence(sound, motion, { soundStart });
    network.dispose();
    expect(shifts).toHaveLength(2 * PHASES * limit + 1);
    expect(expected).toHaveLength(shifts.length + 1);
    expect(nothing).toBeCloseTo(expected[shifts.length] as number, 4);
    shifts.forEach((probability, i) => {
      expect(probability * (1 - nothing)).toBeCloseTo(expected[i] as number, 4);
    });
    // Not a flat curve against a flat curve; of nine shifts, three times the mean would be a third of it all.
    expect(Math.max(...shifts)).toBeGreaterThan(1.5 / shifts.length);
  });

  it('takes heads of before, which had narrower layers and fewer', () => {
    const random = new SeededRandom(7);
    const array = (name: string, ...shape: number[]) => ({
      name,
      shape,
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.2 * random.normal()),
    });
    const layers = (name: string, inputs: number, [first, second, last]: [number, number, number]) =>
      [[inputs, first] as const, [3 * first, second] as const, [second, last] as const].flatMap(
        (shape, i) => [array(`${name}/${i + 1}/kernel`, ...shape), array(`${name}/${i + 1}/bias`, shape[1])],
      );
    const arrays = [
      ...layers('sound', SOUND_INPUTS, [64, 64, 16]),
      ...layers('motion', CELL_INPUTS, [16, 24, 16]),
      ...[array('scale'), array('nothing')],
    ];
    const { sound, motion } = randomScene(30, 5);
    const { shifts } = new SynchronizationHead(arrays).evidence(sound, motion);
    expect(shifts.reduce((sum, probability) => sum + probability, 0)).toBeCloseTo(1, 9);
    expect(
      () => new SynchronizationHead([...arrays.slice(0, 6), ...layers('motion', CELL_INPUTS, [16, 24, 8])]),
    ).toThrow(expect.objectContaining({ code: 'checkpoint_invalid' }));
  });

  it.each([-7, 4, 21])(
    'compares sound that begins %i steps after the picture where it lies',
    (soundStart) => {
      const network = new SynchronizationNetwork(engine, 3);
      const head = new SynchronizationHead(network.store.snapshot());
      network.dispose();
      const { sound, motion } = randomScene(40, 5);
      const inTime = head.placeEvidence(sound, motion).agreement;
      const late = head.placeEvidence(sound, motion, { soundStart }).agreement;
      expect(late).toHaveLength(inTime.length);
      const shared = late.flatMap((byCell, i) => {
        // The same steps meet at a shift that is smaller by as much; at others too few do.
        const same = inTime[i + soundStart];
        if (same) expect(byCell).toEqual(same);
        return byCell[0] === -Infinity ? [] : [i];
      });
      expect(shared.length).toBeGreaterThan(70);
    },
  );

  it('leaves telling places apart to a second head, where it came with one', () => {
    const [offsets, places] = [3, 4].map((seed) => {
      const network = new SynchronizationNetwork(engine, seed);
      const head = new SynchronizationHead(network.store.snapshot());
      network.dispose();
      return head;
    }) as [SynchronizationHead, SynchronizationHead];
    expect(offsets.places).toBe(offsets);
    const pair = new SynchronizationHead(withPlaces(offsets.arrays, places));
    // Once more, as a head is written that already had a second one.
    const again = new SynchronizationHead(withPlaces(pair.arrays, pair.places));
    const { sound, motion } = randomScene(20, 5);
    for (const head of [pair, again]) {
      expect(head.evidence(sound, motion)).toEqual(offsets.evidence(sound, motion));
      expect(head.places.placeEvidence(sound, motion)).toEqual(places.placeEvidence(sound, motion));
    }
  });

  it('tries 2 s either way, and leaves 1 s of overlap', () => {
    expect([12, 13, 14, 25, 37, 62, 500].map(shiftLimit)).toEqual([-1, 0, 1, 12, 24, 25, 25]);
    expect(offsetOfShift(0, 101)).toBeCloseTo(-2, 9);
    expect(offsetOfShift(100, 101)).toBeCloseTo(2, 9);
    expect(offsetOfShift(50, 101)).toBe(0);
  });

  it('refuses windows that are too short or not of whole steps, and arrays that are none of its own', () => {
    const network = new SynchronizationNetwork(engine, 3);
    const arrays = network.store.snapshot();
    network.dispose();
    const head = new SynchronizationHead(arrays);
    const short = randomScene(13, 1);
    expect(() => head.evidence(short.sound, short.motion)).toThrow(
      expect.objectContaining({ code: 'too_short' }),
    );
    const scene = randomScene(20, 1);
    expect(() => head.evidence(scene.sound.subarray(SOUND_BANDS), scene.motion)).toThrow(
      expect.objectContaining({ code: 'shape_mismatch' }),
    );
    expect(() => new SynchronizationHead(arrays.filter(({ name }) => name !== 'sound/2/bias'))).toThrow(
      expect.objectContaining({ code: 'checkpoint_invalid', subject: 'sound/2/bias' }),
    );
  });
});
