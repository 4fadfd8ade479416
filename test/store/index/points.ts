/** Small, seeded sets of points for the vector index tests. */
import { SeededRandom } from '#core/random';
import type { IndexPoint, ModelIdentity, SearchRequest } from '#store/index/vector-index';

export const DIMENSION = 8;
export const MODEL: ModelIdentity = { id: 'mini', version: '1', dimension: DIMENSION };

/** UUIDs that order like their numbers. */
export function pointId(n: number): string {
  return `00000000-0000-5000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function clipId(n: number): string {
  return `c0000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function unitVector(random: SeededRandom, dimension = DIMENSION): Float32Array {
  const values = Float32Array.from({ length: dimension }, () => random.normal());
  return values.map((value) => value / Math.hypot(...values));
}

/** The unit vector along one axis. */
export function axis(n: number): Float32Array {
  const vector = new Float32Array(DIMENSION);
  vector[n] = 1;
  return vector;
}

/** A unit vector whose inner product with `axis(0)` is exactly representable enough to tie: 1, 0.8, 0.6 or 0. */
export function atScore(score: 1 | 0.8 | 0.6 | 0, otherAxis = 1): Float32Array {
  const vector = new Float32Array(DIMENSION);
  vector[0] = score;
  vector[otherAxis] = Math.sqrt(1 - score * score);
  return vector;
}

export function point(
  n: number,
  change: Partial<Omit<IndexPoint, 'payload'>> & { payload?: Partial<IndexPoint['payload']> } = {},
): IndexPoint {
  return {
    id: change.id ?? pointId(n),
    vectors: change.vectors ?? { audio: axis(0), video: axis(1) },
    payload: {
      clipId: clipId(n),
      segmentIndex: 0,
      startSec: 0,
      endSec: 5,
      collection: 'default',
      tags: [],
      ...change.payload,
    },
  };
}

/** Clips of four segments, some without sound or picture, with collections and tags of differing rarity. */
export function randomPoints(count: number, seed: number, dimension = DIMENSION): IndexPoint[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, (_, n) => {
    const vectors: IndexPoint['vectors'] = {};
    if (n % 7 !== 3) vectors.audio = unitVector(random, dimension);
    if (n % 7 !== 5) vectors.video = unitVector(random, dimension);
    return point(n, {
      vectors,
      payload: {
        clipId: clipId(Math.floor(n / 4)),
        segmentIndex: n % 4,
        startSec: (n % 4) * 2.5,
        endSec: (n % 4) * 2.5 + 5,
        collection: `collection-${n % 3}`,
        tags: ['all', ...(n % 10 === 0 ? ['tenth'] : []), ...(n % 50 === 0 ? ['rare'] : [])],
      },
    });
  });
}

export function request(change: Partial<SearchRequest> = {}): SearchRequest {
  return { modality: 'audio', vector: axis(0), model: MODEL, topK: 10, groupBy: 'segment', ...change };
}
