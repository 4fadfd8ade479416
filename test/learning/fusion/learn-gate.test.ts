import { beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import type { MeasuredScene } from '#learning/evaluation/embed-scenes';
import { drawDegradation, inTheDark, TESTED_DEGRADATION, underNoise } from '#learning/fusion/degradation';
import { learnGate } from '#learning/fusion/learn-gate';
import { fitClassification } from '#model/calibration/classification';
import { type Engine, loadEngine } from '#model/engine/engine';
import { soundWeight } from '#model/network/fusion-gate';
import { classifyByPrototype, uncalibrated } from '#model/network/scene';

const LABELS = 5;
const DIMENSION = 12;
const QUICK = { steps: 80, batchSize: 32, peakLearningRate: 0.1 };

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine();
});

/** Each label has a direction of its own in both streams; what is degraded points to a wrong label, and is marked. */
function scenes(seed: string, perLabel: number): MeasuredScene[] {
  const random = new SeededRandom(seed);
  const towards = (label: number, mark: number) =>
    unit(
      Array.from(
        { length: DIMENSION },
        (_, i) => Number(i === label) + mark * Number(i === 9) + 0.15 * random.normal(),
      ),
    );
  return Array.from({ length: LABELS * perLabel }, (_, i) => {
    const label = i % LABELS;
    const other = (label + 1 + random.integer(0, LABELS - 1)) % LABELS;
    return {
      label: `label ${label}`,
      audio: towards(label, 0),
      video: towards(label, 0),
      degraded: { audio: towards(other, 0.8), video: towards(other, 0.8) },
    };
  });
}

function unit(values: number[]): Float32Array {
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
}

describe('the fusion gate', () => {
  it('trusts the stream that has not suffered, of labels given by examples, and is the same for the same seed', () => {
    const training = scenes('training', 12);
    const { gate, loss } = learnGate(engine, training, QUICK);
    expect(learnGate(engine, training, { ...QUICK, steps: 3 })).toEqual(
      learnGate(engine, training, { ...QUICK, steps: 3 }),
    );
    expect(loss).toBeLessThan(0.6);
    expect(gate.weights).toHaveLength(2 * DIMENSION);

    const unseen = scenes('unseen', 8);
    const labels = Array.from({ length: LABELS }, (_, i) => `label ${i}`);
    const prototypes = Object.fromEntries(
      unseen.slice(0, LABELS).map(({ label, audio, video }) => [label, { audio, video }]),
    );
    const calibration = fitClassification(unseen, { gate });
    expect(calibration.fused.gate).toEqual(gate);
    const asked = unseen.slice(LABELS).flatMap(({ label, audio, video, degraded }) => [
      { label, audio: degraded?.audio, video },
      { label, audio, video: degraded?.video },
    ]);
    const right = (by: typeof calibration) =>
      asked.filter((scene) => classifyByPrototype(scene, labels, prototypes, by).verdict === scene.label)
        .length / asked.length;
    expect(right({ ...calibration, fused: { ...calibration.fused, threshold: null } })).toBeGreaterThan(0.9);
    expect(right(uncalibrated(14))).toBeLessThan(0.75);
    for (const { audio, video, degraded } of unseen.slice(0, LABELS)) {
      const [heard, seen] = [audio as Float32Array, video as Float32Array];
      expect(soundWeight(gate, degraded?.audio as Float32Array, seen)).toBeLessThan(0.4);
      expect(soundWeight(gate, heard, degraded?.video as Float32Array)).toBeGreaterThan(0.6);
    }
  });

  it('lets of the labels that stream count that tells them apart', () => {
    const random = new SeededRandom('one stream');
    const anywhere = () => unit(Array.from({ length: DIMENSION }, () => random.normal()));
    const blurred = scenes('one stream', 12).map((scene) => ({
      ...scene,
      video: anywhere(),
      degraded: { audio: scene.audio, video: anywhere() },
    }));
    const heard = learnGate(engine, blurred, QUICK).gate.labelSound as number;
    const swapped = blurred.map(({ label, audio, video, degraded }) => {
      return {
        label,
        audio: video,
        video: audio,
        degraded: { audio: degraded.video, video: degraded.audio },
      };
    });
    const seen = learnGate(engine, swapped, QUICK).gate.labelSound as number;
    expect(heard).toBeGreaterThan(0.7);
    expect(seen).toBeLessThan(0.3);
  });

  it('needs two labels of two clips, with both streams', () => {
    const few = scenes('few', 1);
    expect(() => learnGate(engine, few, QUICK)).toThrow(expect.objectContaining({ code: 'not_enough_data' }));
    const deaf = scenes('deaf', 3).map((scene) => ({ ...scene, audio: null }));
    expect(() => learnGate(engine, deaf, QUICK)).toThrow(
      expect.objectContaining({ code: 'not_enough_data' }),
    );
  });
});

describe('degradation', () => {
  it('puts noise of the energy told over a sound, the same for the same seed, and leaves silence silent', () => {
    const sound = Float32Array.from({ length: 4000 }, (_, i) => 0.1 * Math.sin(i / 5));
    const noisy = underNoise(sound, TESTED_DEGRADATION, 'a');
    const energy = (samples: Float32Array) => samples.reduce((sum, value) => sum + value * value, 0);
    const noise = noisy.map((value, i) => value - (sound[i] as number));
    expect(energy(noise) / energy(sound)).toBeCloseTo(TESTED_DEGRADATION.noiseToSignal, 2);
    expect(underNoise(sound, TESTED_DEGRADATION, 'a')).toEqual(noisy);
    expect(underNoise(sound, TESTED_DEGRADATION, 'b')).not.toEqual(noisy);
    expect(underNoise(new Float32Array(10), TESTED_DEGRADATION, 'a')).toEqual(new Float32Array(10));
    // Neighbouring samples of coloured noise resemble each other.
    const coloured = underNoise(sound, { ...TESTED_DEGRADATION, noiseColour: 0.95 }, 'a').map(
      (value, i) => value - (sound[i] as number),
    );
    const alike = (samples: Float32Array) =>
      samples.slice(1).reduce((sum, value, i) => sum + value * (samples[i] as number), 0) / energy(samples);
    expect(alike(coloured)).toBeGreaterThan(0.85);
    expect(Math.abs(alike(noise))).toBeLessThan(0.1);
  });

  it('takes a picture’s light, and keeps bytes bytes', () => {
    const block = { data: new Uint8Array(2 * 300).fill(200), count: 2 };
    const { data, count } = inTheDark(block, TESTED_DEGRADATION, 'a');
    expect(count).toBe(2);
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    expect(mean).toBeGreaterThan(7);
    expect(mean).toBeLessThan(13);
    expect(data.slice(0, 300)).not.toEqual(data.slice(300));
    expect(inTheDark(block, TESTED_DEGRADATION, 'a').data).toEqual(data);
    const black = inTheDark(block, { ...TESTED_DEGRADATION, exposure: 0, sensorNoise: 0 }, 'a');
    expect(black.data.every((value) => value === 0)).toBe(true);
  });

  it('draws within what it says', () => {
    const random = new SeededRandom('draws');
    const drawn = Array.from({ length: 200 }, () => drawDegradation(random));
    for (const { noiseToSignal, noiseColour, exposure } of drawn) {
      expect(noiseToSignal).toBeGreaterThanOrEqual(0.19);
      expect(noiseToSignal).toBeLessThan(32);
      expect(noiseColour).toBeLessThan(0.98);
      expect(exposure).toBeLessThan(0.15);
    }
    expect(new Set(drawn.map(({ noiseColour }) => noiseColour === 0)).size).toBe(2);
  });
});
