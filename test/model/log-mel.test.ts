import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hertzToMel, LogMelFrontEnd, melFilters, YAMNET_LOG_MEL } from '#model/front-ends/log-mel';
import { sharedData } from '../support/shared-data.ts';

const models = sharedData('models');

describe('mel scale and filters', () => {
  it('agrees with the HTK formula at values worked out by hand', () => {
    expect(hertzToMel(0)).toBe(0);
    // 1127 ln(1 + 700 / 700) = 1127 ln 2
    expect(hertzToMel(700)).toBeCloseTo(1127 * Math.LN2, 9);
    expect(hertzToMel(1000)).toBeCloseTo(999.986, 2);
  });

  it('covers 125 to 7500 Hz with triangles that peak at one and sum to one between the first and last centre', () => {
    const filters = melFilters(YAMNET_LOG_MEL, 512);
    expect(filters).toHaveLength(64);
    for (const filter of filters) {
      expect(filter).toHaveLength(257);
      expect(filter[0]).toBe(0);
      for (const weight of filter) expect(weight).toBeLessThanOrEqual(1);
    }
    // Neighbouring triangles overlap by half: at any bin between two centres their weights add up to 1.
    for (const bin of [20, 60, 120, 200]) {
      expect(filters.reduce((sum, filter) => sum + (filter[bin] as number), 0)).toBeCloseTo(1, 5);
    }
    expect(filters.reduce((sum, filter) => sum + (filter[250] as number), 0)).toBe(0);
  });
});

describe('log-mel front end', () => {
  it('gives floor((samples - 400) / 160) + 1 frames and pads or cuts on request', () => {
    const frontEnd = new LogMelFrontEnd();
    expect(frontEnd.frameCount(399)).toBe(0);
    expect(frontEnd.frameCount(400)).toBe(1);
    expect(frontEnd.frameCount(80_000)).toBe(498);
    expect(frontEnd.compute(new Float32Array(80_000)).frames).toBe(498);
    expect(frontEnd.compute(new Float32Array(100), 496).frames).toBe(496);
    expect(() => frontEnd.compute(new Float32Array(100))).toThrow(
      expect.objectContaining({ code: 'too_short' }),
    );
  });

  it('answers ln 0.001 for silence', () => {
    const { data } = new LogMelFrontEnd().compute(new Float32Array(1600));
    for (const value of data) expect(value).toBeCloseTo(Math.log(0.001), 5);
  });

  it('puts a tone of 1 kHz into the band around 1 kHz', () => {
    const samples = Float32Array.from({ length: 4000 }, (_, n) =>
      Math.sin((2 * Math.PI * 1000 * n) / 16_000),
    );
    const { data, bands } = new LogMelFrontEnd().compute(samples);
    const row = data.subarray(0, bands);
    const loudest = row.indexOf(Math.max(...row));
    const step = (hertzToMel(7500) - hertzToMel(125)) / 65;
    const centre = hertzToMel(125) + (loudest + 1) * step;
    expect(Math.abs(centre - hertzToMel(1000))).toBeLessThan(step);
    // A unit sine under a Hann window of 400 has a peak magnitude of 400 / 4.
    expect(row[loudest]).toBeGreaterThan(Math.log(90));
  });

  it.skipIf(!models)(
    `reproduces YAMNet's published test pair to 1e-4${models ? '' : ' (skipped: no shared data)'}`,
    () => {
      const folder = models as string;
      const pcm = readFileSync(path.join(folder, 'yamnet_test_audio.bin'));
      const samples = Float32Array.from({ length: pcm.length / 2 }, (_, i) => pcm.readInt16LE(2 * i));
      const peak = samples.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
      // The publisher's pair was made with the waveform at full scale and an offset of 0.01.
      const { data } = new LogMelFrontEnd({ ...YAMNET_LOG_MEL, offset: 0.01 }).compute(
        samples.map((value) => value / peak),
      );
      const reference = readFileSync(path.join(folder, 'yamnet_test_spectra.bin'));
      expect(data).toHaveLength(reference.length / 4);
      let worst = 0;
      for (let i = 0; i < data.length; i++)
        worst = Math.max(worst, Math.abs((data[i] as number) - reference.readFloatLE(4 * i)));
      expect(worst).toBeLessThan(1e-4);
    },
  );
});
