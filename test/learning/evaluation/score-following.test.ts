import { describe, expect, it } from 'vitest';
import { sideBySide } from '#learning/evaluation/faces-suite';
import { type FollowingClip, followsSound, scoreFollowing } from '#learning/evaluation/score-following';

const side = 4;
const at = (...cells: number[]) =>
  Float32Array.from({ length: side * side }, (_, cell) => (cells.includes(cell) ? 1 : 0));

describe('whether a map follows the sound', () => {
  const [left, right] = [at(0, 4, 5), at(3, 7, 5)];

  it('is told by what it holds on average over what belongs to one place alone', () => {
    const map = new Float32Array(side * side);
    map[5] = 1; // Of both places.
    map[3] = 0.4;
    map[0] = 0.3;
    expect(followsSound(map, side, left, right).mass).toBe(0);
    map[4] = 0.2;
    // 0.5 against 0.4.
    expect(followsSound(map, side, left, right).mass).toBe(1);
    expect(followsSound(map, side, right, left).mass).toBe(0);
  });

  it('and by the place nearest to its peak', () => {
    expect(followsSound(at(12), side, left, right).peak).toBe(1);
    expect(followsSound(at(12), side, right, left).peak).toBe(0);
    expect(followsSound(at(5), side, right, left).peak).toBe(0.5);
  });

  it('is even where the map says nothing', () => {
    const even = { mass: 0.5, peak: 0.5 };
    expect(followsSound(new Float32Array(16).fill(0.7), side, left, right)).toEqual(even);
  });
});

describe('the share of sounds that are followed', () => {
  const [hit, miss, even] = [1, 0, 0.5].map((mass) => ({ mass, peak: mass === 0.5 ? 0.5 : 1 - mass }));
  const clip = (group: string, ...model: (typeof hit)[]): FollowingClip => ({
    group,
    cases: model.map(
      (each) => ({ model: each, withoutSynchrony: even, movement: even, centre: even }) as never,
    ),
  });
  const results = scoreFollowing([
    clip('unlike', hit, hit),
    clip('unlike', hit, miss),
    clip('like', miss, even),
  ]);

  it('is over all, and over the groups apart', () => {
    expect(results.follows?.value).toBeCloseTo(3.5 / 6, 12);
    expect(results['follows.unlike']?.value).toBe(3 / 4);
    expect(results['follows.like']?.value).toBe(1 / 4);
    expect(results['follows.peak.unlike']?.value).toBe(1 / 4);
    expect(results['movement.follows']).toMatchObject({ value: 0.5, chance: 0.5, ci95: [0.5, 0.5] });
  });

  it('and of clips whose every sound is', () => {
    expect(results.bothFollow?.value).toBeCloseTo(1 / 3, 12);
    expect(results.bothFollow?.chance).toBe(1 / 4);
  });
});

describe('two pictures side by side', () => {
  it('are the middle halves of both', () => {
    const row = (from: number) => Uint8Array.from({ length: 12 }, (_, i) => from + Math.floor(i / 3));
    const block = sideBySide(
      { data: row(0), count: 1 },
      { data: row(10), count: 1 },
      { width: 4, height: 1 },
    );
    expect(block.count).toBe(1);
    expect([...block.data].filter((_, i) => i % 3 === 0)).toEqual([1, 2, 11, 12]);
  });
});
