import { describe, expect, it } from 'vitest';
import { hertzToRow, LOG_FREQUENCY_BINS } from '#model/front-ends/log-frequency';
import {
  SEPARATION_FRAMES,
  type SeparatedBlock,
  type SeparationOptions,
  type SeparationWindow,
  separateBlocks,
} from '#model/separation/overlap-add';
import { energy, largestDifference, sumOf, tone, whiteNoise } from './signals.ts';

const ROWS = LOG_FREQUENCY_BINS;
const VALUES = SEPARATION_FRAMES * ROWS;

/** The same value on every row of every frame. */
const constantMask = (value: number) => async () => new Float32Array(VALUES).fill(value);

/** One below a frequency, nothing above. */
function lowPassMask(hertz: number) {
  const edge = hertzToRow(hertz);
  return async () => Float32Array.from({ length: VALUES }, (_, i) => (i % ROWS < edge ? 1 : 0));
}

/** Blocks of uneven length. */
function* cut(channels: Float32Array[], lengths: readonly number[]): Generator<Float32Array[]> {
  const total = (channels[0] as Float32Array).length;
  for (let at = 0, i = 0; at < total; i++) {
    const length = lengths[i % lengths.length] as number;
    yield channels.map((channel) => channel.slice(at, at + length));
    at += length;
  }
}

async function separate(
  mixture: Float32Array[],
  options: Omit<SeparationOptions, 'channels'>,
  lengths = [30_000, 1, 7777],
) {
  const blocks: SeparatedBlock[] = [];
  const generator = separateBlocks(cut(mixture, lengths), { ...options, channels: mixture.length });
  for await (const block of generator) blocks.push(block);
  let next = 0;
  for (const { startSample, target } of blocks) {
    expect(startSample).toBe(next);
    next += (target[0] as Float32Array).length;
  }
  const join = (pick: (block: SeparatedBlock) => Float32Array[]) =>
    mixture.map((_, c) => {
      const out = new Float32Array(next);
      for (const block of blocks) out.set(pick(block)[c] as Float32Array, block.startSample);
      return out;
    });
  return { target: join((block) => block.target), residual: join((block) => block.residual), blocks };
}

describe('separation of any length', () => {
  it.each([
    ['silence of no length', 0, 11_025],
    ['one sample', 1, 11_025],
    ['less than a window', 20_000, 11_025],
    ['a whole window', 65_535, 11_025],
    ['a sample more', 65_536, 11_025],
    ['where a window ends exactly', 65_535 + 54_510, 11_025],
    ['several windows at 8 kHz', 200_001, 8000],
    ['several windows at 44.1 kHz', 700_000, 44_100],
    ['several windows at 96 kHz', 1_000_003, 96_000],
  ])('gives the mixture back under a mask of one: %s', async (_, sampleCount, sampleRateHz) => {
    const mixture = [whiteNoise(sampleCount, 1)];
    const { target, residual } = await separate(mixture, { sampleRateHz, mask: constantMask(1) });
    expect(target[0]).toHaveLength(sampleCount);
    expect(largestDifference(target[0] as Float32Array, mixture[0] as Float32Array)).toBeLessThan(1e-5);
    expect(energy(residual[0] as Float32Array)).toBeLessThan(1e-8 * Math.max(1, sampleCount));
  });

  it('adds up to the mixture in every channel, loud ones unclipped', async () => {
    const mixture = [whiteNoise(300_000, 1, 0.9), tone(300_000, 900, 22_050, 2), new Float32Array(300_000)];
    const { target, residual } = await separate(mixture, { sampleRateHz: 22_050, mask: lowPassMask(1500) });
    mixture.forEach((channel, c) => {
      const sum = sumOf(target[c] as Float32Array, residual[c] as Float32Array);
      expect(largestDifference(sum, channel)).toBeLessThan(1e-4);
    });
    // The tone of twice the full scale lies in the target, whole.
    expect(Math.max(...(target[1] as Float32Array).subarray(10_000, 20_000))).toBeCloseTo(2, 1);
    expect(energy(target[2] as Float32Array)).toBe(0);
  });

  it('takes two tones apart at the mask, and carries the mask above the band of the networks', async () => {
    const rate = 48_000;
    const length = 12 * rate;
    const low = tone(length, 400, rate);
    const high = sumOf(tone(length, 3000, rate), tone(length, 15_000, rate));
    const mixture = [sumOf(low, high)];
    const { target, residual } = await separate(mixture, { sampleRateHz: rate, mask: lowPassMask(1000) });
    // The first and last frames hear the tones begin and end.
    const inside = (samples: Float32Array) => samples.subarray(rate / 2, length - rate / 2);
    expect(largestDifference(inside(target[0] as Float32Array), inside(low as Float32Array))).toBeLessThan(
      2e-3,
    );
    expect(largestDifference(inside(residual[0] as Float32Array), inside(high))).toBeLessThan(2e-3);
    const open = await separate(mixture, { sampleRateHz: rate, mask: constantMask(0.5) });
    expect(
      largestDifference(
        open.target[0] as Float32Array,
        (mixture[0] as Float32Array).map((value) => value / 2),
      ),
    ).toBeLessThan(1e-5);
  });

  it('fades where windows disagree: no step at the seams, and the energy between theirs', async () => {
    const rate = 11_025;
    const mixture = [tone(rate * 20, 440, rate)];
    let windows = 0;
    const { target } = await separate(mixture, {
      sampleRateHz: rate,
      mask: () => constantMask(windows++ % 2)(),
    });
    const samples = target[0] as Float32Array;
    expect(windows).toBe(5);
    // The steepest step of the tone itself; a seam cut hard would add up to its amplitude.
    const steepest = 0.3 * ((2 * Math.PI * 440) / rate);
    let largest = 0;
    for (let i = 1; i < samples.length; i++) {
      largest = Math.max(largest, Math.abs((samples[i] as number) - (samples[i - 1] as number)));
    }
    expect(largest).toBeLessThan(steepest * 1.01);
    // The first seam runs from 44 270 to 55 295: silence before it, the tone after it.
    const power = (from: number, to: number) => energy(samples, from, to) / (to - from);
    expect(power(1000, 44_000)).toBeLessThan(1e-9);
    expect(power(56_000, 88_000)).toBeCloseTo(0.045, 3);
    const seam = [0, 1, 2, 3, 4].map((i) => power(44_270 + i * 2205, 44_270 + (i + 1) * 2205));
    for (let i = 1; i < 5; i++) expect(seam[i]).toBeGreaterThan(seam[i - 1] as number);
  });

  it('reaches back with its last window, so that the networks hear whole windows', async () => {
    const heard: SeparationWindow[] = [];
    const rate = 11_025;
    await separate([whiteNoise(rate * 14, 2)], {
      sampleRateHz: rate,
      mask: async (window) => {
        heard.push(window);
        return constantMask(1)();
      },
    });
    const length = 55_295 / rate;
    expect(heard.map(({ startSec }) => startSec)).toEqual([0, 44_270 / rate, 88_540 / rate, 14 - length]);
    for (const { durationSec, magnitudes } of heard) {
      expect(durationSec).toBeCloseTo(length, 9);
      expect(magnitudes).toHaveLength(VALUES);
    }
  });

  it('runs in constant memory: it never reads far ahead of what it has answered', async () => {
    const rate = 11_025;
    let read = 0;
    let furthestAhead = 0;
    function* endless(): Generator<Float32Array[]> {
      for (let i = 0; i < 120; i++) {
        read += rate;
        yield [whiteNoise(rate, i)];
      }
    }
    let answered = 0;
    for await (const { target } of separateBlocks(endless(), {
      sampleRateHz: rate,
      channels: 1,
      mask: constantMask(0.3),
    })) {
      furthestAhead = Math.max(furthestAhead, read - answered);
      answered += (target[0] as Float32Array).length;
    }
    expect(answered).toBe(120 * rate);
    expect(furthestAhead).toBeLessThan(8 * rate);
  });
});

describe('what the networks hear', () => {
  async function heard(mixture: Float32Array[], sampleRateHz: number): Promise<Float32Array> {
    let magnitudes = new Float32Array(0);
    await separate(mixture, {
      sampleRateHz,
      mask: async (window) => {
        magnitudes = window.magnitudes as Float32Array<ArrayBuffer>;
        return constantMask(1)();
      },
    });
    return magnitudes;
  }

  const chord = (rate: number) =>
    sumOf(tone(rate * 5, 300, rate), tone(rate * 5, 1234, rate), tone(rate * 5, 4000, rate));

  it.each([8000, 16_000, 44_100, 48_000])(
    'does not depend on the rate: %i Hz against 11 025',
    async (rate) => {
      const own = await heard([chord(11_025)], 11_025);
      const other = await heard([chord(rate)], rate);
      const frame = 100 * ROWS;
      const loudest = Math.max(...own.subarray(frame, frame + ROWS));
      const audibleRows = rate === 8000 ? Math.floor(hertzToRow(3900)) : ROWS;
      for (let row = 0; row < audibleRows; row++) {
        const difference = Math.abs((own[frame + row] as number) - (other[frame + row] as number));
        // Zeros behind the window read the same lobes at other points: a twentieth of a lobe at most.
        expect(difference / loudest).toBeLessThan(0.12);
      }
    },
  );

  it('does not lose channels in opposite phase', async () => {
    const left = chord(11_025);
    const stereo = await heard([left, left.map((value) => -value)], 11_025);
    const mono = await heard([left], 11_025);
    expect(largestDifference(stereo, mono)).toBeLessThan(1e-3);
  });
});

describe('bad input', () => {
  const run = async (options: Partial<SeparationOptions>, blocks = [[new Float32Array(1000)]]) => {
    const all = { sampleRateHz: 11_025, channels: 1, mask: constantMask(1), ...options };
    for await (const _ of separateBlocks(blocks, all)) {
      // Only the failure matters.
    }
  };

  it.each([
    ['a rate of zero', { sampleRateHz: 0 }, 'invalid_argument'],
    ['no channel', { channels: 0 }, 'invalid_argument'],
    ['an overlap of half a window', { overlapSec: 3 }, 'invalid_argument'],
    ['no overlap', { overlapSec: 0 }, 'invalid_argument'],
    ['blocks with other channels', { channels: 2 }, 'shape_mismatch'],
    ['a mask of another shape', { mask: async () => new Float32Array(5) }, 'shape_mismatch'],
  ] as const)('is refused: %s', async (_, options, code) => {
    await expect(run(options)).rejects.toThrow(expect.objectContaining({ code }));
  });
});
