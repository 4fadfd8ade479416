/** Decisions between what is asked for and the rest, and about what does not sound. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Decision } from '#model/separation/decide';
import { withoutPart } from '#model/separation/rest-of-picture';

const FRAMES = 24;
const BINS = 256;

/** Two sounds that never share a band: the first in even frames, the second in odd ones. */
function twoSounds() {
  const magnitudes = new Float32Array(FRAMES * BINS);
  const isFirst = (i: number) => i % BINS < BINS / 2;
  for (let i = 0; i < magnitudes.length; i++) {
    const frame = Math.floor(i / BINS);
    magnitudes[i] = isFirst(i) === (frame % 2 === 0) ? 1 : 0;
  }
  return { magnitudes, isFirst };
}

let decision: Decision;
beforeAll(async () => {
  decision = await Decision.open();
});
afterAll(() => decision.dispose());

const confident = async (own: Float32Array, magnitudes: Float32Array) =>
  decision.confident(own, await decision.takeApart(magnitudes));
const owned = async (own: Float32Array, rest: Float32Array, magnitudes: Float32Array) =>
  decision.owned(own, rest, await decision.takeApart(magnitudes));

/** Mean of the mask over the points at which one of the two sounds. */
function meanOf(
  mask: Float32Array,
  { magnitudes, isFirst }: ReturnType<typeof twoSounds>,
  first: boolean,
): number {
  const at = [...magnitudes.keys()].filter((i) => isFirst(i) === first && (magnitudes[i] as number) > 0);
  return at.reduce((sum, i) => sum + (mask[i] as number), 0) / at.length;
}

describe('asked without a rest', () => {
  it('lets the component through that is claimed, and keeps back the one that hardly is', async () => {
    const sounds = twoSounds();
    const { magnitudes, isFirst } = sounds;
    const mask = magnitudes.map((_, i) => (isFirst(i) ? 0.7 : 0.15));
    const passed = await confident(mask, magnitudes);
    expect(meanOf(passed, sounds, true)).toBeGreaterThan(0.65);
    expect(meanOf(passed, sounds, false)).toBeLessThan(0.01);
  });

  it('is stopped by timid claims everywhere, and by silence without harm', async () => {
    const { magnitudes } = twoSounds();
    const timid = await confident(
      magnitudes.map(() => 0.2),
      magnitudes,
    );
    expect(Math.max(...timid)).toBeLessThan(0.02);
    const silence = new Float32Array(FRAMES * BINS);
    expect((await confident(silence, silence)).every(Number.isFinite)).toBe(true);
  });
});

describe('against the rest', () => {
  it('a point and its component go to the likelier', async () => {
    const sounds = twoSounds();
    const { magnitudes, isFirst } = sounds;
    const own = magnitudes.map((_, i) => (isFirst(i) ? 0.6 : 0.4));
    const mask = await owned(
      own,
      own.map((value) => 1 - value),
      magnitudes,
    );
    // Surer than the answer alone.
    expect(meanOf(mask, sounds, true)).toBeGreaterThan(0.8);
    expect(meanOf(mask, sounds, false)).toBeLessThan(0.2);
  });

  it('takes the points at which the network errs along with the rest of their component', async () => {
    const sounds = twoSounds();
    const { magnitudes, isFirst } = sounds;
    // Every fifth point of the second sound is taken for one of the first.
    const own = magnitudes.map((_, i) => (isFirst(i) || i % 5 === 0 ? 0.7 : 0.2));
    const rest = own.map((value) => 0.9 - value);
    const mask = await owned(own, rest, magnitudes);
    expect(meanOf(mask, sounds, false)).toBeLessThan(0.06);
    expect(meanOf(mask, sounds, true)).toBeGreaterThan(0.9);
  });

  it('leaves half of what both claim alike, and little of what nobody claims', async () => {
    const sounds = twoSounds();
    const even = sounds.magnitudes.map(() => 0.5);
    expect(meanOf(await owned(even, even, sounds.magnitudes), sounds, true)).toBeCloseTo(0.5, 2);
    const nobody = sounds.magnitudes.map(() => 0.01);
    // A fifth of the amplitude is 13 dB less.
    expect(meanOf(await owned(nobody, nobody, sounds.magnitudes), sounds, true)).toBeLessThan(0.22);
  });

  it('stays finite in silence and at certainty', async () => {
    const silence = new Float32Array(FRAMES * BINS);
    const half = silence.map(() => 0.5);
    expect((await owned(half, half, silence)).every(Number.isFinite)).toBe(true);
    const { magnitudes } = twoSounds();
    const sure = magnitudes.map((_, i) => i % 2);
    const mask = await owned(sure, sure, magnitudes);
    expect(mask.every((value) => value >= 0 && value <= 1.0001)).toBe(true);
  });
});

describe('withoutPart', () => {
  const size = { width: 20, height: 10 };
  const frames = (count: number) => {
    const data = new Uint8Array(count * 600).fill(40);
    for (let frame = 0; frame < count; frame++)
      for (let y = 3; y < 6; y++)
        for (let x = 5; x < 10; x++)
          data.fill(200, frame * 600 + (y * 20 + x) * 3, frame * 600 + (y * 20 + x) * 3 + 3);
    return { data, count };
  };

  it('paints the part in the colour around it, in every frame, and leaves the frames it was given', () => {
    const given = frames(2);
    const rest = withoutPart(given, size, { x: 0.25, y: 0.3, width: 0.25, height: 0.3 });
    expect(rest?.count).toBe(2);
    expect([...(rest?.data ?? [])].every((value) => value === 40)).toBe(true);
    expect(given.data.includes(200)).toBe(true);
  });

  it('has no rest where the part is nearly everything', () => {
    expect(withoutPart(frames(1), size, { x: 0, y: 0, width: 1, height: 0.95 })).toBeNull();
  });
});
