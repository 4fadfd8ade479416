/** Mixtures of clips and of scenes: who is asked for, and that the answers are those of what is asked for. */
import { describe, expect, it } from 'vitest';
import { ClipMixtures } from '#learning/separation/mixture-source';
import { CLIP_SAMPLES, type ClipCache, guideLayout } from '#learning/separation/separation-cache';
import type { SeparationNetworkOptions } from '#model/separation/network/separation-network';
import { CELL_INPUTS } from '#model/synchronization/head-input';
import { MOTION_WIDTHS, MotionStream, NEIGHBOURS } from '#model/synchronization/stream';

const NETWORK: SeparationNetworkOptions = {
  ...{ levelChannels: [4, 4], featureMaps: 2, hiddenWidth: 4, mask: 'binary' },
  ...{ positionWidth: 3, embeddingWidth: 2, stepWidth: 2, cellWidth: MOTION_WIDTHS[2] },
};
const STEPS = 10;
const LAYOUT = guideLayout(NETWORK, STEPS);
const POINTS = 512;

function stream(): MotionStream {
  const inputs = [CELL_INPUTS, NEIGHBOURS * MOTION_WIDTHS[0], MOTION_WIDTHS[1]];
  return new MotionStream(
    MOTION_WIDTHS.flatMap((outputs, i) => {
      const size = inputs[i] as number;
      return [
        {
          name: `motion/${i + 1}/kernel`,
          shape: [size, outputs],
          data: new Float32Array(size * outputs).fill(0.1),
        },
        { name: `motion/${i + 1}/bias`, shape: [outputs], data: new Float32Array(outputs) },
      ];
    }),
  );
}

/** Clips whose sources are tones, `frequencies` by clip and source; views are marked with their own number. */
function cacheOf(
  labels: readonly string[],
  frequencies: readonly number[][],
  views: number,
  hasEmpty = false,
): ClipCache {
  const sources = frequencies[0]?.length ?? 0;
  const samples = new Int16Array(labels.length * sources * CLIP_SAMPLES);
  frequencies.flat().forEach((hertz, i) => {
    for (let t = 0; t < CLIP_SAMPLES; t++)
      samples[i * CLIP_SAMPLES + t] = Math.round(8000 * Math.sin((2 * Math.PI * hertz * t) / 11_025));
  });
  const guides = new Float32Array(labels.length * views * LAYOUT.floats);
  for (let view = 0; view < labels.length * views; view++) guides[view * LAYOUT.floats] = view + 1;
  return {
    clips: labels.map((label, i) => ({ id: `${label}-${i}`, label, samples: CLIP_SAMPLES, hasEmpty })),
    ...{ sources, views, samples, guides, guideSteps: STEPS, guideRateHz: 12.5 },
  };
}

const SOLOS = cacheOf(['low', 'middle', 'high'], [[200], [800], [2500]], 2);
const SCENES = cacheOf(['duet'], [[200, 2500]], 4);
const MIXING = { frames: 16, gainDb: 6, withoutEmbedding: 0, withoutMotion: 0 };
const WIDTH = NETWORK.positionWidth + NETWORK.embeddingWidth + 1;

/** The gain that the features of a position are brought up by is the same for all: the first view's says it. */
function viewOf(appearance: Float32Array, ask: number, unit: number): number {
  return Math.round((appearance[ask * WIDTH] as number) / unit) - 1;
}

describe('scenes', () => {
  const source = new ClipMixtures({ solos: SOLOS, listed: [], scenes: [SCENES] }, NETWORK, stream(), MIXING);
  const batch = source.batch('scenes', 3, 'a');
  const points = batch.steps * POINTS;
  const loud = [...batch.weights.keys()].filter((i) => (batch.weights[i] as number) > 1);

  it('ask for each source by its region and for the others by the picture without it', () => {
    expect(source.kinds).toContain('scenes');
    expect(source.kinds).not.toContain('listed');
    expect(batch.queries).toBe(4);
    const unit = Math.min(...Array.from({ length: 12 }, (_, ask) => batch.appearance[ask * WIDTH] as number));
    for (let mixture = 0; mixture < 3; mixture++) {
      const views = [0, 1, 2, 3].map((q) => viewOf(batch.appearance, q * 3 + mixture, unit));
      expect([...views].sort()).toEqual([0, 1, 2, 3]);
      // The regions (0 and 2) first, then the pictures without them.
      expect(views.slice(0, 2).every((view) => view % 2 === 0)).toBe(true);
    }
  });

  it('answer for the rest what the region does not get', () => {
    expect(loud.length).toBeGreaterThan(20);
    const target = (q: number, i: number) => batch.targets[q * 3 * points + i] as number;
    for (const i of loud) {
      // Each point is the region's or its rest's, and the first region's is the second one's rest.
      expect(target(0, i) + target(2, i)).toBe(1);
      expect(target(1, i) + target(3, i)).toBe(1);
      expect(target(0, i)).toBe(target(3, i));
    }
    const owned = loud.filter((i) => target(0, i) === 1).length;
    expect(owned).toBeGreaterThan(0);
    expect(owned).toBeLessThan(loud.length);
  });
});

describe('places with nothing in them', () => {
  /** Of so many mixtures: which views are asked for, one question behind the other, and what share of each is the target. */
  function asked(scenes: ClipCache, mixtures: number) {
    const source = new ClipMixtures(
      { solos: SOLOS, listed: [], scenes: [scenes] },
      NETWORK,
      stream(),
      MIXING,
    );
    const { appearance, targets, steps } = source.batch('scenes', mixtures, 'c');
    const asks = 4 * mixtures;
    const unit = Math.min(...Array.from({ length: asks }, (_, ask) => appearance[ask * WIDTH] as number));
    const points = steps * POINTS;
    return Array.from({ length: mixtures }, (_, mixture) =>
      [0, 1, 2, 3].map((q) => {
        const ask = q * mixtures + mixture;
        const sum = targets.subarray(ask * points, (ask + 1) * points).reduce((all, value) => all + value, 0);
        return { view: viewOf(appearance, ask, unit), share: sum / points };
      }),
    );
  }

  it('are asked for now and then, with nothing as the answer, and all of it for the picture without them', () => {
    const mixtures = asked(cacheOf(['duet'], [[200, 2500]], 6, true), 60);
    const withEmpty = mixtures.filter((queries) => queries.some(({ view }) => view === 4));
    expect(withEmpty.length).toBeGreaterThan(6);
    expect(withEmpty.length).toBeLessThan(36);
    for (const queries of withEmpty) {
      expect(queries.map(({ view }) => view).sort()).toEqual([0, 2, 4, 5]);
      expect(queries.find(({ view }) => view === 4)?.share).toBe(0);
      expect(queries.find(({ view }) => view === 5)?.share).toBe(1);
    }
  });

  it('are not asked for in a scene that has none', () => {
    const mixtures = asked(cacheOf(['duet'], [[200, 2500]], 6, false), 60);
    expect(mixtures.flat().every(({ view }) => view < 4)).toBe(true);
  });
});

describe('lists', () => {
  const listed = cacheOf(['voice', 'voice', 'lonely'], [[300], [1200], [900]], 2);
  const source = new ClipMixtures({ solos: SOLOS, listed: [listed], scenes: [] }, NETWORK, stream(), MIXING);

  it('are mixed in pairs of one label, and asked for what does not sound by clips of the corpus', () => {
    expect(source.kinds).toContain('listed');
    const batch = source.batch('listed', 2, 'b');
    const points = batch.steps * POINTS;
    const shareOf = (q: number, mixture: number) => {
      const from = (q * 2 + mixture) * points;
      return batch.targets.subarray(from, from + points).reduce((sum, value) => sum + value, 0);
    };
    for (let mixture = 0; mixture < 2; mixture++) {
      expect(shareOf(0, mixture)).toBeGreaterThan(0);
      expect(shareOf(1, mixture)).toBeGreaterThan(0);
      expect(shareOf(3, mixture)).toBe(0);
    }
  });

  it('of labels that have one clip are not mixed', () => {
    const lonely = cacheOf(['one', 'two'], [[300], [1200]], 2);
    const none = new ClipMixtures({ solos: SOLOS, listed: [lonely], scenes: [] }, NETWORK, stream(), MIXING);
    expect(none.kinds).not.toContain('listed');
  });
});

describe('every kind', () => {
  const source = new ClipMixtures({ solos: SOLOS, listed: [], scenes: [SCENES] }, NETWORK, stream(), MIXING);

  it.each(['solos', 'unlike', 'like', 'trios', 'scenes'] as const)(
    '%s are the same for the same seed',
    (kind) => {
      const [a, b, c] = [source.batch(kind, 2, 's'), source.batch(kind, 2, 's'), source.batch(kind, 2, 't')];
      expect(a).toEqual(b);
      expect(a.input).not.toEqual(c.input);
      for (const values of [a.input, a.targets, a.weights, a.appearance, a.motion, a.cells])
        expect(values.every(Number.isFinite)).toBe(true);
    },
  );
});
