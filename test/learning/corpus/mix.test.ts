import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { mixSources } from '#learning/corpus/mix';
import { VENUES } from '#learning/corpus/venue';

const LENGTH = 16_000;

function tone(hz: number, gain: number): Float32Array {
  return Float32Array.from({ length: LENGTH }, (_, i) => gain * Math.sin((2 * Math.PI * hz * i) / 16_000));
}

const peak = (samples: Float32Array) => samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe.each(VENUES)('a mixture (%s)', (venue) => {
  it('is the sum of its stems and the noise of the place, and never clips', () => {
    const random = new SeededRandom(venue);
    for (let count = 1; count <= 3; count++) {
      const sources = Array.from({ length: count }, (_, i) => tone(200 + 170 * i, random.uniform(0.3, 1)));
      const { mixture, stems, noise } = mixSources(sources, `${venue}/${count}`, venue);
      expect(stems).toHaveLength(count);
      expect(peak(mixture)).toBeLessThanOrEqual(1);
      for (let i = 0; i < LENGTH; i++) {
        const sum = stems.reduce((total, stem) => total + (stem[i] as number), 0) + (noise[i] as number);
        if (Math.abs(sum - (mixture[i] as number)) > 1e-6) throw new Error(`sample ${i} is no sum`);
      }
      const first = stems[0] as Float32Array;
      const gain = peak(first) / peak(sources[0] as Float32Array);
      for (const at of [17, 3001, 15_000])
        expect(first[at]).toBeCloseTo(gain * ((sources[0] as Float32Array)[at] as number), 5);
    }
  });

  it('has noise that can be heard, stays well below the source, and is its own in every clip', () => {
    const { stems, noise } = mixSources([tone(300, 0.5)], 'a', venue);
    const belowDb = 20 * Math.log10(peak(stems[0] as Float32Array) / peak(noise));
    expect(belowDb).toBeGreaterThan(15.9);
    expect(belowDb).toBeLessThan(52.1);
    expect(mixSources([tone(300, 0.5)], 'b', venue).noise).not.toEqual(noise);
    expect(mixSources([tone(300, 0.5)], 'a', venue).noise).toEqual(noise);
  });
});
