import { describe, expect, it } from 'vitest';
import { idealBinaryMasks, idealRatioMask, randomMask } from '#model/separation/masks';
import { factorize, oracleMasks } from '#model/separation/nmf';
import { whiteNoise } from './signals.ts';

describe('ideal masks', () => {
  it('give each value to the loudest source, the first of equals', () => {
    const masks = idealBinaryMasks([
      new Float32Array([3, 1, 2, 0]),
      new Float32Array([1, 4, 2, 0]),
      new Float32Array([2, 2, 1, 5]),
    ]);
    expect(masks.map((mask) => [...mask])).toEqual([
      [1, 0, 1, 0],
      [0, 1, 0, 0],
      [0, 0, 0, 1],
    ]);
  });

  it('are the share of the mixture, bounded where sources cancel and zero in silence', () => {
    const mask = idealRatioMask(new Float32Array([1, 3, 2, 0, 1]), new Float32Array([2, 3, 0.1, 0, 0]));
    expect([...mask]).toEqual([0.5, 1, 5, 0, 0]);
  });

  it('refuse other shapes', () => {
    const mismatch = expect.objectContaining({ code: 'shape_mismatch' });
    expect(() => idealBinaryMasks([new Float32Array(2), new Float32Array(3)])).toThrow(mismatch);
    expect(() => idealRatioMask(new Float32Array(2), new Float32Array(3))).toThrow(mismatch);
  });
});

describe('random masks', () => {
  it('repeat by seed and have the mean of a guess', () => {
    const mean = (mask: Float32Array) => mask.reduce((sum, value) => sum + value, 0) / mask.length;
    for (const kind of ['binary', 'ratio'] as const) {
      const mask = randomMask(kind, 10_000, 4);
      expect(mask).toEqual(randomMask(kind, 10_000, 4));
      expect(mask).not.toEqual(randomMask(kind, 10_000, 5));
      expect(Math.abs(mean(mask) - 0.5)).toBeLessThan(0.02);
    }
    expect(new Set(randomMask('binary', 1000, 1))).toEqual(new Set([0, 1]));
    expect(new Set(randomMask('ratio', 1000, 1)).size).toBeGreaterThan(900);
  });
});

describe('non-negative matrix factorisation', () => {
  const FRAMES = 40;
  const BINS = 30;

  /** Two sources of one spectrum each, switched on and off in their own rhythm. */
  function twoSources(): [Float32Array, Float32Array] {
    const build = (spectrum: (bin: number) => number, period: number) =>
      Float32Array.from({ length: FRAMES * BINS }, (_, i) => {
        const frame = Math.floor(i / BINS);
        return frame % period < period / 2 ? spectrum(i % BINS) * (1 + (frame % 5)) : 0;
      });
    return [build((bin) => (bin % 3 === 0 ? 2 : 0.1), 8), build((bin) => (bin % 4 === 1 ? 3 : 0.2), 14)];
  }

  it('never moves away from the magnitudes, and reaches a product of its own rank', () => {
    const [first, second] = twoSources();
    const mixture = first.map((value, i) => value + (second[i] as number));
    const { divergences, activations, spectra } = factorize(mixture, FRAMES, BINS, {
      components: 2,
      iterations: 300,
      seed: 3,
    });
    for (let i = 1; i < divergences.length; i++) {
      expect(divergences[i]).toBeLessThanOrEqual((divergences[i - 1] as number) + 1e-6);
    }
    expect(divergences.at(-1)).toBeLessThan(0.01 * (divergences[0] as number));
    expect(spectra.subarray(0, BINS).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9);
    let worst = 0;
    for (let frame = 0; frame < FRAMES; frame++) {
      for (let bin = 0; bin < BINS; bin++) {
        const model =
          (activations[2 * frame] as number) * (spectra[bin] as number) +
          (activations[2 * frame + 1] as number) * (spectra[BINS + bin] as number);
        worst = Math.max(worst, Math.abs(model - (mixture[frame * BINS + bin] as number)));
      }
    }
    expect(worst).toBeLessThan(0.5);
  });

  it('one component is the product of the marginals, worked out by hand', () => {
    // [[1, 2], [3, 6]]: rows sum to 3 and 9, columns to 4 and 8 of 12.
    const { activations, spectra } = factorize(new Float32Array([1, 2, 3, 6]), 2, 2, {
      components: 1,
      iterations: 5,
      seed: 1,
    });
    [3, 9].forEach((value, i) => {
      expect(activations[i]).toBeCloseTo(value, 6);
    });
    [1 / 3, 2 / 3].forEach((value, i) => {
      expect(spectra[i]).toBeCloseTo(value, 6);
    });
  });

  it('with the oracle separates what it was mixed of, repeatably', () => {
    const [first, second] = twoSources();
    const mixture = first.map((value, i) => value + (second[i] as number));
    const run = () => {
      const factors = factorize(mixture, FRAMES, BINS, { components: 4, iterations: 200, seed: 'a' });
      return oracleMasks(factors, [first, second], FRAMES, BINS);
    };
    const masks = run();
    expect(masks).toEqual(run());
    const error = (mask: Float32Array, source: Float32Array) => {
      let sum = 0;
      let whole = 0;
      mixture.forEach((value, i) => {
        sum += (value * (mask[i] as number) - (source[i] as number)) ** 2;
        whole += (source[i] as number) ** 2;
      });
      return sum / whole;
    };
    expect(error(masks[0] as Float32Array, first)).toBeLessThan(0.05);
    expect(error(masks[1] as Float32Array, second)).toBeLessThan(0.05);
    mixture.forEach((_, i) => {
      expect((masks[0]?.[i] as number) + (masks[1]?.[i] as number)).toBeCloseTo(1, 5);
    });
  });

  it('stays finite in silence and refuses other shapes', () => {
    const options = { components: 3, iterations: 5, seed: 1 };
    const silence = new Float32Array(FRAMES * BINS);
    const factors = factorize(silence, FRAMES, BINS, options);
    for (const mask of oracleMasks(factors, [silence, silence], FRAMES, BINS)) {
      expect(mask.every(Number.isFinite)).toBe(true);
    }
    const mismatch = expect.objectContaining({ code: 'shape_mismatch' });
    expect(() => factorize(silence, FRAMES, 7, options)).toThrow(mismatch);
    expect(() => oracleMasks(factors, [whiteNoise(7, 1)], FRAMES, BINS)).toThrow(mismatch);
    expect(() => factorize(silence, FRAMES, BINS, { ...options, components: 0 })).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});
