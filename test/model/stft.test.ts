import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { RealDft } from '#model/front-ends/real-dft';
import { applyMask, magnitudes, SEPARATION_STFT, Stft } from '#model/front-ends/stft';
import { largestDifference, tone, whiteNoise } from './separation/signals.ts';

/** The definition, term by term. */
function slowDft(samples: Float64Array): Float64Array {
  const size = samples.length;
  const out = new Float64Array(size + 2);
  for (let k = 0; k <= size / 2; k++) {
    for (let n = 0; n < size; n++) {
      const angle = (-2 * Math.PI * ((k * n) % size)) / size;
      out[2 * k] = (out[2 * k] as number) + (samples[n] as number) * Math.cos(angle);
      out[2 * k + 1] = (out[2 * k + 1] as number) + (samples[n] as number) * Math.sin(angle);
    }
  }
  return out;
}

describe('transform of real signals', () => {
  it('answers what four samples give by hand', () => {
    const spectrum = new Float64Array(6);
    new RealDft(4).forward(Float64Array.of(1, 2, 3, 5), spectrum);
    // Sum 11; (1 - 3) + i (5 - 2); 1 - 2 + 3 - 5.
    [11, 0, -2, 3, -3, 0].forEach((value, i) => {
      expect(spectrum[i]).toBeCloseTo(value, 12);
    });
  });

  it.each([4, 6, 14, 64, 146, 500, 1022, 1024, 1484])('agrees with the definition at length %i', (size) => {
    const random = new SeededRandom(size);
    const samples = Float64Array.from({ length: size }, () => random.uniform(-1, 1));
    const dft = new RealDft(size);
    const spectrum = new Float64Array(2 * dft.bins);
    dft.forward(samples, spectrum);
    slowDft(samples).forEach((value, i) => {
      expect(Math.abs(value - (spectrum[i] as number))).toBeLessThan(1e-10);
    });
    const back = new Float64Array(size);
    dft.inverse(spectrum, back);
    samples.forEach((value, i) => {
      expect(Math.abs(value - (back[i] as number))).toBeLessThan(1e-12);
    });
  });

  it.each([0, 2, 5, 1023, 2.5])('refuses length %d', (size) => {
    expect(() => new RealDft(size)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

describe('short-time Fourier transform', () => {
  it('goes back to sounds of different lengths in turn', () => {
    const stft = new Stft();
    for (const length of [5000, 9001, 5000]) {
      const samples = whiteNoise(length, length);
      const back = stft.inverse(stft.forward(samples), length);
      expect(largestDifference(back, samples)).toBeLessThan(1e-5);
    }
  });

  it('gives 512 frequencies and a frame every 256 samples', () => {
    const stft = new Stft();
    expect(stft.bins).toBe(512);
    expect(stft.frameCount(65_535)).toBe(256);
    expect(stft.frameCount(65_536)).toBe(257);
    expect(stft.frameCount(0)).toBe(1);
  });

  it('answers for a constant and for a tone on a frequency what the Hann window gives by hand', () => {
    const stft = new Stft();
    const constant = magnitudes(stft.forward(new Float32Array(4096).fill(1)));
    // The window sums to 511, its neighbours in frequency to half of it; the middle frame sees no end.
    const middle = 8 * 512;
    expect(constant[middle]).toBeCloseTo(511, 2);
    expect(constant[middle + 1]).toBeCloseTo(255.5, 2);
    expect(constant[middle + 2]).toBeCloseTo(0, 3);
    // A sine of amplitude 0.3 at bin 100: half of the window's sum, 0.3 * 511 / 2.
    const sine = magnitudes(stft.forward(tone(4096, 100, 1022)));
    expect(sine[middle + 100]).toBeCloseTo(0.3 * 255.5, 2);
    expect(sine[middle + 101]).toBeCloseTo((0.3 * 255.5) / 2, 2);
    expect(sine[middle + 103]).toBeLessThan(1e-3);
  });

  it('begins and ends with half a window of silence', () => {
    const impulse = new Float32Array(1000);
    impulse[0] = 1;
    // Sample 0 lies under the peak of the first frame's window and 256 of 1022 from the peak of the second.
    const values = magnitudes(new Stft().forward(impulse));
    expect(values[0]).toBeCloseTo(1, 6);
    expect(values[512]).toBeCloseTo(0.5 + 0.5 * Math.cos((2 * Math.PI * 256) / 1022), 6);
  });

  it('comes back to 1e-5 for any length', () => {
    const stft = new Stft();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 6000 }), fc.integer(), (sampleCount, seed) => {
        const samples = whiteNoise(sampleCount, seed, 0.5);
        const back = stft.inverse(stft.forward(samples), sampleCount);
        expect(back).toHaveLength(sampleCount);
        expect(largestDifference(samples, back)).toBeLessThan(1e-5);
      }),
      { numRuns: 40, seed: 11 },
    );
  });

  it.each([
    ['48 kHz, zeros up to a power of two, a hop between samples', 4450, 8192, (256 * 48_000) / 11_025],
    ['8 kHz', 742, 1024, (256 * 8000) / 11_025],
    ['a hop of half a window', 64, 64, 32],
  ])('comes back to 1e-5 at %s', (_, windowSamples, fftSize, hopSamples) => {
    const stft = new Stft({ windowSamples, fftSize, hopSamples });
    for (const sampleCount of [1, 700, 20_001]) {
      const samples = whiteNoise(sampleCount, 5, 0.5);
      expect(largestDifference(samples, stft.inverse(stft.forward(samples), sampleCount))).toBeLessThan(1e-5);
    }
  });

  it('halves the sound under a mask of one half and silences it under zero', () => {
    const stft = new Stft();
    const samples = whiteNoise(5000, 3);
    const spectrogram = stft.forward(samples);
    const size = spectrogram.real.length;
    const half = stft.inverse(applyMask(spectrogram, new Float32Array(size).fill(0.5)), 5000);
    expect(
      largestDifference(
        samples.map((value) => value / 2),
        half,
      ),
    ).toBeLessThan(1e-5);
    expect(stft.inverse(applyMask(spectrogram, new Float32Array(size)), 5000)).toEqual(
      new Float32Array(5000),
    );
  });

  it('refuses windows, masks and spectrograms that do not fit', () => {
    const invalid = expect.objectContaining({ code: 'invalid_argument' });
    expect(() => new Stft({ ...SEPARATION_STFT, windowSamples: 1021 })).toThrow(invalid);
    expect(() => new Stft({ ...SEPARATION_STFT, windowSamples: 1024 })).toThrow(invalid);
    expect(() => new Stft({ ...SEPARATION_STFT, hopSamples: 512 })).toThrow(invalid);
    const stft = new Stft();
    const mismatch = expect.objectContaining({ code: 'shape_mismatch' });
    const spectrogram = stft.forward(new Float32Array(1000));
    expect(() => stft.inverse(spectrogram, 2000)).toThrow(mismatch);
    expect(() => applyMask(spectrogram, new Float32Array(7))).toThrow(mismatch);
  });
});
