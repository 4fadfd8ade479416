import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChild } from '../../support/child.ts';
import { makeClip } from '../support/make-clips.ts';
import {
  ended,
  OPEN_MS,
  openTestCatalog,
  removeFolder,
  storedFiles,
  temporaryFolder,
} from '../support/test-catalog.ts';

let folder: string;
const script = new URL('../support/ingesting-process.ts', import.meta.url);

beforeAll(async () => {
  folder = await temporaryFolder();
});

afterAll(() => removeFolder(folder));

describe('a process killed in the middle of an ingest', () => {
  it.each(['queued', 'decode', 'index'])(
    'at stage %s is continued by the next one',
    async (stage) => {
      const dataDir = `${folder}/${stage}`;
      const file = await makeClip(folder, `${stage}.mp4`, { sound: 0.4, picture: 0.4, durationSec: 20 });
      const child = startChild(script, [dataDir, file]);
      const clipId = await child.line();
      for (let said = ''; said !== stage && said !== 'done'; ) said = await child.line();
      await child.kill('SIGKILL');

      const catalog = await openTestCatalog(dataDir);
      try {
        await catalog.startWorker();
        const { items } = await catalog.listJobs({});
        expect(items).toHaveLength(1);
        expect(await ended(catalog, items[0]?.id as string)).toMatchObject({ status: 'done', clipId });
        expect(await catalog.getClip(clipId)).toMatchObject({ status: 'indexed', segmentCount: 19 });
        expect((await catalog.listClips({})).items).toHaveLength(1);
        expect(await storedFiles(dataDir)).toHaveLength(1);
        expect(await catalog.reconcile({ fix: false })).toMatchObject({
          missingPoints: 0,
          orphanPoints: 0,
          orphanObjects: 0,
          missingObjects: 0,
        });
        const query = { clipId, modality: 'audio' } as const;
        const page = await catalog.search({ query, for: 'video', groupBy: 'segment', topK: 100 });
        expect(page.results).toHaveLength(19);
      } finally {
        await catalog.close();
      }
    },
    OPEN_MS,
  );
});
