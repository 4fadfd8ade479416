/** Shares of a mixture made to agree with notes of either side. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { OnnxGraphBuilder } from '#model/onnx/graph-builder';
import { OnnxSession } from '#model/onnx/session';
import { firstFactors } from '#model/separation/nmf';
import { refinedByNotes } from '#model/separation/two-sides';

const FRAMES = 60;
const BINS = 256;
const OPTIONS = { components: 3, apart: 20, together: 5 };

/** Two notes of three partials each, one of them in the first two thirds of the time and the other in the last two. */
function twoNotes(): { first: Float32Array; second: Float32Array; sum: Float32Array } {
  const note = (from: number, to: number, bin: number) => {
    const out = new Float32Array(FRAMES * BINS);
    for (let frame = from; frame < to; frame++)
      for (let partial = 0; partial < 3; partial++)
        out[frame * BINS + bin + 40 * partial] = (1 + Math.sin(frame / 5) / 2) / (partial + 1);
    return out;
  };
  const [first, second] = [note(0, 40, 30), note(20, 60, 50)];
  return { first, second, sum: first.map((value, i) => value + (second[i] as number)) };
}

let session: OnnxSession;
beforeAll(async () => {
  const graph = new OnnxGraphBuilder('sides');
  const points = (name: string) => graph.input(name, 'float32', ['frames', BINS]);
  const [magnitudes, mask] = [points('magnitudes'), points('mask')];
  const first = {
    activations: graph.input('activations', 'float32', ['frames', OPTIONS.components]),
    spectra: graph.input('spectra', 'float32', [OPTIONS.components, BINS]),
  };
  const refined = refinedByNotes(graph, magnitudes, mask, first, OPTIONS);
  graph.output('refined', refined, 'float32', ['frames', BINS]);
  session = await OnnxSession.open(graph.toBytes(), { subject: 'a test' });
});
afterAll(() => session.dispose());

async function refine(magnitudes: Float32Array, mask: Float32Array): Promise<Float32Array> {
  const begin = firstFactors(magnitudes, FRAMES, BINS, { components: OPTIONS.components, seed: 1 });
  const shape = [FRAMES, BINS];
  const { refined } = await session.run({
    magnitudes: { data: magnitudes, shape },
    mask: { data: mask, shape },
    activations: { data: Float32Array.from(begin.activations), shape: [FRAMES, OPTIONS.components] },
    spectra: { data: Float32Array.from(begin.spectra), shape: [OPTIONS.components, BINS] },
  });
  return refined?.data as Float32Array;
}

/** Share of the first note's energy in what is wrong. */
function errorOf(mask: Float32Array, { first, sum }: ReturnType<typeof twoNotes>): number {
  let [wrong, all] = [0, 0];
  for (let i = 0; i < sum.length; i++) {
    const own = first[i] as number;
    wrong += ((mask[i] as number) * (sum[i] as number) - own) ** 2;
    all += own ** 2;
  }
  return wrong / all;
}

describe('a mask made to agree with notes', () => {
  it('loses the errors that are not of any note', async () => {
    const notes = twoNotes();
    const random = new SeededRandom('errors');
    const isRight = notes.sum.map((value, i) => (value > 0 ? (notes.first[i] as number) / value : 0));
    // Every sixth point is given to the other side.
    const mask = isRight.map((share) => (random.next() < 1 / 6 ? 1 - share : share));
    const before = errorOf(mask, notes);
    expect(before).toBeGreaterThan(0.1);
    expect(errorOf(await refine(notes.sum, mask), notes)).toBeLessThan(before / 2);
  });

  it('gives to both sides what is there, together, and nothing in silence', async () => {
    const { sum } = twoNotes();
    const random = new SeededRandom('shares');
    const mask = sum.map(() => random.next());
    const own = await refine(sum, mask);
    const rest = await refine(
      sum,
      mask.map((share) => 1 - share),
    );
    sum.forEach((value, i) => {
      if (value > 0) expect((own[i] as number) + (rest[i] as number)).toBeCloseTo(1, 4);
    });
    const silence = new Float32Array(FRAMES * BINS);
    expect((await refine(silence, mask)).every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});
