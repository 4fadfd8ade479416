/** The factorisation on the runtime, against the plain one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import type { OnnxTensor } from '#model/onnx/session';
import { ComponentAnalysis } from '#model/separation/component-graph';
import { factorize } from '#model/separation/nmf';

const FRAMES = 40;
const BINS = 256;
const OPTIONS = { components: 7, iterations: 12, seed: 'parity' };

/** Three notes that come and go, over a faint noise. */
function mixture(): Float32Array {
  const random = new SeededRandom('mixture');
  const out = Float32Array.from({ length: FRAMES * BINS }, () => 0.05 * random.next());
  for (const [first, end, bin] of [
    [0, 20, 30],
    [10, 35, 90],
    [15, 40, 170],
  ] as const) {
    for (let frame = first; frame < end; frame++)
      for (let harmonic = 0; harmonic < 3; harmonic++)
        out[frame * BINS + bin + 25 * harmonic] = 1 / (harmonic + 1) + random.next();
  }
  return out;
}

describe('the factorisation as a graph', () => {
  let analysis: ComponentAnalysis;
  beforeAll(async () => {
    analysis = await ComponentAnalysis.open(OPTIONS);
  });
  afterAll(() => analysis.dispose());

  it('comes to the same factors as the plain one', async () => {
    const magnitudes = mixture();
    const expected = factorize(magnitudes, FRAMES, BINS, OPTIONS);
    const { activations, spectra } = await analysis.factorize(magnitudes);
    const furthest = ({ data }: OnnxTensor, b: Float64Array) =>
      b.reduce((most, value, i) => Math.max(most, Math.abs(value - (data[i] as number))), 0);
    expect(spectra.shape).toEqual([7, BINS]);
    expect(furthest(spectra, expected.spectra)).toBeLessThan(1e-4 * Math.max(...expected.spectra));
    expect(furthest(activations, expected.activations)).toBeLessThan(
      1e-4 * Math.max(...expected.activations),
    );
  });

  it('answers the same twice, and finite values in silence', async () => {
    expect(await analysis.factorize(mixture())).toEqual(await analysis.factorize(mixture()));
    const { activations, spectra } = await analysis.factorize(new Float32Array(FRAMES * BINS));
    const values = [...(activations.data as Float32Array), ...(spectra.data as Float32Array)];
    expect(values.every(Number.isFinite)).toBe(true);
  });
});
