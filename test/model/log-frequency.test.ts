import { describe, expect, it } from 'vitest';
import { hertzToRow, LogFrequencyWarp, rowToHertz } from '#model/front-ends/log-frequency';

/** `[1, bins]` whose value is its own bin. */
const ramp = (bins: number) => Float32Array.from({ length: bins }, (_, i) => i);

describe('the logarithmic axis', () => {
  it('stands where the formula puts it', () => {
    expect(rowToHertz(0)).toBe(0);
    expect(rowToHertz(255)).toBeCloseTo(5512.5, 8);
    // Half way up: (sqrt(21) - 1) / 20 of the top.
    expect(rowToHertz(127.5)).toBeCloseTo(((Math.sqrt(21) - 1) / 20) * 5512.5, 8);
    for (const row of [0, 1, 17.5, 100, 254.9]) expect(hertzToRow(rowToHertz(row))).toBeCloseTo(row, 9);
  });

  it('reads magnitudes where the published warp samples them', () => {
    const out = new LogFrequencyWarp().warp(ramp(512), 1);
    expect(out).toHaveLength(256);
    // warpgrid: y = (21^((v + 1) / 2) - 11) / 10 with v from -1 to 1, then (y + 1) / 2 of the 511 steps.
    for (const row of [0, 1, 2, 60, 128, 200, 255]) {
      const v = -1 + (2 * row) / 255;
      const y = (21 ** ((v + 1) / 2) - 11) / 10;
      expect(out[row]).toBeCloseTo(((y + 1) / 2) * 511, 3);
    }
  });

  it('carries a mask back where the published warp samples it', () => {
    const out = new LogFrequencyWarp().unwarp(ramp(256), 1);
    expect(out).toHaveLength(512);
    // warpgrid without warp: y = ln(10 v + 11) / ln 21 * 2 - 1, then (y + 1) / 2 of the 255 steps.
    for (const bin of [0, 1, 7, 100, 300, 511]) {
      const v = -1 + (2 * bin) / 511;
      const y = (Math.log(v * 10 + 11) / Math.log(21)) * 2 - 1;
      expect(out[bin]).toBeCloseTo(((y + 1) / 2) * 255, 3);
    }
  });

  it('gives back what is smooth, frame by frame', () => {
    const warp = new LogFrequencyWarp();
    const frames = 3;
    const smooth = Float32Array.from({ length: frames * 512 }, (_, i) => {
      const frame = Math.floor(i / 512);
      return 1 + frame + Math.sin((2 * Math.PI * (i % 512)) / 512);
    });
    const back = warp.unwarp(warp.warp(smooth, frames), frames);
    smooth.forEach((value, i) => {
      expect(Math.abs(value - (back[i] as number))).toBeLessThan(2e-3);
    });
  });
});

describe('sound at other rates', () => {
  it('is read at the same frequencies and gets the mean of the uppermost rows above the band', () => {
    const axis = { sampleRateHz: 44_100, fftSize: 4096 };
    const warp = new LogFrequencyWarp(axis);
    const hertz = ramp(2049).map((bin) => (bin * 44_100) / 4096);
    const rows = warp.warp(hertz, 1);
    for (const row of [0, 5, 77, 255]) expect(rows[row]).toBeCloseTo(rowToHertz(row), 2);
    // Zero below the uppermost sixteenth (row 249 up), where the mask is 0.8 and, at the very top, 0.1.
    const mask = new Float32Array(256).fill(0.8, 249);
    mask[255] = 0.1;
    const linear = warp.unwarp(mask, 1);
    const edge = (6 * 0.8 + 0.1) / 7;
    expect(linear[100]).toBe(0);
    for (const aboveHz of [5600, 11_000, 22_050]) {
      expect(linear[Math.round((aboveHz * 4096) / 44_100)]).toBeCloseTo(edge, 6);
    }
  });

  it('hears nothing above the Nyquist frequency of a low rate', () => {
    const warp = new LogFrequencyWarp({ sampleRateHz: 8000, fftSize: 1024 });
    const rows = warp.warp(new Float32Array(513).fill(1), 1);
    const nyquistRow = hertzToRow(4000);
    rows.forEach((value, row) => {
      expect(value).toBe(row <= nyquistRow ? 1 : 0);
    });
    expect(
      warp.unwarp(new Float32Array(256).fill(0.7), 1).every((value) => Math.abs(value - 0.7) < 1e-6),
    ).toBe(true);
  });

  it('refuses arrays of another shape', () => {
    const mismatch = expect.objectContaining({ code: 'shape_mismatch' });
    expect(() => new LogFrequencyWarp().warp(new Float32Array(512), 2)).toThrow(mismatch);
    expect(() => new LogFrequencyWarp().unwarp(new Float32Array(512), 1)).toThrow(mismatch);
  });
});
