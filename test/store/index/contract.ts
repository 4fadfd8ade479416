/**
 * What every vector index guarantees, as one suite that each adapter's test file runs. Where an answer is not obvious
 * by hand, the exact index says what it must be.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ErrorCode } from '#core/errors';
import { SeededRandom } from '#core/random';
import { ExactIndex } from '#store/index/exact-index';
import type {
  IndexPoint,
  PointFilter,
  SearchHit,
  SearchRequest,
  VectorIndex,
} from '#store/index/vector-index';
import {
  atScore,
  axis,
  clipId,
  DIMENSION,
  MODEL,
  point,
  pointId,
  randomPoints,
  request,
  unitVector,
} from './points.ts';

export interface IndexUnderTest {
  index: VectorIndex;
  /** Removes everything that the test left behind. */
  dispose(): Promise<void>;
}

const LIVE = 'mini-1';

function ids(hits: readonly SearchHit[]): string[] {
  return hits.map((hit) => hit.id);
}

function failsWith(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  return expect(promise).rejects.toMatchObject({ name: 'EarshotError', code });
}

/** The same hits in the same order; engines sum in float32, so a score may fall on the next point of the grid. */
function expectSameHits(actual: readonly SearchHit[], expected: readonly SearchHit[]): void {
  expect(actual.map(({ id, payload }) => ({ id, payload }))).toEqual(
    expected.map(({ id, payload }) => ({ id, payload })),
  );
  for (const [n, hit] of actual.entries()) expect(hit.score).toBeCloseTo(expected[n]?.score ?? Number.NaN, 5);
}

/** Runs the suite against fresh, empty indexes. */
export function describeVectorIndex(adapter: string, create: () => Promise<IndexUnderTest>): void {
  describe(`${adapter} as a VectorIndex`, () => {
    let under: IndexUnderTest;
    let index: VectorIndex;

    beforeEach(async () => {
      under = await create();
      index = under.index;
      await index.ensureCollection(LIVE, MODEL);
    });

    afterEach(async () => {
      await under.dispose();
    });

    describeCollections(() => index);
    describeWriting(() => index);
    describeSearching(() => index);
    describeFilters(() => index);
    describeRanking(() => index);
    describeRefusals(() => index);
  });
}

function describeCollections(index: () => VectorIndex): void {
  describe('collections and aliases', () => {
    it('creates a collection once and keeps its points when asked again', async () => {
      await index().upsert(LIVE, [point(1)]);
      await index().ensureCollection(LIVE, MODEL);
      expect(await index().describeCollection(LIVE)).toEqual({ name: LIVE, model: MODEL, pointCount: 1 });
    });

    it('refuses a collection of another model under the same name', async () => {
      await failsWith(index().ensureCollection(LIVE, { ...MODEL, version: '2' }), 'model_mismatch');
      await failsWith(index().ensureCollection(LIVE, { ...MODEL, id: 'maxi' }), 'model_mismatch');
      await failsWith(
        index().ensureCollection(LIVE, { ...MODEL, dimension: DIMENSION * 2 }),
        'model_mismatch',
      );
    });

    it('lists collections by name with their models and numbers of points', async () => {
      const other = { id: 'maxi', version: '3.1', dimension: 4 };
      await index().ensureCollection('another', other);
      await index().upsert(LIVE, [point(1), point(2, { vectors: { audio: axis(2) } })]);
      expect(await index().listCollections()).toEqual([
        { name: 'another', model: other, pointCount: 0 },
        { name: LIVE, model: MODEL, pointCount: 2 },
      ]);
    });

    it('drops a collection, its points and its aliases', async () => {
      await index().upsert(LIVE, [point(1)]);
      await index().setAlias('live', LIVE);
      await index().dropCollection(LIVE);
      expect(await index().listCollections()).toEqual([]);
      expect(await index().resolveAlias('live')).toBeNull();
      await index().ensureCollection(LIVE, MODEL);
      expect(await index().count(LIVE)).toBe(0);
    });

    it('swaps an alias from one collection to another', async () => {
      await index().ensureCollection('mini-2', MODEL);
      await index().upsert(LIVE, [point(1)]);
      await index().upsert('mini-2', [point(2)]);
      expect(await index().resolveAlias('live')).toBeNull();
      await index().setAlias('live', LIVE);
      expect(await index().resolveAlias('live')).toBe(LIVE);
      expect(ids(await index().search('live', request()))).toEqual([pointId(1)]);
      await index().setAlias('live', 'mini-2');
      expect(await index().resolveAlias('live')).toBe('mini-2');
      expect(ids(await index().search('live', request()))).toEqual([pointId(2)]);
    });

    it('never lets a search through an alias miss the collection while it is swapped', async () => {
      await index().ensureCollection('mini-2', MODEL);
      await index().upsert(LIVE, [point(1)]);
      await index().upsert('mini-2', [point(1)]);
      await index().setAlias('live', LIVE);
      const swaps = (async () => {
        for (const target of ['mini-2', LIVE, 'mini-2', LIVE]) await index().setAlias('live', target);
      })();
      const searches = Array.from({ length: 12 }, () => index().search('live', request()));
      for (const hits of await Promise.all(searches)) expect(ids(hits)).toEqual([pointId(1)]);
      await swaps;
    });

    it('does everything through an alias that it does through the name', async () => {
      await index().setAlias('live', LIVE);
      await index().upsert('live', [point(1), point(2), point(3)]);
      await index().updateClipPayload('live', clipId(1), { collection: 'moved', tags: [] });
      await index().deletePoints('live', [pointId(2)]);
      await index().deleteClips('live', [clipId(3)]);
      await index().optimize('live');
      expect(await index().count('live', { filter: { collections: ['moved'] } })).toBe(1);
      expect(await index().listPointIds('live', { limit: 10 })).toEqual([pointId(1)]);
      expect(await index().describeCollection('live')).toMatchObject({ name: LIVE, pointCount: 1 });
    });

    it('refuses an alias that is the name of a collection', async () => {
      await index().ensureCollection('mini-2', MODEL);
      await failsWith(index().setAlias('mini-2', LIVE), 'conflict');
    });
  });
}

function describeWriting(index: () => VectorIndex): void {
  describe('writing', () => {
    it('changes nothing when the same points are written again', async () => {
      const points = randomPoints(40, 1);
      await index().upsert(LIVE, points);
      const before = await index().search(LIVE, request({ topK: 40 }));
      await index().upsert(LIVE, points);
      expect(await index().search(LIVE, request({ topK: 40 }))).toEqual(before);
      expect(await index().count(LIVE)).toBe(40);
    });

    it('replaces the vectors and the payload of a point', async () => {
      await index().upsert(LIVE, [point(1, { payload: { tags: ['old'] } })]);
      await index().upsert(LIVE, [
        point(1, {
          vectors: { audio: axis(3), video: axis(4) },
          payload: { tags: ['new'], startSec: 2.5, endSec: 7.5 },
        }),
      ]);
      const [hit] = await index().search(LIVE, request({ vector: axis(3) }));
      expect(hit).toMatchObject({
        id: pointId(1),
        score: 1,
        payload: { tags: ['new'], startSec: 2.5, endSec: 7.5 },
      });
      expect(await index().count(LIVE, { filter: { anyTag: ['old'] } })).toBe(0);
    });

    it('forgets a vector that the replacement lacks', async () => {
      await index().upsert(LIVE, [point(1)]);
      await index().upsert(LIVE, [point(1, { vectors: { audio: axis(0) } })]);
      expect(await index().search(LIVE, request({ modality: 'video', vector: axis(1) }))).toEqual([]);
      expect(await index().count(LIVE, { modality: 'video' })).toBe(0);
      expect(await index().count(LIVE, { modality: 'audio' })).toBe(1);
    });

    it('keeps the last of several points with one id', async () => {
      await index().upsert(LIVE, [point(1), point(1, { vectors: { audio: axis(5) } })]);
      expect(await index().search(LIVE, request({ vector: axis(5), topK: 1 }))).toMatchObject([{ score: 1 }]);
      expect(await index().count(LIVE, { modality: 'video' })).toBe(0);
    });

    it('takes an empty list as nothing to do', async () => {
      await index().upsert(LIVE, []);
      await index().deletePoints(LIVE, []);
      await index().deleteClips(LIVE, []);
      expect(await index().count(LIVE)).toBe(0);
    });

    it('deletes points, and unknown ids without complaint', async () => {
      await index().upsert(LIVE, [point(1), point(2), point(3)]);
      await index().deletePoints(LIVE, [pointId(1), pointId(3), pointId(99)]);
      expect(await index().listPointIds(LIVE, { limit: 10 })).toEqual([pointId(2)]);
      expect(ids(await index().search(LIVE, request()))).toEqual([pointId(2)]);
    });

    it('deletes all points of clips and no others', async () => {
      await index().upsert(LIVE, randomPoints(40, 2));
      await index().deleteClips(LIVE, [clipId(0), clipId(2), clipId(99)]);
      expect(await index().count(LIVE)).toBe(32);
      expect(await index().count(LIVE, { filter: { clipIds: [clipId(0), clipId(2)] } })).toBe(0);
    });

    it('takes points back that were deleted', async () => {
      await index().upsert(LIVE, [point(1)]);
      await index().deletePoints(LIVE, [pointId(1)]);
      await index().upsert(LIVE, [point(1)]);
      expect(await index().search(LIVE, request())).toMatchObject([{ id: pointId(1), score: 1 }]);
    });

    it("changes a clip's collection and tags and leaves its other fields and vectors", async () => {
      const points = randomPoints(12, 3);
      await index().upsert(LIVE, points);
      await index().updateClipPayload(LIVE, clipId(1), { collection: 'moved', tags: ['fresh'] });
      expect(await index().count(LIVE, { filter: { collections: ['moved'], allTags: ['fresh'] } })).toBe(4);
      expect(await index().count(LIVE, { filter: { clipIds: [clipId(1)], anyTag: ['all'] } })).toBe(0);
      const written = points[4] as IndexPoint;
      const [hit] = await index().search(
        LIVE,
        request({ vector: written.vectors.audio as Float32Array, topK: 1 }),
      );
      expect(hit).toEqual({
        id: written.id,
        score: 1,
        payload: { ...written.payload, collection: 'moved', tags: ['fresh'] },
      });
    });

    it('lists ids ascending in pages without gaps, also from an id that is gone', async () => {
      const points = randomPoints(25, 4).reverse();
      await index().upsert(LIVE, points);
      const listed: string[] = [];
      for (;;) {
        const page = await index().listPointIds(LIVE, { afterId: listed.at(-1), limit: 10 });
        listed.push(...page);
        if (page.length < 10) break;
      }
      expect(listed).toEqual(Array.from({ length: 25 }, (_, n) => pointId(n)));
      await index().deletePoints(LIVE, [pointId(9)]);
      expect(await index().listPointIds(LIVE, { afterId: pointId(9), limit: 2 })).toEqual([
        pointId(10),
        pointId(11),
      ]);
      expect(await index().listPointIds(LIVE, { afterId: pointId(24), limit: 2 })).toEqual([]);
    });
  });
}

function describeSearching(index: () => VectorIndex): void {
  describe('searching', () => {
    it('compares the query with the vectors of the asked modality only', async () => {
      await index().upsert(LIVE, [
        point(1, { vectors: { audio: axis(0), video: axis(1) } }),
        point(2, { vectors: { audio: axis(1), video: axis(0) } }),
      ]);
      expect(await index().search(LIVE, request({ topK: 1 }))).toMatchObject([{ id: pointId(1), score: 1 }]);
      expect(await index().search(LIVE, request({ modality: 'video', topK: 1 }))).toMatchObject([
        { id: pointId(2), score: 1 },
      ]);
    });

    it('finds a point with one modality by that modality only', async () => {
      await index().upsert(LIVE, [
        point(1, { vectors: { audio: axis(0) } }),
        point(2, { vectors: { video: axis(0) } }),
        point(3, { vectors: { audio: axis(0), video: axis(0) } }),
      ]);
      expect(ids(await index().search(LIVE, request()))).toEqual([pointId(1), pointId(3)]);
      expect(ids(await index().search(LIVE, request({ modality: 'video' })))).toEqual([
        pointId(2),
        pointId(3),
      ]);
      expect(await index().count(LIVE)).toBe(3);
      expect(await index().count(LIVE, { modality: 'audio' })).toBe(2);
    });

    it('answers the payload as it was written', async () => {
      const payload = {
        clipId: 'Clip "quoted" \\ and spaced',
        segmentIndex: 7,
        startSec: 17.5,
        endSec: 21.25,
        collection: "Caf\u00e9 d'\u00e9t\u00e9",
        tags: ["it's", 'a"b', 'c) or (1', '\u97f3', ''],
      };
      await index().upsert(LIVE, [point(1, { payload })]);
      const filter: PointFilter = {
        clipIds: [payload.clipId],
        collections: [payload.collection],
        allTags: payload.tags,
      };
      expect(await index().search(LIVE, request({ filter }))).toEqual([
        { id: pointId(1), score: 1, payload },
      ]);
      expect(await index().count(LIVE, { filter })).toBe(1);
    });

    it('answers negative scores too', async () => {
      await index().upsert(LIVE, [point(1, { vectors: { audio: axis(0).map((value) => -value) } })]);
      expect(await index().search(LIVE, request())).toMatchObject([{ id: pointId(1), score: -1 }]);
    });

    it('scales vectors that are not of unit length', async () => {
      await index().upsert(LIVE, [point(1, { vectors: { audio: atScore(0.8).map((value) => value * 3) } })]);
      const hits = await index().search(LIVE, request({ vector: axis(0).map((value) => value * 0.5) }));
      expect(hits).toMatchObject([{ score: 0.8 }]);
    });

    it('answers what there is when asked for more', async () => {
      await index().upsert(LIVE, randomPoints(21, 5));
      const carrying = await index().count(LIVE, { modality: 'audio' });
      expect(await index().search(LIVE, request({ topK: 10_000 }))).toHaveLength(carrying);
      expect(await index().search(LIVE, request({ topK: 10_000, groupBy: 'clip' }))).toHaveLength(6);
    });

    it('answers nothing from an empty collection', async () => {
      expect(await index().search(LIVE, request())).toEqual([]);
      expect(await index().search(LIVE, request({ groupBy: 'clip' }))).toEqual([]);
      expect(await index().listPointIds(LIVE, { limit: 5 })).toEqual([]);
    });

    it('holds back what does not reach the threshold and keeps what just does', async () => {
      await index().upsert(LIVE, [
        point(1, { vectors: { audio: atScore(1) } }),
        point(2, { vectors: { audio: atScore(0.8) } }),
        point(3, { vectors: { audio: atScore(0.6) } }),
      ]);
      expect(ids(await index().search(LIVE, request({ minScore: 0.8 })))).toEqual([pointId(1), pointId(2)]);
      expect(ids(await index().search(LIVE, request({ minScore: 0.800002 })))).toEqual([pointId(1)]);
      expect(ids(await index().search(LIVE, request({ minScore: 1, groupBy: 'clip' })))).toEqual([
        pointId(1),
      ]);
      expect(await index().search(LIVE, request({ minScore: 1.5 }))).toEqual([]);
    });
  });
}

const FILTERS: Record<string, PointFilter> = {
  'one collection': { collections: ['collection-1'] },
  'several collections': { collections: ['collection-0', 'collection-2', 'unknown'] },
  'no collection': { collections: [] },
  'any of some tags': { anyTag: ['tenth', 'unknown'] },
  'a rare tag': { anyTag: ['rare'] },
  'no tag of an empty list': { anyTag: [] },
  'all of some tags': { allTags: ['all', 'tenth'] },
  'all of an empty list': { allTags: [] },
  'an unknown tag': { allTags: ['all', 'unknown'] },
  'some clips': { clipIds: [clipId(3), clipId(7), clipId(999)] },
  'no clip': { clipIds: [] },
  'all but some clips': { excludeClipIds: [clipId(0), clipId(5), clipId(999)] },
  'all but no clips': { excludeClipIds: [] },
  'clips asked for and excluded': { clipIds: [clipId(3), clipId(7)], excludeClipIds: [clipId(3)] },
  everything: {
    collections: ['collection-0', 'collection-1'],
    anyTag: ['all', 'rare'],
    allTags: ['tenth'],
    clipIds: Array.from({ length: 40 }, (_, n) => clipId(n)),
    excludeClipIds: [clipId(5)],
  },
  nothing: {},
};

function describeFilters(index: () => VectorIndex): void {
  describe('filters', () => {
    it.each(Object.entries(FILTERS))(
      '%s: searches and counts like the exact index',
      async (_name, filter) => {
        const oracle = new ExactIndex();
        await oracle.ensureCollection(LIVE, MODEL);
        const points = randomPoints(200, 6);
        await oracle.upsert(LIVE, points);
        await index().upsert(LIVE, points);
        for (const modality of ['audio', 'video'] as const) {
          for (const groupBy of ['segment', 'clip'] as const) {
            const asked = request({ modality, groupBy, filter, vector: unitVector(new SeededRandom(7)) });
            expectSameHits(await index().search(LIVE, asked), await oracle.search(LIVE, asked));
          }
          const counted = await oracle.count(LIVE, { modality, filter });
          expect(await index().count(LIVE, { modality, filter })).toBe(counted);
        }
        expect(await index().count(LIVE, { filter })).toBe(await oracle.count(LIVE, { filter }));
      },
    );

    it('takes lists of thousands of clips', async () => {
      await index().upsert(LIVE, [point(1), point(2)]);
      const many = Array.from({ length: 3000 }, (_, n) => clipId(n + 2));
      expect(ids(await index().search(LIVE, request({ filter: { clipIds: many } })))).toEqual([pointId(2)]);
      expect(ids(await index().search(LIVE, request({ filter: { excludeClipIds: many } })))).toEqual([
        pointId(1),
      ]);
    });
  });
}

function describeRanking(index: () => VectorIndex): void {
  describe('ranking', () => {
    it('orders by score like the exact index, before and after optimizing', async () => {
      const oracle = new ExactIndex();
      await oracle.ensureCollection(LIVE, MODEL);
      const points = randomPoints(300, 8);
      await oracle.upsert(LIVE, points);
      await index().upsert(LIVE, points);
      const random = new SeededRandom(9);
      const asked = Array.from({ length: 5 }, () => request({ vector: unitVector(random), topK: 25 }));
      const compare = async () => {
        for (const one of asked) {
          expectSameHits(await index().search(LIVE, one), await oracle.search(LIVE, one));
        }
      };
      await compare();
      await index().optimize(LIVE);
      await compare();
    });

    it('keeps every vector with its point when points go and change before and while it optimizes', async () => {
      const points = randomPoints(300, 12);
      const expected = new Map(points.map((one) => [one.id, one]));
      const random = new SeededRandom(13);
      const churn = async (from: number) => {
        for (let n = from; n < from + 100; n += 10) {
          await index().deletePoints(LIVE, [pointId(n)]);
          expected.delete(pointId(n));
          const changed = point(n + 1, { vectors: { audio: unitVector(random), video: unitVector(random) } });
          await index().upsert(LIVE, [changed]);
          expected.set(changed.id, changed);
          await index().updateClipPayload(LIVE, clipId(n + 2), { collection: 'moved', tags: [] });
        }
      };
      await index().upsert(LIVE, points);
      await churn(0);
      const optimized = index().optimize(LIVE);
      await churn(100);
      await optimized;
      await churn(200);
      await index().optimize(LIVE);
      expect(await index().count(LIVE)).toBe(expected.size);
      for (const { id, vectors } of expected.values()) {
        for (const modality of ['audio', 'video'] as const) {
          const vector = vectors[modality];
          if (vector === undefined) continue;
          expect(await index().search(LIVE, request({ modality, vector, topK: 1 }))).toMatchObject([
            { id, score: 1 },
          ]);
        }
      }
    });

    it('orders equal scores by id, whatever order they were written in', async () => {
      const order = new SeededRandom(10).shuffle(Array.from({ length: 60 }, (_, n) => n));
      await index().upsert(
        LIVE,
        order.map((n) => point(n, { vectors: { audio: atScore(n < 30 ? 0.8 : 0.6) } })),
      );
      const hits = await index().search(LIVE, request({ topK: 60 }));
      expect(ids(hits)).toEqual(Array.from({ length: 60 }, (_, n) => pointId(n)));
    });

    it.each([1, 5, 29, 30, 31, 59])('cuts a tie after %i hits by id', async (topK) => {
      const order = new SeededRandom(11).shuffle(Array.from({ length: 60 }, (_, n) => n));
      await index().upsert(
        LIVE,
        order.map((n) => point(n, { vectors: { audio: atScore(n < 2 ? 1 : 0.6) } })),
      );
      const first = Array.from({ length: topK }, (_, n) => pointId(n));
      expect(ids(await index().search(LIVE, request({ topK })))).toEqual(first);
      expect(ids(await index().search(LIVE, request({ topK, groupBy: 'clip' })))).toEqual(first);
    });

    it('answers the best segment of each clip, the first id where segments tie', async () => {
      const segment = (n: number, clip: number, score: 1 | 0.8 | 0.6) =>
        point(n, { vectors: { audio: atScore(score) }, payload: { clipId: clipId(clip), segmentIndex: n } });
      await index().upsert(LIVE, [
        segment(9, 1, 0.8),
        segment(8, 1, 0.8),
        segment(7, 1, 0.6),
        segment(6, 2, 0.6),
        segment(5, 2, 1),
        segment(4, 3, 0.8),
      ]);
      const hits = await index().search(LIVE, request({ groupBy: 'clip' }));
      expect(ids(hits)).toEqual([pointId(5), pointId(4), pointId(8)]);
      expect(ids(await index().search(LIVE, request({ groupBy: 'clip', topK: 2 })))).toEqual([
        pointId(5),
        pointId(4),
      ]);
    });

    it('finds other clips behind a clip that fills the top, and its first id among many equal segments', async () => {
      const long = Array.from({ length: 150 }, (_, n) =>
        point(200 - n, { vectors: { audio: atScore(1) }, payload: { clipId: clipId(1), segmentIndex: n } }),
      );
      const others = [2, 3, 4].map((n) => point(300 + n, { vectors: { audio: atScore(0.6) } }));
      await index().upsert(LIVE, [...long, ...others]);
      const expected = [pointId(51), pointId(302), pointId(303), pointId(304)];
      for (const topK of [1, 2, 3, 4, 9]) {
        expect(ids(await index().search(LIVE, request({ groupBy: 'clip', topK })))).toEqual(
          expected.slice(0, topK),
        );
      }
    });
  });
}

function describeRefusals(index: () => VectorIndex): void {
  describe('refusals', () => {
    it.each<[string, (index: VectorIndex) => Promise<unknown>]>([
      ['describeCollection', (it) => it.describeCollection('nowhere')],
      ['dropCollection', (it) => it.dropCollection('nowhere')],
      ['setAlias', (it) => it.setAlias('live', 'nowhere')],
      ['upsert', (it) => it.upsert('nowhere', [point(1)])],
      ['deletePoints', (it) => it.deletePoints('nowhere', [pointId(1)])],
      ['deleteClips', (it) => it.deleteClips('nowhere', [clipId(1)])],
      [
        'updateClipPayload',
        (it) => it.updateClipPayload('nowhere', clipId(1), { collection: 'a', tags: [] }),
      ],
      ['search', (it) => it.search('nowhere', request())],
      ['count', (it) => it.count('nowhere')],
      ['listPointIds', (it) => it.listPointIds('nowhere', { limit: 1 })],
      ['optimize', (it) => it.optimize('nowhere')],
    ])('%s of an unknown collection is not_found', async (_method, call) => {
      await failsWith(call(index()), 'not_found');
    });

    it('refuses a query that another model embedded', async () => {
      for (const other of [{ version: '2' }, { id: 'maxi' }, { dimension: 4 }]) {
        await failsWith(index().search(LIVE, request({ model: { ...MODEL, ...other } })), 'model_mismatch');
      }
    });

    it('refuses vectors of another dimension and writes none of the batch', async () => {
      const bad = point(2, { vectors: { audio: new Float32Array(DIMENSION + 1).fill(0.1) } });
      await failsWith(index().upsert(LIVE, [point(1), bad]), 'vector_dimension_mismatch');
      await failsWith(
        index().search(LIVE, request({ vector: new Float32Array(3).fill(1) })),
        'vector_dimension_mismatch',
      );
      expect(await index().count(LIVE)).toBe(0);
    });

    it.each<[string, IndexPoint]>([
      ['without a vector', point(1, { vectors: {} })],
      ['with an id that is no UUID', point(1, { id: 'one' })],
      ['with a vector of zeros', point(1, { vectors: { audio: new Float32Array(DIMENSION) } })],
      [
        'with a vector that is not finite',
        point(1, { vectors: { audio: new Float32Array(DIMENSION).fill(Number.NaN) } }),
      ],
      ['without a clip', point(1, { payload: { clipId: '' } })],
    ])('refuses a point %s', async (_what, bad) => {
      await failsWith(index().upsert(LIVE, [bad]), 'invalid_argument');
    });

    it.each<[string, Partial<SearchRequest>]>([
      ['topK 0', { topK: 0 }],
      ['topK 10 001', { topK: 10_001 }],
      ['topK 1.5', { topK: 1.5 }],
      ['a threshold that is no number', { minScore: Number.NaN }],
      [
        'a filter of too many values',
        { filter: { clipIds: Array.from({ length: 10_001 }, (_, n) => clipId(n)) } },
      ],
    ])('refuses a search with %s', async (_what, change) => {
      await failsWith(index().search(LIVE, request(change)), 'invalid_argument');
    });

    it('refuses names that no engine takes', async () => {
      for (const name of ['', '../outside', 'a b', '.hidden', 'x'.repeat(200)]) {
        await failsWith(index().ensureCollection(name, MODEL), 'invalid_argument');
        await failsWith(index().setAlias(name, LIVE), 'invalid_argument');
      }
    });

    it('is unavailable once closed', async () => {
      await index().close();
      await failsWith(index().search(LIVE, request()), 'index_unavailable');
      await failsWith(index().upsert(LIVE, [point(1)]), 'index_unavailable');
    });
  });
}
