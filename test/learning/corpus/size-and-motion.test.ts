import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Performance, SoundClass } from '#learning/corpus/performance';
import { planMovers } from '#learning/corpus/picture/clutter';
import { SceneRenderer } from '#learning/corpus/picture/scene';
import { planScene } from '#learning/corpus/picture/scene-plan';
import { performAll } from '#learning/corpus/sound/perform';
import { hasFluidsynth } from './sound/fluidsynth-here.ts';

const PER_CLASS = 30;
const CLASSES: SoundClass[] = [
  ...(['dog', 'bird', 'siren'] as const),
  ...(hasFluidsynth
    ? ([
        'piano',
        'guitar',
        'saxophone',
        'organ',
        'accordion',
        'timpani',
        'harmonica',
        'banjo',
        'choir',
      ] as const)
    : []),
];
/** Classes whose limbs fall at the onsets, and classes that move for as long as they sound. */
const STRUCK: readonly SoundClass[] = ['dog', 'guitar', 'timpani', 'banjo'];

let workDir: string;
const performances = new Map<SoundClass, Performance[]>();

beforeAll(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'earshot-size-'));
  const requests = CLASSES.flatMap((soundClass) =>
    Array.from({ length: PER_CLASS }, (_, index) => ({
      soundClass,
      split: 'train' as const,
      index,
      durationSec: 3,
      venue: 'studio' as const,
    })),
  );
  for await (const each of performAll(requests, { seed: 11, workDir }))
    performances.set(each.soundClass, [...(performances.get(each.soundClass) ?? []), each]);
}, 300_000);

afterAll(() => rm(workDir, { recursive: true, force: true }));

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  const product = a.reduce((sum, value, i) => sum + (value - meanA) * ((b[i] as number) - meanB), 0);
  const spread = (values: readonly number[], middle: number) =>
    Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0));
  return product / (spread(a, meanA) * spread(b, meanB));
}

/** Spearman's: correlation of the ranks. */
function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const ranks = (values: readonly number[]) => {
    const order = [...values.keys()].sort((i, j) => (values[i] as number) - (values[j] as number));
    const rank = new Array<number>(values.length).fill(0);
    order.forEach((at, place) => {
      rank[at] = place;
    });
    return rank;
  };
  return correlation(ranks(a), ranks(b));
}

/** What the body determines: the lowest pitch of a siren, which sweeps up from it; of all else the mean one. */
function pitchOf({ soundClass, events, pitchMidi }: Performance): number {
  if (soundClass === 'siren') return Math.min(...pitchMidi.filter((pitch) => pitch > 0));
  return mean(events.map((event) => event.pitchMidi as number));
}

/** The plan of a solo with everything stilled that moves without a sound. */
function stilledSolo(performance: Performance, index: number) {
  const spec = planScene({
    seed: 11,
    split: 'train',
    index,
    soundClasses: [performance.soundClass],
    performances: [performance],
    venue: 'studio',
    width: 96,
    height: 96,
    durationSec: performance.durationSec,
  });
  let { backgroundSeed } = spec;
  while (planMovers(backgroundSeed).length > 0) backgroundSeed += '+';
  return {
    ...spec,
    backgroundSeed,
    camera: { ...spec.camera, panTo: spec.camera.panFrom, zoomTo: spec.camera.zoomFrom, jitter: 0 },
    grade: { ...spec.grade, noise: 0 },
    actors: spec.actors.map((actor) => ({ ...actor, driftX: 0, driftY: 0, wobble: 0 })),
  };
}

describe.each(CLASSES)('size of a %s', (soundClass) => {
  it('is the larger the lower it sounds, and is so in the picture', () => {
    const all = performances.get(soundClass) as Performance[];
    const pitches = all.map(pitchOf);
    const bodies = all.map(({ bodySize }) => bodySize);
    for (const size of bodies) {
      expect(size).toBeGreaterThanOrEqual(0);
      expect(size).toBeLessThanOrEqual(1);
    }
    expect(rankCorrelation(pitches, bodies)).toBeLessThan(-0.85);
    const drawn = all.map((performance, i) => stilledSolo(performance, i).actors[0]?.size as number);
    expect(rankCorrelation(pitches, drawn)).toBeLessThan(-0.75);
    expect(rankCorrelation(bodies, drawn)).toBeGreaterThan(0.85);
    // Some spread is left: size does not give the pitch away exactly.
    expect(rankCorrelation(bodies, drawn)).toBeLessThan(0.9999);
  });
});

describe.each(CLASSES)('motion of a %s', (soundClass) => {
  it('goes with its sound', () => {
    const near: number[] = [];
    const far: number[] = [];
    const together: number[] = [];
    for (const [index, performance] of (performances.get(soundClass) as Performance[])
      .slice(0, 4)
      .entries()) {
      const renderer = new SceneRenderer(stilledSolo(performance, index), [performance]);
      const motion: number[] = [];
      const loudness: number[] = [];
      let before: Uint8Array | null = null;
      for (const { pixels, timeSec } of renderer.frames()) {
        if (before) {
          const moved = pixels.reduce((sum, value, i) => sum + Math.abs(value - before![i]!), 0);
          motion.push(moved);
          loudness.push(performance.loudness[Math.floor((timeSec - 0.02) * 100)] as number);
          // The frames before and after an onset differ most.
          const distance = Math.min(
            ...performance.events.map(({ startSec }) => Math.abs(startSec + 0.02 - timeSec)),
          );
          (distance < 0.07 ? near : far).push(moved);
        }
        before = pixels.slice();
      }
      together.push(correlation(motion, loudness));
    }
    if (STRUCK.includes(soundClass)) expect(mean(near)).toBeGreaterThan(1.8 * mean(far));
    expect(mean(together)).toBeGreaterThan(0.1);
  });
});
