import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clip, LocalCatalogService, SearchRequest, SearchResult } from '#catalog/catalog-service';
import { bump, FAKE_IDENTITY } from '../support/fake-model.ts';
import { makeClip } from '../support/make-clips.ts';
import { ingest, OPEN_MS, openTestCatalog, removeFolder, temporaryFolder } from '../support/test-catalog.ts';

let folder: string;
let catalog: LocalCatalogService;
/** Position of each clip in the space of the fake model, by title. */
const positions = [0.1, 0.3, 0.5, 0.7, 0.9];
const clips: Clip[] = [];
let soundOnly: Clip;

beforeAll(async () => {
  folder = await temporaryFolder();
  catalog = await openTestCatalog(`${folder}/data`);
  await catalog.startWorker();
  for (const [i, p] of positions.entries()) {
    const file = await makeClip(folder, `clip-${i}.mp4`, { sound: p, picture: p, durationSec: 4 });
    clips.push(await ingest(catalog, file, { tags: [i % 2 === 0 ? 'even' : 'odd'], title: `p${p}` }));
  }
  const file = await makeClip(folder, 'sound-only.wav', { sound: 0.32, picture: null, durationSec: 2 });
  soundOnly = await ingest(catalog, file, { collection: 'sounds', title: 'sound only' });
}, OPEN_MS);

afterAll(async () => {
  await catalog.close();
  await removeFolder(folder);
}, OPEN_MS);

const titles = async (request: SearchRequest) =>
  (await catalog.search(request)).results.map((result) => result.clip.title);
const vectorQuery = (p: number) => ({ vector: bump(p), modality: 'video' as const, model: FAKE_IDENTITY.id });

describe('search', () => {
  it('finds the sound that belongs to a picture, and the picture that belongs to a sound', async () => {
    const query = { clipId: clips[1]?.id as string };
    const sounds = await catalog.search({ query, for: 'audio', topK: 3 });
    // Its own sound is an answer, and so is the lonely sound near by.
    expect(
      sounds.results
        .map((result) => result.clip.title)
        .slice(0, 2)
        .sort(),
    ).toEqual(['p0.3', 'sound only']);
    expect(sounds.results[0]?.score).toBeGreaterThan(0.9);
    expect(sounds.results.every((result) => result.modality === 'audio')).toBe(true);
    expect(sounds).toMatchObject({ model: FAKE_IDENTITY, total: 6, totalIsLowerBound: false });
    expect((await titles({ query: { clipId: soundOnly.id }, for: 'video' }))[0]).toBe('p0.3');
  });

  it('leaves the asking clip out of what its own vector would meet', async () => {
    const query = { clipId: clips[2]?.id as string, modality: 'audio' as const };
    expect(await titles({ query, for: 'audio' })).not.toContain('p0.5');
    expect(await titles({ query, for: 'clip' })).not.toContain('p0.5');
    expect(await titles({ query, for: 'video' })).toContain('p0.5');
  });

  it('takes a file and a vector as a query', async () => {
    const file = await makeClip(folder, 'query.wav', { sound: 0.9, picture: null, durationSec: 2 });
    expect((await titles({ query: { file }, for: 'video' }))[0]).toBe('p0.9');
    expect((await titles({ query: vectorQuery(0.7), for: 'audio' }))[0]).toBe('p0.7');
    const { segments, model } = await catalog.embedFile(file);
    expect(model).toEqual(FAKE_IDENTITY);
    expect(segments).toHaveLength(1);
    expect(segments[0]).toMatchObject({ modality: 'audio', startSec: 0 });
  });

  it('filters, cuts at a threshold, and counts what passes', async () => {
    const even = await catalog.search({
      query: vectorQuery(0.5),
      for: 'video',
      filter: { anyTag: ['even'] },
      topK: 2,
    });
    expect(even.results.map((result) => result.clip.title)[0]).toBe('p0.5');
    expect(even).toMatchObject({ total: 3, totalIsLowerBound: false });
    const near = await catalog.search({ query: vectorQuery(0.5), for: 'video', minScore: 0.95, topK: 1 });
    expect(near).toMatchObject({ total: 1, nextCursor: null });
    expect(
      await titles({ query: vectorQuery(0.5), for: 'audio', filter: { collections: ['sounds'] } }),
    ).toEqual(['sound only']);
    const nobody = await catalog.search({ query: vectorQuery(0.5), for: 'audio', filter: { anyTag: [] } });
    expect(nobody).toMatchObject({ results: [], total: 0, nextCursor: null });
  });

  it.each(['audio', 'clip'] as const)(
    'pages %s through one ranking without gaps or repeats',
    async (target) => {
      for (const groupBy of ['segment', 'clip'] as const) {
        const request: SearchRequest = { query: vectorQuery(0.4), for: target, groupBy };
        const whole = await catalog.search({ ...request, topK: 1000 });
        const scores = whole.results.map((result) => result.score);
        expect(scores).toEqual([...scores].sort((a, b) => b - a));
        expect(whole.total).toBe(whole.results.length);
        const paged: SearchResult[] = [];
        let cursor: string | undefined;
        do {
          const page = await catalog.search({ ...request, topK: 2, cursor });
          expect(page.total).toBe(whole.total);
          paged.push(...page.results);
          cursor = page.nextCursor ?? undefined;
        } while (cursor !== undefined);
        const keys = (results: SearchResult[]) =>
          results.map(({ clip, segment }) => `${clip.id}/${segment.index}`);
        expect(keys(paged)).toEqual(keys(whole.results));
        expect(new Set(keys(paged)).size).toBe(paged.length);
      }
    },
  );

  it('goes on after the same place when clips come and go between two pages', async () => {
    const request: SearchRequest = { query: vectorQuery(0.1), for: 'audio', topK: 3 };
    const first = await catalog.search(request);
    const file = await makeClip(folder, 'between.wav', { sound: 0.11, picture: null, durationSec: 1 });
    const between = await ingest(catalog, file);
    const second = await catalog.search({ ...request, cursor: first.nextCursor as string });
    const ids = [...first.results, ...second.results].map((result) => result.clip.id);
    expect(new Set(ids).size).toBe(6);
    expect(ids).not.toContain(between.id);
    await catalog.deleteClip(between.id);
  });

  it('asks with part of a clip', async () => {
    const query = { clipId: clips[0]?.id as string, startSec: 2.5, endSec: 3 };
    expect((await titles({ query, for: 'audio' }))[0]).toBe('p0.1');
    await expect(
      titles({ query: { ...query, startSec: 50, endSec: 60 }, for: 'audio' }),
    ).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  it('refuses what can not be asked, each with its code', async () => {
    const id = clips[0]?.id as string;
    const good = vectorQuery(0.5);
    const refused: [SearchRequest, string][] = [
      [{ query: good, for: 'audio', topK: 0 }, 'invalid_argument'],
      [{ query: good, for: 'audio', topK: 1001 }, 'invalid_argument'],
      [{ query: good, for: 'audio', topK: 1.5 }, 'invalid_argument'],
      [{ query: good, for: 'audio', minScore: 2 }, 'invalid_argument'],
      [{ query: good, for: 'text' as never }, 'invalid_argument'],
      [{ query: good, for: 'audio', cursor: 'nonsense' }, 'invalid_argument'],
      [{ query: { clipId: 'nobody' }, for: 'audio' }, 'unknown_clip'],
      [{ query: { clipId: '00000000-0000-4000-8000-000000000000' }, for: 'audio' }, 'unknown_clip'],
      [{ query: { clipId: soundOnly.id, modality: 'video' }, for: 'audio' }, 'modality_missing'],
      [{ query: { clipId: id, startSec: 3, endSec: 2 }, for: 'audio' }, 'invalid_argument'],
      [{ query: { ...good, vector: new Float32Array(3) }, for: 'audio' }, 'vector_dimension_mismatch'],
      [{ query: { ...good, vector: new Float32Array(8) }, for: 'audio' }, 'invalid_argument'],
      [{ query: { ...good, model: 'other' }, for: 'audio' }, 'model_mismatch'],
      [{ query: { file: `${folder}/none.mp4` }, for: 'audio' }, 'file_not_found'],
    ];
    for (const [request, code] of refused)
      await expect(catalog.search(request)).rejects.toMatchObject({ code });
    const page = await catalog.search({ query: good, for: 'audio', topK: 1 });
    await expect(
      catalog.search({ query: good, for: 'video', topK: 1, cursor: page.nextCursor as string }),
    ).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
