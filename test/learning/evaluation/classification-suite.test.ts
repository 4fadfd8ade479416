import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { scoreClassification } from '#learning/evaluation/classification-suite';
import type { LabelledScene } from '#model/calibration/few-shot';
import { uncalibrated } from '#model/network/scene';

const CALIBRATION = uncalibrated(14);

/** Scenes around a direction for each of six classes; no spread and no centre means noise. */
function scenes(spread: { audio: number; video: number }, perClass = 14): LabelledScene[] {
  const random = new SeededRandom('scenes');
  const noise = () => Float32Array.from({ length: 12 }, () => random.normal());
  return Array.from({ length: 6 }, (_, c) => {
    const centre = noise();
    const near = (amount: number) => unit(centre.map((value) => value + amount * random.normal()));
    return Array.from({ length: perClass }, () => ({
      label: `class ${c}`,
      audio: near(spread.audio),
      video: near(spread.video),
    }));
  }).flat();
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

describe('the classification suite', () => {
  it('gives full marks where classes lie apart, with N and chance beside them', () => {
    const { n, results } = scoreClassification(scenes({ audio: 0.05, video: 0.05 }), CALIBRATION);
    expect(n).toBe(84);
    for (const k of [1, 3, 10]) {
      expect(results[`fused.top1.k${k}`]).toEqual({
        value: 1,
        chance: expect.closeTo(1 / 6, 9),
        ci95: [1, 1],
      });
      expect(results[`nearest.fused.top1.k${k}`]?.value).toBe(1);
      expect(results[`audio.unknown.auroc.k${k}`]?.value).toBeGreaterThan(0.9);
    }
  });

  it('gains by more examples and by a second stream', () => {
    const { results } = scoreClassification(scenes({ audio: 1.2, video: 1.2 }), CALIBRATION);
    const top1 = (name: string) => results[name]?.value as number;
    expect(top1('fused.top1.k10')).toBeGreaterThan(top1('fused.top1.k1') + 0.1);
    expect(top1('fused.top1.k3')).toBeGreaterThan(Math.max(top1('audio.top1.k3'), top1('video.top1.k3')));
  });

  it('calls vectors that know nothing chance, strangers and known alike', () => {
    const same = Float32Array.of(1, 0, 0);
    const constant = scenes({ audio: 0, video: 0 }).map(({ label }) => ({ label, audio: same, video: same }));
    const { results } = scoreClassification(constant, CALIBRATION);
    for (const k of [1, 3]) {
      expect(results[`fused.top1.k${k}`]?.value).toBeCloseTo(1 / 6, 1);
      expect(results[`nearest.fused.top1.k${k}`]?.value).toBeCloseTo(1 / 6, 1);
      expect(results[`fused.unknown.auroc.k${k}`]?.value).toBeCloseTo(0.5, 6);
    }
  });

  it('asks about noisy and dark scenes too, with unharmed examples, and tells what the gate adds', () => {
    const clear = scenes({ audio: 0.5, video: 0.5 });
    // What is heard under noise is taken for the next class.
    const next = (i: number) => clear[(i + 14) % clear.length]?.audio;
    const harmed = clear.map((scene, i) => ({ ...scene, degraded: { audio: next(i), video: scene.video } }));
    // Always trusts the picture.
    const gate = { weights: Array.from({ length: 24 }, () => 0), bias: -20 };
    const gated = { ...CALIBRATION, fused: { ...CALIBRATION.fused, scale: 14, gate } };
    const { results } = scoreClassification(harmed, gated);
    const top1 = (name: string) => results[`${name}.top1.k3`]?.value as number;
    expect(top1('noisy.fused')).toBeGreaterThan(top1('confidence.noisy.fused') + 0.1);
    expect(top1('dark.fused')).toBe(top1('fused'));
    expect(results['nearest.noisy.fused.top1.k3']?.value).toBeLessThan(top1('noisy.fused'));
    expect(results['noisy.fused.ece.k1']?.value).toBeDefined();
    expect(Object.keys(scoreClassification(harmed, CALIBRATION).results).join()).not.toContain('confidence');
    expect(Object.keys(scoreClassification(clear, CALIBRATION).results).join()).not.toMatch(/noisy|dark/);
  });

  it('never asks about a recording that an example was cut from', () => {
    // Two takes of each recording are the same vector; recordings of a class have nothing in common.
    const random = new SeededRandom('takes');
    const takes = Array.from({ length: 6 * 8 }, (_, i) => {
      const audio = unit(Float32Array.from({ length: 64 }, () => random.normal()));
      return { label: `class ${i % 6}`, source: `recording ${i}`, audio };
    }).flatMap((take) => [take, take]);
    const { n, results } = scoreClassification(takes, CALIBRATION);
    expect(n).toBe(takes.length);
    expect(results['nearest.audio.top1.k3']?.value).toBeLessThan(0.25);
    const separate = takes.map(({ label, audio }) => ({ label, audio }));
    expect(
      scoreClassification(separate, CALIBRATION).results['nearest.audio.top1.k3']?.value,
    ).toBeGreaterThan(0.29);
    expect(Object.keys(results).join()).not.toContain('k10');
  });

  it('leaves out what there are too few clips for, and streams that clips lack', () => {
    const few = scenes({ audio: 0.1, video: 0.1 }, 3).map(({ label, audio }) => ({ label, audio }));
    const { results } = scoreClassification(few, CALIBRATION);
    expect(Object.keys(results)).toContain('audio.top1.k1');
    expect(Object.keys(results).filter((name) => /video|fused|k3|k10/.test(name))).toEqual([]);
  });
});
