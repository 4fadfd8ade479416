import { describe, expect, it } from 'vitest';
import { Cholesky } from '#model/metrics/cholesky';
import { bssEval } from '#model/metrics/separation';
import { energy, sumOf, tone, whiteNoise } from './separation/signals.ts';

const LENGTH = 12_000;
/** Where the length of the filters is not the point, short ones are quicker and fit less noise by chance. */
const taps = 32;
const scaled = (sound: Float32Array, gain: number) => sound.map((value) => gain * value);
const delayed = (sound: Float32Array, samples: number) => sound.map((_, i) => sound[i - samples] ?? 0);

/** A decaying random room of 300 samples. */
function reverberant(sound: Float32Array, seed: number): Float32Array {
  const room = whiteNoise(300, seed).map((value, i) => value * Math.exp(-i / 60));
  return sound.map((_, n) => room.reduce((sum, gain, k) => sum + gain * (sound[n - k] ?? 0), 0));
}

const a = whiteNoise(LENGTH, 1);
const b = whiteNoise(LENGTH, 2);

describe('Cholesky factors', () => {
  it('solve a system worked out by hand', () => {
    // [[4, 2], [2, 5]] x = [10, 13]: x = [1.5, 2].
    const x = Cholesky.factor(new Float64Array([4, 2, 2, 5]), 2)?.solve(new Float64Array([10, 13]));
    expect(x?.[0]).toBeCloseTo(1.5, 12);
    expect(x?.[1]).toBeCloseTo(2, 12);
  });

  it.each([1, 3, 4, 5, 8, 31, 130])('reproduce the right side for %i unknowns', (size) => {
    const random = whiteNoise(size * size, size, 1);
    const at = (i: number, j: number) => random[i * size + j] as number;
    const matrix = new Float64Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        for (let k = 0; k < size; k++)
          matrix[i * size + j] = (matrix[i * size + j] as number) + at(i, k) * at(j, k);
      }
      matrix[i * size + i] = (matrix[i * size + i] as number) + 1;
    }
    const right = Float64Array.from(whiteNoise(size, 9, 1));
    const x = Cholesky.factor(matrix, size)?.solve(right) as Float64Array;
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += (matrix[i * size + k] as number) * (x[k] as number);
      expect(sum).toBeCloseTo(right[i] as number, 9);
    }
  });

  it('do not exist for a matrix that is not positive definite', () => {
    expect(Cholesky.factor(new Float64Array([1, 2, 2, 1]), 2)).toBeNull();
    expect(Cholesky.factor(new Float64Array([Number.NaN, 0, 0, 1]), 2)).toBeNull();
  });
});

describe('distortions that count for nothing', () => {
  it.each([
    ['the references themselves', (sound: Float32Array) => sound],
    ['turned over at -12 dB', (sound: Float32Array) => scaled(sound, -0.25)],
    ['511 samples late, the last tap', (sound: Float32Array) => delayed(sound, 511)],
    ['through a room', (sound: Float32Array) => reverberant(sound, 8)],
  ])('%s: more than 60 dB', (_, distort) => {
    // What a delay pushes over the end is lost to the estimate: silence there.
    const ending = (sound: Float32Array) => sound.map((value, i) => (i < LENGTH - 1000 ? value : 0));
    const references = [ending(a), ending(b)];
    for (const score of bssEval(references, references.map(distort))) {
      expect(score?.sdrDb).toBeGreaterThan(60);
      expect(score?.sirDb).toBeGreaterThan(60);
      expect(score?.sarDb).toBeGreaterThan(60);
    }
  });

  it('but 600 samples late is beyond every tap', () => {
    const [score] = bssEval([a], [delayed(a, 600)]);
    // 512 of 12 000 directions fit by chance: 10 log10(512 / 11 488) = -13.5 dB.
    expect(score?.sdrDb).toBeLessThan(-12);
    expect(score?.sdrDb).toBeGreaterThan(-15);
  });
});

describe('distortions at a known ratio', () => {
  it.each([0, 10, 20, 30])('noise %i dB below the source gives that SDR and SAR', (snrDb) => {
    const noise = whiteNoise(LENGTH, 3);
    const gain = Math.sqrt(energy(a) / energy(noise)) * 10 ** (-snrDb / 20);
    const [score] = bssEval([a, b], [sumOf(a, scaled(noise, gain)), b], { taps });
    // Filters explain 64 of 12 000 directions of the noise by chance, and the two correlate by about a hundredth.
    expect(Math.abs((score?.sdrDb as number) - snrDb)).toBeLessThan(0.25);
    expect(Math.abs((score?.sarDb as number) - snrDb)).toBeLessThan(0.25);
    expect(score?.sirDb).toBeGreaterThan(snrDb + 10);
  });

  it.each([0, 6, 20])('the other source %i dB below gives that SIR and no artefact', (sirDb) => {
    const gain = Math.sqrt(energy(a) / energy(b)) * 10 ** (-sirDb / 20);
    const [score] = bssEval([a, b], [sumOf(a, scaled(b, gain)), b], { taps });
    expect(Math.abs((score?.sirDb as number) - sirDb)).toBeLessThan(0.25);
    expect(score?.sdrDb).toBeCloseTo(score?.sirDb as number, 2);
    expect(score?.sarDb).toBeGreaterThan(60);
  });

  it('two tones worked out by hand: a tone of half the amplitude lies 6.02 dB below', () => {
    // Tones at multiples of 11 025 / 22 050 Hz have whole periods: no filter turns one into the other.
    const low = tone(22_050, 440, 11_025);
    const high = tone(22_050, 1320, 11_025);
    const [score] = bssEval([low, high], [sumOf(low, scaled(high, 0.5)), high], { taps });
    // The filters smear the ends of the sound, where tones are not orthogonal.
    expect(Math.abs((score?.sirDb as number) - 6.02)).toBeLessThan(0.2);
  });
});

describe('what is compared with what', () => {
  const c = whiteNoise(LENGTH, 5);
  const dirty = (sound: Float32Array, other: Float32Array) => sumOf(sound, scaled(other, 0.2));

  it('finds permuted estimates, and scores them as it would in order', () => {
    const references = [a, b, c];
    const estimates = [dirty(a, b), dirty(b, c), dirty(c, a)];
    const ordered = bssEval(references, estimates, { taps });
    const permuted = bssEval(
      references,
      [2, 0, 1].map((i) => estimates[i] as Float32Array),
      { permute: true, taps },
    );
    expect(permuted.map((score) => score?.estimate)).toEqual([1, 2, 0]);
    permuted.forEach((score, i) => {
      expect(score?.sdrDb).toBeCloseTo(ordered[i]?.sdrDb as number, 9);
    });
    const wrong = bssEval(
      references,
      [2, 0, 1].map((i) => estimates[i] as Float32Array),
      { taps },
    );
    expect(wrong[0]?.estimate).toBe(0);
    expect(wrong[0]?.sdrDb).toBeLessThan(0);
  });

  it('skips silent references and gives their estimates to nobody', () => {
    const silence = new Float32Array(LENGTH);
    const [first, second, third] = bssEval([a, silence, b], [dirty(a, b), c, dirty(b, a)], {
      permute: true,
      taps,
    });
    expect(second).toBeNull();
    expect([first?.estimate, third?.estimate]).toEqual([0, 2]);
    const [alone, none] = bssEval([a, scaled(b, 1e-6)], [c, a], { permute: true, taps });
    expect(none).toBeNull();
    expect(alone).toMatchObject({ estimate: 1, sirDb: Number.POSITIVE_INFINITY });
    expect(bssEval([silence], [a])).toEqual([null]);
  });

  it('puts the mixture beside every estimate', () => {
    const mixture = sumOf(a, b);
    const scores = bssEval([a, b], [dirty(a, b), b], { mixture, taps });
    const asEstimates = bssEval([a, b], [mixture, mixture], { taps });
    scores.forEach((score, i) => {
      expect(score?.mixtureSdrDb).toBeCloseTo(asEstimates[i]?.sdrDb as number, 9);
      expect(Math.abs(score?.mixtureSdrDb as number)).toBeLessThan(0.5);
    });
  });

  it('scores a silent estimate minus infinity', () => {
    const [score] = bssEval([a, b], [new Float32Array(LENGTH), b], { taps });
    expect(score?.sdrDb).toBe(Number.NEGATIVE_INFINITY);
    expect(score?.sirDb).toBe(Number.NEGATIVE_INFINITY);
  });

  it('refuses other lengths, other numbers and samples that are none', () => {
    const mismatch = expect.objectContaining({ code: 'shape_mismatch' });
    expect(() => bssEval([a, b], [a])).toThrow(mismatch);
    expect(() => bssEval([a], [new Float32Array(3)])).toThrow(mismatch);
    expect(() => bssEval([], [])).toThrow(mismatch);
    expect(() => bssEval([a], [a.map((v, i) => (i === 5 ? Number.NaN : v))])).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});

describe('a reference that fills part of the band only', () => {
  it('still scores: the correlations are singular to working precision', () => {
    const low = tone(LENGTH, 200, 11_025);
    const high = tone(LENGTH, 3000, 11_025);
    const [score] = bssEval([low, high], [sumOf(low, whiteNoise(LENGTH, 4, 0.0212)), high]);
    // 0.3 sin has a power of 0.045, the noise one of 0.00045: 20 dB.
    expect(Math.abs((score?.sdrDb as number) - 20)).toBeLessThan(0.5);
  });
});

/** The published implementation (mir_eval 0.8.2, `bss_eval_sources`) on sounds that anyone can make again. */
describe('the reference implementation', () => {
  const chirp = (seed: number) =>
    Float32Array.from({ length: 4000 }, (_, n) => Math.sin(n * 0.02 * seed + n * n * 1e-5 * seed) / 2);

  it('agrees to a thousandth of a decibel', () => {
    const first = chirp(1);
    const second = chirp(3);
    const estimates = [
      first.map((value, n) => value + 0.3 * (second[n] as number) + 0.1 * Math.sin(n * n * 0.37)),
      second.map((value, n) => value ** 3 + 0.05 * (first[n] as number)),
    ];
    const scores = bssEval([first, second], estimates, { mixture: sumOf(first, second) });
    const published = [
      { sdrDb: 8.87668847, sirDb: 10.23750667, sarDb: 14.97205162, mixtureSdrDb: 0.01156927 },
      { sdrDb: 7.64550641, sirDb: 12.07999852, sarDb: 9.8461206, mixtureSdrDb: 1.07058552 },
    ];
    published.forEach((expected, i) => {
      for (const [name, value] of Object.entries(expected)) {
        expect(Math.abs((scores[i]?.[name as keyof typeof expected] as number) - value)).toBeLessThan(1e-3);
      }
    });
  });
});
