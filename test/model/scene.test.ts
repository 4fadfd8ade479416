import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { fitClassification } from '#model/calibration/classification';
import type { LabelledScene } from '#model/calibration/few-shot';
import { loadEngine } from '#model/engine/engine';
import { WeightedFusion } from '#model/layers/fusion';
import { ParameterStore } from '#model/layers/parameters';
import { unitLength } from '#model/layers/unit-length';
import { areaUnderRoc } from '#model/metrics/ranking-curves';
import { dot } from '#model/network/dot';
import { fuseLabel, fuseStreams, soundWeight } from '#model/network/fusion-gate';
import { prototypeOf } from '#model/network/label-cosines';
import { classifyByPrototype, UNKNOWN, uncalibrated } from '#model/network/scene';

const CALIBRATION = uncalibrated(10);
const DIMENSION = 16;

describe('classification by prototypes', () => {
  const prototypes = {
    dog: { audio: axis(0), video: axis(1) },
    car: { audio: axis(2), video: axis(3) },
    bird: { audio: axis(4), video: axis(5) },
  };
  const labels = Object.keys(prototypes);

  it('trusts the stream that can tell the labels apart', () => {
    // The sound is as near to all of them; the picture knows.
    const audio = Float32Array.from({ length: DIMENSION }, (_, i) => (i % 2 === 0 ? 1 : 0));
    const { scores, video, verdict } = classifyByPrototype(
      { audio, video: axis(3) },
      labels,
      prototypes,
      CALIBRATION,
    );
    expect(verdict).toBe('car');
    expect(scores.find(({ label }) => label === 'car')?.probability).toBeCloseTo(
      video?.find(({ label }) => label === 'car')?.probability as number,
      9,
    );
  });

  it('gives every permutation of the labels the same answer, to the bit', () => {
    const random = new SeededRandom('permutations');
    const many = Array.from({ length: 40 }, (_, i) => `label ${i}`);
    const vectors = Object.fromEntries(
      many.map((label) => [label, { audio: noise(random), video: noise(random) }]),
    );
    const scene = { audio: noise(random), video: noise(random) };
    const given = classifyByPrototype(scene, many, vectors, CALIBRATION);
    const byLabel = new Map(given.scores.map(({ label, probability }) => [label, probability]));
    for (let i = 0; i < 20; i++) {
      const order = random.shuffle([...many]);
      const turned = classifyByPrototype(scene, order, vectors, CALIBRATION);
      expect(turned.scores.map(({ label }) => label)).toEqual(order);
      for (const { label, probability } of turned.scores) expect(probability).toBe(byLabel.get(label));
      expect(turned.verdict).toBe(given.verdict);
    }
  });

  it('answers from one stream where the other is missing, and from neither nothing', () => {
    const heard = classifyByPrototype({ audio: axis(4) }, labels, prototypes, CALIBRATION);
    expect(heard).toMatchObject({ verdict: 'bird', video: null });
    expect(heard.scores).toEqual(heard.audio);
    const nothing = () => classifyByPrototype({ audio: null }, labels, prototypes, CALIBRATION);
    expect(nothing).toThrow(expect.objectContaining({ code: 'modality_missing' }));
  });

  it('lets the other modality’s examples stand in for those that are missing', () => {
    const heardOnly = { dog: { audio: axis(0) }, car: { video: axis(2) } };
    const seen = classifyByPrototype({ video: axis(0) }, ['car', 'dog'], heardOnly, CALIBRATION);
    expect(seen.verdict).toBe('dog');
  });

  it('says unknown where nothing is above the threshold', () => {
    const stream = { scale: 10, threshold: 0.5 };
    const strict = { audio: stream, video: stream, expected: stream, fused: { scale: 1, threshold: 0 } };
    const verdict = (scene: { audio?: Float32Array; video?: Float32Array }) =>
      classifyByPrototype(scene, labels, prototypes, strict).verdict;
    expect(verdict({ audio: axis(0), video: axis(1) })).toBe('dog');
    expect(verdict({ audio: axis(9), video: axis(10) })).toBe(UNKNOWN);
    expect(verdict({ audio: axis(9) })).toBe(UNKNOWN);
  });

  describe('with a fusion gate', () => {
    const random = new SeededRandom('gate');
    const gate = { weights: Array.from({ length: 2 * DIMENSION }, () => 2 * random.normal()), bias: 0.3 };
    const gated = { ...CALIBRATION, fused: { scale: 12, threshold: null, gate } };

    it('fuses as the layer does that the gate was learned with', async () => {
      const engine = await loadEngine();
      const { tf } = engine;
      const store = new ParameterStore(engine, 1);
      const layer = new WeightedFusion(store, 'fusion', DIMENSION);
      store.restore([
        { name: 'fusion/gate/kernel', shape: [2 * DIMENSION, 1], data: Float32Array.from(gate.weights) },
        { name: 'fusion/gate/bias', shape: [1], data: Float32Array.of(gate.bias) },
      ]);
      for (let i = 0; i < 10; i++) {
        const [audio, video] = [noise(random), noise(random)];
        const row = (vector: Float32Array) => tf.tensor2d(vector, [1, DIMENSION]);
        const { fused, weight } = layer.apply(row(audio), row(video));
        const expected = unitLength(tf, fused).dataSync() as Float32Array;
        expect(soundWeight(gate, audio, video)).toBeCloseTo(weight.dataSync()[0] as number, 5);
        // Only the directions count.
        const longer = [audio.map((value) => 3 * value), video.map((value) => value / 7)] as const;
        for (const served of [fuseStreams(gate, audio, video), fuseStreams(gate, ...longer)])
          served.forEach((value, k) => {
            expect(Math.abs(value - (expected[k] as number))).toBeLessThan(1e-4);
          });
      }
      store.dispose();
    });

    it('compares one vector of the scene with one of each label, in any order to the bit', () => {
      const many = Array.from({ length: 30 }, (_, i) => `label ${i}`);
      const vectors = Object.fromEntries(
        many.map((label) => [label, { audio: noise(random), video: noise(random) }]),
      );
      const scene = { audio: noise(random), video: noise(random) };
      const given = classifyByPrototype(scene, many, vectors, gated);
      const fused = fuseStreams(gate, scene.audio, scene.video);
      const cosines = many.map((label) => {
        const { audio, video } = vectors[label] as typeof scene;
        return dot(fused, fuseStreams(gate, audio, video));
      });
      const weights = cosines.map((cosine) => Math.exp(12 * cosine));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      given.scores.forEach(({ probability }, i) => {
        expect(probability).toBeCloseTo((weights[i] as number) / total, 6);
      });
      const order = random.shuffle([...many]);
      const turned = classifyByPrototype(scene, order, vectors, gated);
      const byLabel = new Map(given.scores.map(({ label, probability }) => [label, probability]));
      for (const { label, probability } of turned.scores) expect(probability).toBe(byLabel.get(label));
      expect(turned).toMatchObject({ verdict: given.verdict, nearness: given.nearness });
    });

    it('fuses all labels by one weight where the gate has one', () => {
      const even = { ...gate, labelSound: 0.25 };
      const [audio, video] = [axis(0), axis(1)];
      const fused = fuseLabel(
        even,
        audio,
        video.map((value) => 5 * value),
      );
      const length = Math.hypot(0.25, 0.75);
      expect(fused[0]).toBeCloseTo(0.25 / length, 6);
      expect(fused[1]).toBeCloseTo(0.75 / length, 6);
      // Written before there was one: as the gate weighs a scene.
      expect(fuseLabel(gate, audio, video)).toEqual(fuseStreams(gate, audio, video));

      const scene = { audio: noise(random), video: noise(random) };
      const { scores } = classifyByPrototype(scene, labels, prototypes, {
        ...gated,
        fused: { ...gated.fused, gate: even },
      });
      const asked = fuseStreams(even, scene.audio, scene.video);
      const weights = labels.map((label) => {
        const sides = (prototypes as Record<string, typeof scene>)[label] as typeof scene;
        return Math.exp(12 * dot(asked, fuseLabel(even, sides.audio, sides.video)));
      });
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      scores.forEach(({ probability }, i) => {
        expect(probability).toBeCloseTo((weights[i] as number) / total, 6);
      });
    });

    it('answers as without it where a stream is missing, and takes labels that lack one', () => {
      for (const scene of [{ audio: axis(4) }, { video: axis(3) }])
        expect(classifyByPrototype(scene, labels, prototypes, gated)).toEqual(
          classifyByPrototype(scene, labels, prototypes, CALIBRATION),
        );
      const partly = { dog: { audio: axis(0) }, car: { video: axis(3) }, bird: axis(4) };
      const scene = { audio: axis(0), video: axis(1) };
      expect(classifyByPrototype(scene, labels, partly, gated).verdict).toBe('dog');
    });

    it('says unknown of a scene that is farther from all labels than the threshold', () => {
      const strict = { ...gated, fused: { ...gated.fused, threshold: 0.6 } };
      const near = { audio: axis(0), video: axis(1) };
      expect(classifyByPrototype(near, labels, prototypes, strict)).toMatchObject({ verdict: 'dog' });
      const far = { audio: axis(9), video: axis(10) };
      expect(classifyByPrototype(far, labels, prototypes, strict).verdict).toBe(UNKNOWN);
    });
  });

  it.each([
    ['none', [], 'labels'],
    ['one twice', ['dog', 'car', 'dog'], 'labels[2]'],
    ['one without a prototype', ['dog', 'toString'], 'labels[1]'],
    ['the word for nothing near', ['unknown'], 'labels[0]'],
  ])('refuses labels: %s', (_what, given, subject) => {
    expect(() => classifyByPrototype({ audio: axis(0) }, given, prototypes, CALIBRATION)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', subject }),
    );
  });

  it('takes 100 000 labels, and labels of 10 kB, whose names it does not repeat whole', () => {
    const random = new SeededRandom('many');
    const shared = Array.from({ length: 100 }, () => noise(random));
    const long = 'x'.repeat(10_000);
    const names = Array.from({ length: 100_000 }, (_, i) => (i === 77 ? long : `label ${i}`));
    const vectors = Object.fromEntries(names.map((name, i) => [name, shared[i % 100] as Float32Array]));
    vectors[long] = axis(7);
    const { scores, verdict } = classifyByPrototype({ audio: axis(7) }, names, vectors, uncalibrated(50));
    expect(verdict).toBe(long);
    expect(scores.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
    const twice = () => classifyByPrototype({ audio: axis(7) }, [long, long], vectors, CALIBRATION);
    expect(twice).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{50,150}$/) }));
  });
});

describe('the calibration of classification', () => {
  /** Scenes around one direction a label; the wider the spread, the harder. */
  function scenes(seed: string, spread: number): LabelledScene[] {
    const random = new SeededRandom(seed);
    return Array.from({ length: 8 }, (_, c) => {
      const centre = { audio: noise(random), video: noise(random) };
      const near = (to: Float32Array) => unit(to.map((value) => value + spread * random.normal()));
      return Array.from({ length: 15 }, () => ({
        label: `class ${c}`,
        audio: near(centre.audio),
        video: near(centre.video),
      }));
    }).flat();
  }

  it('states probabilities that come true on clips it was not fitted on', () => {
    const calibration = fitClassification(scenes('known', 0.35));
    const held = scenes('held', 0.35);
    const labels = [...new Set(held.map(({ label }) => label))];
    const examples = held.filter((_, i) => i % 15 < 3);
    const prototypes = Object.fromEntries(
      labels.map((label) => {
        const of = examples.filter((scene) => scene.label === label);
        const mean = (stream: 'audio' | 'video') => prototypeOf(of.map((s) => s[stream] as Float32Array));
        return [label, { audio: mean('audio'), video: mean('video') }];
      }),
    );
    const asked = held.filter((_, i) => i % 15 >= 3);
    const answers = asked.map((scene) => {
      const { scores } = classifyByPrototype(scene, labels, prototypes, calibration);
      const best = scores.reduce((a, b) => (b.probability > a.probability ? b : a));
      return { probability: best.probability, right: best.label === scene.label };
    });
    const stated = answers.reduce((sum, { probability }) => sum + probability, 0) / answers.length;
    const true_ = answers.filter(({ right }) => right).length / answers.length;
    expect(true_).toBeGreaterThan(0.6);
    expect(Math.abs(stated - true_)).toBeLessThan(0.1);
  });

  it('tells strangers from the known, and its threshold lies between them', () => {
    const all = scenes('known', 0.2);
    const calibration = fitClassification(all);
    const known = Array.from({ length: 4 }, (_, c) => `class ${c}`);
    const prototypes = Object.fromEntries(
      known.map((label) => {
        const of = all.filter((scene) => scene.label === label).slice(0, 3);
        return [label, { audio: prototypeOf(of.map((s) => s.audio as Float32Array)) }];
      }),
    );
    const asked = all.filter((_, i) => i % 15 >= 3);
    const answers = asked.map(({ audio }) => classifyByPrototype({ audio }, known, prototypes, calibration));
    const isKnown = (i: number) => known.includes(asked[i]?.label as string);
    const nearness = answers.map((answer) => answer.nearness);
    expect(areaUnderRoc(nearness, isKnown)).toBeGreaterThan(0.9);
    const right = answers.filter(({ verdict }, i) => (verdict !== UNKNOWN) === isKnown(i)).length;
    expect(right / answers.length).toBeGreaterThan(0.85);
  });

  it('fits temperature and threshold to what a gate fuses', () => {
    const all = scenes('gated', 0.5);
    const gate = { weights: Array.from({ length: 2 * DIMENSION }, () => 0), bias: 0 };
    const { fused, audio } = fitClassification(all, { gate });
    expect(fused.gate).toEqual(gate);
    // Two streams tell more than one, and what is sure is told more sharply.
    expect(fused.scale).toBeGreaterThan(audio.scale);
    expect(fused.threshold).toBeGreaterThan(0);
    expect(fused.threshold).toBeLessThan(1);
    expect(fitClassification(all).fused.gate).toBeUndefined();
  });

  it('is the same for the same clips and seed', () => {
    expect(fitClassification(scenes('a', 0.3))).toEqual(fitClassification(scenes('a', 0.3)));
  });

  it('needs two labels of two clips', () => {
    const one = scenes('a', 0.3).filter(({ label }) => label === 'class 0');
    expect(() => fitClassification(one)).toThrow(expect.objectContaining({ code: 'not_enough_data' }));
  });
});

function axis(i: number): Float32Array {
  return Float32Array.from({ length: DIMENSION }, (_, k) => (k === i ? 1 : 0));
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

function noise(random: SeededRandom): Float32Array {
  return unit(Float32Array.from({ length: DIMENSION }, () => random.normal()));
}
