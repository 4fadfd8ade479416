import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { strongest } from '#learning/evaluation/concepts-suite';
import { learnConceptSounds, type SoundExample } from '#learning/training/learn-concept-sounds';
import { soundCorrection } from '#model/concepts/learned-sounds';
import { loadEngine } from '#model/engine/engine';

const CONCEPTS = ['dog', 'bell', 'rain'];
const SIZE = 80;

/** Each concept lies in its own direction of the embeddings; its scores say next to nothing. */
function examples(count: number, seed: string): SoundExample[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const right = i % CONCEPTS.length;
    const embedding = Float64Array.from(
      { length: SIZE },
      (_, k) => random.normal() * 0.3 + (k % CONCEPTS.length === right ? 0.4 : 0),
    );
    const axes = Float64Array.from(CONCEPTS, () => random.normal() * 0.1);
    return { axes, embedding, right: [right], weight: 1 };
  });
}

async function shareRight(taught: readonly SoundExample[], asked: readonly SoundExample[]): Promise<number> {
  const weights = learnConceptSounds(await loadEngine(), CONCEPTS, taught);
  const hits = asked.filter(({ axes, embedding, right }) => {
    const correction = soundCorrection(weights, embedding);
    return right.includes(strongest(axes.map((value, i) => value + (correction[i] as number))));
  });
  return hits.length / asked.length;
}

describe('learnConceptSounds', () => {
  const asked = examples(150, 'asked');

  it('finds what the scores do not say, and nothing in answers that are exchanged', async () => {
    const taught = examples(300, 'taught');
    expect(asked.filter(({ axes, right }) => right.includes(strongest(axes))).length / 150).toBeLessThan(0.5);
    expect(await shareRight(taught, asked)).toBeGreaterThan(0.9);
    const answers = new SeededRandom('answers').shuffle(taught.map(({ right }) => right));
    const exchanged = taught.map((example, i) => ({ ...example, right: answers[i] ?? [] }));
    expect(await shareRight(exchanged, asked)).toBeLessThan(0.6);
  });

  it('is the same each time, and heeds weights: a sound of no weight teaches nothing', async () => {
    const engine = await loadEngine();
    const taught = examples(200, 'taught');
    const once = learnConceptSounds(engine, CONCEPTS, taught);
    expect(learnConceptSounds(engine, CONCEPTS, taught).weights).toEqual(once.weights);
    const wrong = examples(60, 'wrong').map((example) => ({ ...example, right: [0], weight: 0 }));
    const heeded = learnConceptSounds(engine, CONCEPTS, [...taught, ...wrong]);
    once.weights.forEach((weight, i) => {
      expect(heeded.weights[i]).toBeCloseTo(weight, 3);
    });
  });

  it('refuses too few sounds', async () => {
    const engine = await loadEngine();
    expect(() => learnConceptSounds(engine, CONCEPTS, examples(100, 'few'))).toThrow(
      expect.objectContaining({ code: 'not_enough_data' }),
    );
  });
});
