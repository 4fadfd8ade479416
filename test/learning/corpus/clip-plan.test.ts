import { describe, expect, it } from 'vitest';
import { chooseSources, planClips, sharedOnsets } from '#learning/corpus/clip-plan';
import { type Performance, SPLITS } from '#learning/corpus/performance';
import { UNSEEN_CLASSES } from '#learning/corpus/sound/unseen-classes';
import { UNSEEN_VENUES } from '#learning/corpus/venue';
import { phrase } from './picture/phrase.ts';

const OPTIONS = { seed: 2, durationSec: 5 };

/** `phrase` with its events moved. */
function shifted(bySec: number): Performance {
  const performance = phrase('dog');
  const events = performance.events.map((event) => ({ ...event, startSec: event.startSec + bySec }));
  return { ...performance, events };
}

describe('planClips', () => {
  it.each(SPLITS)('%s begins with what a shorter one has, and performs nothing twice', (split) => {
    const plans = planClips(split, 40, OPTIONS);
    expect(plans.slice(0, 15)).toEqual(planClips(split, 15, OPTIONS));
    const requests = plans.flatMap((plan) =>
      plan.requests.map(({ soundClass, index }) => `${soundClass}/${index}`),
    );
    expect(new Set(requests).size).toBe(requests.length);
  });

  it('casts each kind of clip as its name says', () => {
    for (const { actors, sounding } of planClips('test-duets-like', 20, OPTIONS)) {
      expect(sounding).toBe(2);
      expect(actors[0]?.soundClass).toBe(actors[1]?.soundClass);
      expect(actors.map(({ source }) => source).sort()).toEqual([0, 1]);
    }
    for (const { actors } of planClips('test-duets-unlike', 20, OPTIONS))
      expect(actors[0]?.soundClass).not.toBe(actors[1]?.soundClass);
    for (const { actors } of planClips('test-trios', 20, OPTIONS))
      expect(new Set(actors.map(({ soundClass }) => soundClass)).size).toBe(3);
    const distractors = planClips('test-distractors', 60, OPTIONS);
    for (const { actors, sounding } of distractors) {
      expect(sounding).toBe(1);
      expect(actors.filter(({ source }) => source === null)).toHaveLength(1);
    }
    const alike = distractors.filter(({ actors }) => actors[0]?.soundClass === actors[1]?.soundClass);
    expect(alike.length).toBeGreaterThan(3);
    expect(alike.length).toBeLessThan(30);
    for (const { actors, requests, sounding } of planClips('test-offscreen', 20, OPTIONS)) {
      const seen = actors.flatMap(({ source }) => (source === null ? [] : [source]));
      expect(seen.length).toBe(sounding - 1);
      expect(requests.at(-1)?.soundClass).not.toBe(actors[0]?.soundClass);
    }
  });

  it('keeps at least 8 classes and some places for unseen objects', () => {
    expect(UNSEEN_CLASSES.length).toBeGreaterThanOrEqual(8);
    const unseen = planClips('unseen', 44, OPTIONS);
    expect(new Set(unseen.map(({ actors }) => actors[0]?.soundClass))).toEqual(new Set(UNSEEN_CLASSES));
    for (const { venue } of unseen) expect(UNSEEN_VENUES).toContain(venue);
    for (const split of SPLITS.filter((each) => each !== 'unseen'))
      for (const { venue } of planClips(split, 44, OPTIONS)) expect(UNSEEN_VENUES).not.toContain(venue);
  });

  it('refuses classes of which nothing is kept unseen', () => {
    expect(() => planClips('unseen', 2, { ...OPTIONS, classes: ['dog'] })).toThrowError(/unseen/);
  });
});

describe('duets of like kinds', () => {
  it('take of two candidates the one whose onsets differ more', () => {
    const [plan] = planClips('test-duets-like', 1, OPTIONS);
    const [first, same, apart] = [shifted(0), shifted(0.02), shifted(0.25)];
    expect(sharedOnsets(first, same)).toBe(1);
    expect(sharedOnsets(first, apart)).toBe(0);
    if (!plan) throw new Error('no plan');
    expect(chooseSources(plan, [first, same, apart])).toEqual([first, apart]);
    expect(chooseSources(plan, [first, apart, same])).toEqual([first, apart]);
  });
});
