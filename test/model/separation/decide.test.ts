/** Decisions between what is asked for and the rest, and about what does not sound. */
import { describe, expect, it } from 'vitest';
import { contrasted, DECIDING_COMPONENTS, whereConfident, whereOwned } from '#model/separation/decide';
import { factorize } from '#model/separation/nmf';
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

const componentsOf = (magnitudes: Float32Array) => factorize(magnitudes, FRAMES, BINS, DECIDING_COMPONENTS);

/** Mean of the mask over the points at which one of the two sounds. */
function meanOf(
  mask: Float32Array,
  { magnitudes, isFirst }: ReturnType<typeof twoSounds>,
  first: boolean,
): number {
  const at = [...magnitudes.keys()].filter((i) => isFirst(i) === first && (magnitudes[i] as number) > 0);
  return at.reduce((sum, i) => sum + (mask[i] as number), 0) / at.length;
}

describe('contrasted', () => {
  it('gives a point to the likelier, evenly where both are as likely', () => {
    const [even, own, rest] = contrasted(
      Float32Array.from([0.6, 0.6, 0.4]),
      Float32Array.from([0.6, 0.3, 0.7]),
    ) as unknown as [number, number, number];
    expect(even).toBeCloseTo(0.5, 6);
    expect(own).toBeGreaterThan(0.75);
    expect(rest).toBeLessThan(0.25);
  });

  it('is surer than the answer alone, but gives nothing to who claims nothing', () => {
    const [timid, unclaimed] = contrasted(Float32Array.from([0.6, 0.05]), Float32Array.from([0.4, 0.001]));
    expect(timid).toBeGreaterThan(0.6);
    expect(unclaimed).toBeLessThan(0.15);
  });

  it('stays finite at certainty', () => {
    const values = contrasted(Float32Array.from([0, 1, 0, 1]), Float32Array.from([0, 1, 1, 0]));
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});

describe('whereConfident', () => {
  it('lets the component through that is claimed, and keeps back the one that hardly is', () => {
    const sounds = twoSounds();
    const { magnitudes, isFirst } = sounds;
    const mask = magnitudes.map((_, i) => (isFirst(i) ? 0.7 : 0.15));
    const passed = whereConfident(mask, magnitudes, componentsOf(magnitudes));
    expect(meanOf(passed, sounds, true)).toBeGreaterThan(0.65);
    expect(meanOf(passed, sounds, false)).toBeLessThan(0.01);
  });

  it('is stopped by timid claims everywhere, and by silence without harm', () => {
    const { magnitudes } = twoSounds();
    const timid = whereConfident(
      magnitudes.map(() => 0.2),
      magnitudes,
      componentsOf(magnitudes),
    );
    expect(Math.max(...timid)).toBeLessThan(0.02);
    const silence = new Float32Array(FRAMES * BINS);
    expect(whereConfident(silence, silence, componentsOf(silence)).every(Number.isFinite)).toBe(true);
  });
});

describe('whereOwned', () => {
  it('takes the points at which the network errs along with the rest of their component', () => {
    const sounds = twoSounds();
    const { magnitudes, isFirst } = sounds;
    // Every fifth point of the second sound is taken for one of the first.
    const own = magnitudes.map((_, i) => (isFirst(i) || i % 5 === 0 ? 0.7 : 0.2));
    const rest = own.map((value) => 0.9 - value);
    const points = contrasted(own, rest);
    const owned = whereOwned(own, rest, magnitudes, componentsOf(magnitudes));
    expect(meanOf(points, sounds, false)).toBeGreaterThan(0.2);
    expect(meanOf(owned, sounds, false)).toBeLessThan(0.06);
    expect(meanOf(owned, sounds, true)).toBeGreaterThan(0.9);
  });

  it('leaves half of what both claim alike', () => {
    const sounds = twoSounds();
    const even = sounds.magnitudes.map(() => 0.5);
    const owned = whereOwned(even, even, sounds.magnitudes, componentsOf(sounds.magnitudes));
    expect(meanOf(owned, sounds, true)).toBeCloseTo(0.5, 2);
  });

  it('stays finite in silence', () => {
    const silence = new Float32Array(FRAMES * BINS);
    const half = silence.map(() => 0.5);
    expect(whereOwned(half, half, silence, componentsOf(silence)).every(Number.isFinite)).toBe(true);
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
