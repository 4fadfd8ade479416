import { beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { type Engine, loadEngine } from '#model/engine/engine';
import type { Clip } from '#model/network/inputs';
import type { EvaluationReport } from '#model/training/validation';
import { smallNetwork } from './small-network.ts';

const CLASSES = 8;
const SIDE = 48;
const FRAMES = 13;
/** Some hundred steps forward and back: seconds on a quiet machine, minutes on a busy one. */
const TIMEOUT_MS = 300_000;

let engine: Engine;

beforeAll(async () => {
  engine = await loadEngine();
});

/** A tone and a colour share a number. */
function tonesAndColours(count: number, seed: number): Clip[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const number = i % CLASSES;
    const hertz = 300 * 1.5 ** number;
    return {
      label: String(number),
      waveform: Float32Array.from(
        { length: 16_000 },
        (_, n) => 0.3 * Math.sin((2 * Math.PI * hertz * n) / 16_000) + 0.01 * random.normal(),
      ),
      frames: {
        count: FRAMES,
        data: Uint8Array.from({ length: FRAMES * SIDE * SIDE * 3 }, (_, j) =>
          (number >> (j % 3)) & 1 ? random.integer(180, 220) : random.integer(40, 80),
        ),
      },
    };
  });
}

describe.each(['adamw', 'sgd'] as const)('learning with %s', (optimizer) => {
  it(
    'finds the sound of unseen pictures, and cannot when pairs were shuffled',
    async () => {
      const mapOf = async (pairing: 'true' | 'shuffled') => {
        const network = await smallNetwork({ optimizer });
        const reports: EvaluationReport[] = [];
        await network.learnCorrespondence(tonesAndColours(48, 1), {
          epochs: 16,
          peakLearningRate: optimizer === 'adamw' ? 3e-3 : 5e-2,
          // Nothing happens over time in these clips.
          loss: { localization: 0, alignment: 0 },
          pairing,
          validation: tonesAndColours(16, 2),
          evaluateEverySteps: 48,
          onEvaluation: (report) => reports.push(report),
        });
        network.dispose();
        return reports.at(-1)?.classMap ?? Number.NaN;
      };
      // Chance: 2 of 16 by random order, about 0.25.
      const learned = await mapOf('true');
      expect(learned).toBeGreaterThan(0.7);
      expect(await mapOf('shuffled')).toBeLessThan(learned - 0.25);
    },
    TIMEOUT_MS,
  );
});

describe('learning', () => {
  it(
    'leaks no tensors over steps and runs',
    async () => {
      const network = await smallNetwork();
      const clips = tonesAndColours(4, 1);
      const once = async () => {
        await network.learnCorrespondence(clips, { epochs: 1 });
        network.train(clips);
        network.inputGradients(clips[0]?.waveform as Float32Array, (clips[0] as Clip).frames);
        network.clone().dispose();
      };
      await once();
      const before = engine.tf.memory().numTensors;
      await once();
      expect(engine.tf.memory().numTensors).toBe(before);
      network.dispose();
    },
    TIMEOUT_MS,
  );

  it('needs two clips', async () => {
    const network = await smallNetwork();
    await expect(network.learnCorrespondence(tonesAndColours(1, 1))).rejects.toMatchObject({
      code: 'not_enough_data',
      subject: 'clips',
    });
    network.dispose();
  });
});
