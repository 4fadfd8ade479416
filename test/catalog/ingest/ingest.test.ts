import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalCatalogService } from '#catalog/catalog-service';
import { ffmpeg, makeClip } from '../support/make-clips.ts';
import {
  ended,
  ingest,
  OPEN_MS,
  openTestCatalog,
  removeFolder,
  storedFiles,
  temporaryFolder,
} from '../support/test-catalog.ts';

let folder: string;
let dataDir: string;
let catalog: LocalCatalogService;

beforeAll(async () => {
  folder = await temporaryFolder();
  dataDir = `${folder}/data`;
  catalog = await openTestCatalog(dataDir);
  await catalog.startWorker();
}, OPEN_MS);

afterAll(async () => {
  await catalog.close();
  await removeFolder(folder);
}, OPEN_MS);

const clean = { missingPoints: 0, orphanPoints: 0, orphanObjects: 0, missingObjects: 0, fixed: false };

describe('ingest', () => {
  it('indexes a clip with sound and picture, and says what it is', async () => {
    const file = await makeClip(folder, 'both.mp4', { sound: 0.3, picture: 0.3, durationSec: 3.5 });
    const clip = await ingest(catalog, file, { tags: ['a', 'b'], labels: ['tone'], metadata: { take: 1 } });
    expect(clip).toMatchObject({
      collection: 'default',
      title: 'both',
      fileName: 'both.mp4',
      sourcePath: file,
      tags: ['a', 'b'],
      labels: ['tone'],
      metadata: { take: 1 },
      mimeType: 'video/mp4',
      width: 64,
      height: 48,
      audioSampleRateHz: 16_000,
      modalities: ['audio', 'video'],
      status: 'indexed',
      error: null,
      // 0-2 s, 1-3 s; half a second more is no segment of its own.
      segmentCount: 2,
    });
    expect(clip.durationSec).toBeCloseTo(3.5, 0);
    expect(await catalog.reconcile({ fix: false })).toEqual(clean);
  });

  it('answers the clip that is there for the same bytes in the same collection', async () => {
    const file = await makeClip(folder, 'again.wav', { sound: 0.5, picture: null, durationSec: 1 });
    const first = await ingest(catalog, file);
    const objects = await storedFiles(dataDir);
    const again = await catalog.addClip({ source: { path: file }, title: 'other' });
    expect(again).toMatchObject({ created: false, job: null, clip: { id: first.id, title: 'again' } });
    expect(await storedFiles(dataDir)).toEqual(objects);
    const elsewhere = await catalog.addClip({ source: { path: file }, collection: 'elsewhere' });
    expect(elsewhere.created).toBe(true);
    expect(elsewhere.clip.id).not.toBe(first.id);
    expect(await ended(catalog, elsewhere.job?.id as string)).toMatchObject({
      status: 'done',
      progress: 1,
      stage: 'done',
    });
  });

  it('makes one clip of the same bytes added at the same time', async () => {
    const file = await makeClip(folder, 'race.wav', { sound: 0.6, picture: null, durationSec: 1 });
    const added = await Promise.all([1, 2, 3].map(() => catalog.addClip({ source: { path: file } })));
    expect(added.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(added.map(({ clip }) => clip.id)).size).toBe(1);
    for (const { job } of added) if (job) await ended(catalog, job.id);
    expect(await catalog.reconcile({ fix: false })).toEqual(clean);
  });

  it('keeps what a clip has: sound alone, picture alone, a still picture', async () => {
    const audio = await makeClip(folder, 'sound.wav', { sound: 0.4, picture: null, durationSec: 0.5 });
    expect(await ingest(catalog, audio)).toMatchObject({
      modalities: ['audio'],
      segmentCount: 1,
      width: null,
    });
    const video = await makeClip(folder, 'picture.mp4', { sound: null, picture: 0.4, durationSec: 2 });
    expect(await ingest(catalog, video)).toMatchObject({ modalities: ['video'], segmentCount: 1 });
    const still = `${folder}/still.png`;
    await ffmpeg(['-f', 'lavfi', '-i', 'color=c=0x808080:s=32x32', '-frames:v', '1', still]);
    expect(await ingest(catalog, still)).toMatchObject({
      modalities: ['video'],
      durationSec: null,
      segmentCount: 1,
    });
  });

  it('leaves out the tower that a silent or black clip has nothing for', async () => {
    const silent = await makeClip(folder, 'silent.mp4', { sound: 'silent', picture: 0.7, durationSec: 2 });
    expect(await ingest(catalog, silent)).toMatchObject({ modalities: ['video'], audioSampleRateHz: 16_000 });
    const black = await makeClip(folder, 'black.mp4', { sound: 0.7, picture: 'black', durationSec: 2 });
    expect(await ingest(catalog, black)).toMatchObject({ modalities: ['audio'] });
  });

  it('fails a clip with nothing to hear and nothing to see, and says so', async () => {
    const file = await makeClip(folder, 'nothing.mp4', { sound: 'silent', picture: 'black', durationSec: 1 });
    const { clip, job } = await catalog.addClip({ source: { path: file } });
    expect(await ended(catalog, job?.id as string)).toMatchObject({
      status: 'failed',
      error: { code: 'media_empty' },
    });
    expect(await catalog.getClip(clip.id)).toMatchObject({
      status: 'failed',
      error: { code: 'media_empty' },
    });
    await catalog.deleteClip(clip.id);
  });

  it('deletes everything of a clip', async () => {
    const before = await storedFiles(dataDir);
    const file = await makeClip(folder, 'gone.mp4', { sound: 0.9, picture: 0.9, durationSec: 2 });
    const clip = await ingest(catalog, file);
    await catalog.deleteClip(clip.id);
    await expect(catalog.getClip(clip.id)).rejects.toMatchObject({ code: 'unknown_clip' });
    expect((await storedFiles(dataDir)).sort()).toEqual(before.sort());
    expect(await catalog.reconcile({ fix: false })).toEqual(clean);
    await expect(catalog.deleteClip(clip.id)).rejects.toMatchObject({ code: 'unknown_clip' });
  });

  it('survives the deletion of a clip that is being ingested', async () => {
    for (const wait of ['at once', 'when running'] as const) {
      const name = `deleted-${wait.length}.mp4`;
      const file = await makeClip(folder, name, {
        sound: 0.1,
        picture: 0.1,
        durationSec: 30,
        salt: wait.length,
      });
      const { clip, job } = await catalog.addClip({ source: { path: file } });
      const end = (async () => {
        let last: string | undefined;
        for await (const { status } of catalog.watchJob(job?.id as string)) {
          if (status === 'running' && wait === 'when running')
            await catalog.deleteClip(clip.id).catch(() => undefined);
          last = status;
        }
        return last;
      })();
      if (wait === 'at once') await catalog.deleteClip(clip.id);
      expect(await end).toBe('cancelled');
      await expect(catalog.getClip(clip.id)).rejects.toMatchObject({ code: 'unknown_clip' });
    }
    const after = await makeClip(folder, 'after.wav', { sound: 0.2, picture: null, durationSec: 1 });
    await ingest(catalog, after);
    expect(await catalog.reconcile({ fix: false })).toEqual(clean);
  });

  it('tells how a job goes, from queued to done', async () => {
    const file = await makeClip(folder, 'watched.mp4', { sound: 0.2, picture: 0.8, durationSec: 6 });
    const { job } = await catalog.addClip({ source: { path: file } });
    const seen: { status: string; progress: number }[] = [];
    for await (const { status, progress } of catalog.watchJob(job?.id as string))
      seen.push({ status, progress });
    expect(seen.at(-1)).toEqual({ status: 'done', progress: 1 });
    const progress = seen.map((state) => state.progress);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });

  it('changes a clip in the index as well', async () => {
    const file = await makeClip(folder, 'changed.wav', { sound: 0.75, picture: null, durationSec: 1 });
    const clip = await ingest(catalog, file, { tags: ['old'] });
    const changed = await catalog.updateClip(clip.id, { tags: ['new'], title: 'New', collection: 'moved' });
    expect(changed).toMatchObject({ tags: ['new'], title: 'New', collection: 'moved' });
    const query = { clipId: clip.id, modality: 'audio' } as const;
    const other = await ingest(catalog, file);
    const find = (anyTag: string[]) =>
      catalog.search({
        query: { ...query, clipId: other.id },
        for: 'audio',
        filter: { anyTag, collections: ['moved'] },
      });
    expect((await find(['new'])).results.map((result) => result.clip.id)).toEqual([clip.id]);
    expect((await find(['old'])).results).toEqual([]);
    await expect(catalog.updateClip(other.id, { collection: 'moved' })).rejects.toMatchObject({
      code: 'conflict',
    });
  });
});
