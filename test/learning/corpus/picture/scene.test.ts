import { describe, expect, it } from 'vitest';
import { DRAWN_CLASSES } from '#learning/corpus/performance';
import { planMovers } from '#learning/corpus/picture/clutter';
import { SceneRenderer } from '#learning/corpus/picture/scene';
import type { SceneSpec } from '#learning/corpus/picture/scene-plan';
import { planScene } from '#learning/corpus/picture/scene-plan';
import { FIRST_ONSET_SEC, phrase } from './phrase.ts';

const SMALL = { width: 96, height: 96 };

/** The plan with everything stilled that moves or flickers without a sound. */
function stilled(spec: SceneSpec): SceneSpec {
  let backgroundSeed = spec.backgroundSeed;
  while (planMovers(backgroundSeed).length > 0) backgroundSeed += '+';
  return {
    ...spec,
    venue: 'studio',
    backgroundSeed,
    camera: { ...spec.camera, panTo: spec.camera.panFrom, zoomTo: spec.camera.zoomFrom, jitter: 0 },
    grade: { ...spec.grade, noise: 0 },
    actors: spec.actors.map((actor) => ({ ...actor, driftX: 0, driftY: 0, wobble: 0 })),
  };
}

function difference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

/** Intersection over union. */
function overlap(a: Uint8Array, b: Uint8Array): number {
  let both = 0;
  let either = 0;
  for (let i = 0; i < a.length; i++) {
    both += Math.min(a[i]!, b[i]!);
    either += Math.max(a[i]!, b[i]!);
  }
  return both / either;
}

describe('planning', () => {
  it('gives the same plan for the same request and another one for another split or index', () => {
    const request = { seed: 5, split: 'train', index: 3, soundClasses: ['harp'] } as const;
    expect(planScene(request)).toEqual(planScene(request));
    const seeds = [request, { ...request, split: 'test' as const }, { ...request, index: 4 }].map((r) =>
      planScene(r),
    );
    expect(new Set(seeds.map((plan) => plan.backgroundSeed)).size).toBe(3);
    expect(new Set(seeds.map((plan) => plan.actors[0]!.variantSeed)).size).toBe(3);
  });
});

describe('rendering', () => {
  it('gives identical bytes for the same plan, in whatever order the frames are asked for', () => {
    const spec = planScene({ seed: 1, split: 'validation', index: 0, soundClasses: ['drum'], ...SMALL });
    const first = new SceneRenderer(spec, [phrase('drum')]);
    const second = new SceneRenderer(structuredClone(spec), [phrase('drum')]);
    const forward = [50, 51, 52].map((i) => first.renderFrame(i).pixels);
    const backward = [52, 51, 50].map((i) => second.renderFrame(i).pixels).reverse();
    expect(forward.map((pixels) => Buffer.compare(pixels, backward[forward.indexOf(pixels)]!))).toEqual([
      0, 0, 0,
    ]);
  });

  it('yields every frame of the clip, opaque and of the planned size', () => {
    const spec = planScene({
      seed: 1,
      split: 'train',
      index: 0,
      soundClasses: ['bird'],
      ...SMALL,
      durationSec: 1,
    });
    const frames = [...new SceneRenderer(spec, [phrase('bird')]).frames()];
    expect(frames).toHaveLength(25);
    for (const { pixels } of frames) {
      expect(pixels).toHaveLength(96 * 96 * 4);
      for (let i = 3; i < pixels.length; i += 4)
        if (pixels[i] !== 255) throw new Error(`transparent at ${i}`);
    }
  });

  it('refuses a number of performances that is not the number of actors', () => {
    const spec = planScene({ seed: 1, split: 'train', index: 0, soundClasses: ['bird', 'dog'], ...SMALL });
    expect(() => new SceneRenderer(spec, [null])).toThrowError(/2 actors but 1/);
  });

  it('draws every kind of object differently from the same lots', () => {
    const spec = stilled(planScene({ seed: 2, split: 'train', index: 1, soundClasses: ['piano'], ...SMALL }));
    const masks = DRAWN_CLASSES.map((soundClass) => {
      const actors = [{ ...spec.actors[0]!, soundClass, variantSeed: 'same' }];
      return new SceneRenderer({ ...spec, actors }, [null]).renderFrame(0, { maskSide: 48 }).actors[0]!.mask!;
    });
    masks.forEach((mask, i) => {
      masks.forEach((other, j) => {
        if (i < j)
          expect(overlap(mask, other), `${DRAWN_CLASSES[i]} and ${DRAWN_CLASSES[j]}`).toBeLessThan(0.9);
      });
    });
  });
});

describe('ground truth', () => {
  it.each(DRAWN_CLASSES)('boxes of %s lie inside the frame and enclose exactly the mask', (soundClass) => {
    for (let index = 0; index < 3; index++) {
      const spec = planScene({ seed: 3, split: 'test', index, soundClasses: [soundClass], ...SMALL });
      const { box, mask } = new SceneRenderer(spec, [phrase(soundClass)]).renderFrame(55, { maskSide: 96 })
        .actors[0]!;
      expect(box).not.toBeNull();
      const { x, y, width, height } = box!;
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
      expect(Math.max(x + width, y + height)).toBeLessThanOrEqual(1 + 1e-9);
      const cells = [...mask!.keys()].filter((cell) => mask![cell]! > 0);
      const columns = cells.map((cell) => cell % 96);
      const rows = cells.map((cell) => Math.floor(cell / 96));
      expect(x * 96).toBeCloseTo(Math.min(...columns));
      expect((x + width) * 96).toBeCloseTo(Math.max(...columns) + 1);
      expect(y * 96).toBeCloseTo(Math.min(...rows));
      expect((y + height) * 96).toBeCloseTo(Math.max(...rows) + 1);
    }
  });

  it('gives each actor of a duet its own box', () => {
    const spec = planScene({ seed: 3, split: 'test', index: 0, soundClasses: ['cello', 'flute'], ...SMALL });
    const { actors } = new SceneRenderer(spec, [phrase('cello'), null]).renderFrame(60);
    expect(actors).toHaveLength(2);
    const centre = (i: number) => actors[i]!.box!.x + actors[i]!.box!.width / 2;
    expect(centre(0)).toBeLessThan(centre(1));
  });
});

describe('motion', () => {
  it.each(DRAWN_CLASSES)('%s moves around its onsets and stands still in silence', (soundClass) => {
    const spec = stilled(
      planScene({ seed: 4, split: 'train', index: 0, soundClasses: [soundClass], ...SMALL }),
    );
    const scene = new SceneRenderer(spec, [phrase(soundClass)]);
    const motionAt = (timeSec: number) => {
      const index = Math.round(timeSec * spec.frameRateHz);
      return difference(scene.renderFrame(index).pixels, scene.renderFrame(index + 1).pixels);
    };
    const mean = (times: number[]) => times.map(motionAt).reduce((a, b) => a + b) / times.length;
    const silent = mean([0.1, 0.3, 0.5, 0.7]);
    const onset = FIRST_ONSET_SEC;
    const sounding = mean([onset - 0.04, onset, onset + 0.04, onset + 0.46, onset + 0.5, onset + 0.54]);
    expect(sounding).toBeGreaterThan(silent * 4 + 0.05);
  });

  it('leaves an actor without a performance still', () => {
    const spec = stilled(
      planScene({ seed: 4, split: 'train', index: 1, soundClasses: ['dog', 'hammer'], ...SMALL }),
    );
    const scene = new SceneRenderer(spec, [null, null]);
    expect(difference(scene.renderFrame(10).pixels, scene.renderFrame(100).pixels)).toBe(0);
  });
});

describe('colour', () => {
  it('says next to nothing about the kind: nearest class mean is near chance', () => {
    const meanColour = (soundClass: (typeof DRAWN_CLASSES)[number], index: number) => {
      const spec = planScene({
        seed: 6,
        split: 'train',
        index,
        soundClasses: [soundClass],
        width: 48,
        height: 48,
      });
      const { pixels } = new SceneRenderer(spec, [null]).renderFrame(0);
      const sums = [0, 0, 0];
      for (let i = 0; i < pixels.length; i++) if (i % 4 < 3) sums[i % 4]! += pixels[i]!;
      return sums.map((sum) => sum / (48 * 48));
    };
    const known = DRAWN_CLASSES.map((soundClass) => {
      const clips = Array.from({ length: 12 }, (_, i) => meanColour(soundClass, i));
      return [0, 1, 2].map((channel) => clips.reduce((sum, clip) => sum + clip[channel]!, 0) / clips.length);
    });
    let right = 0;
    let asked = 0;
    DRAWN_CLASSES.forEach((soundClass, truth) => {
      for (let index = 12; index < 20; index++) {
        const colour = meanColour(soundClass, index);
        const distances = known.map((mean) =>
          Math.hypot(...mean.map((value, channel) => value - colour[channel]!)),
        );
        if (distances.indexOf(Math.min(...distances)) === truth) right++;
        asked++;
      }
    });
    const chance = 1 / DRAWN_CLASSES.length;
    const spread = Math.sqrt((chance * (1 - chance)) / asked);
    expect(right / asked).toBeLessThan(chance + 3 * spread);
  });
});
