/** `separateAudioByVisual` on the shipped model. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { separateAudioByVisual } from '#model/separation/separate-audio-by-visual';
import { SeparationModel } from '#model/separation/separation-model';

const FOLDER = fileURLToPath(new URL('../../../models/separation', import.meta.url));
const RATE_HZ = 11_025;

let model: SeparationModel;
beforeAll(async () => {
  model = await SeparationModel.load(FOLDER);
});
afterAll(() => model.dispose());

function picture(seed: number, count: number) {
  const { width, height } = model.manifest.guide.video;
  const random = new SeededRandom(seed);
  return {
    data: Uint8Array.from({ length: count * width * height * 3 }, () => random.integer(0, 256)),
    count,
  };
}

function noise(samples: number, seed: number): Float32Array {
  const random = new SeededRandom(seed);
  return Float32Array.from({ length: samples }, () => 0.2 * random.normal());
}

describe('separateAudioByVisual', () => {
  it('answers target and residual of the own length of the mixture, which add up to it', async () => {
    const mixture = [noise(7 * RATE_HZ, 1), noise(7 * RATE_HZ, 2)];
    const guide = { frames: picture(3, 40), isInStep: true };
    const { target, residual } = await separateAudioByVisual(model, mixture, RATE_HZ, guide);
    mixture.forEach((samples, c) => {
      expect(target[c]).toHaveLength(samples.length);
      const sum = samples.map((_, i) => (target[c]?.[i] as number) + (residual[c]?.[i] as number));
      let largest = 0;
      for (let i = 0; i < samples.length; i++)
        largest = Math.max(largest, Math.abs((sum[i] as number) - (samples[i] as number)));
      expect(largest).toBeLessThan(1e-4);
    });
  });

  it('hears what the picture asks for: other pictures, other targets', async () => {
    const mixture = [noise(2 * RATE_HZ, 4)];
    const ask = async (seed: number) =>
      (await separateAudioByVisual(model, mixture, RATE_HZ, { frames: picture(seed, 1), isInStep: false }))
        .target[0];
    const first = await ask(5);
    expect(await ask(5)).toEqual(first);
    expect(await ask(6)).not.toEqual(first);
  });

  it('answers a mask of every place of the picture, in 0..1', async () => {
    const frames = 8;
    const heard = await model.hear(noise(frames * 256, 7).map(Math.abs));
    const guide = await model.look(picture(8, 62), true);
    const masks = await model.masksOfPlaces(heard, guide);
    expect(masks).toHaveLength(guide.rows * guide.columns);
    expect(guide.rows).toBeGreaterThan(1);
    for (const mask of masks) {
      expect(mask).toHaveLength(frames * 256);
      expect(mask.every((value) => value >= 0 && value <= 1)).toBe(true);
    }
  });

  it('refuses to go by nothing', async () => {
    const frames = { data: new Uint8Array(0), count: 0 };
    const asked = separateAudioByVisual(model, [noise(100, 9)], RATE_HZ, { frames, isInStep: true });
    await expect(asked).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
