import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clip, LocalCatalogService } from '#catalog/catalog-service';
import { pullModel } from '#catalog/pull-model';
import { sharedData } from '../../support/shared-data.ts';
import { ingest, OPEN_MS, openTestCatalog, removeFolder, temporaryFolder } from '../support/test-catalog.ts';

const models = sharedData('models');
const clips = sharedData('clips');

describe('search in words without a text tower', () => {
  let folder: string;
  let catalog: LocalCatalogService;

  beforeAll(async () => {
    folder = await temporaryFolder();
    catalog = await openTestCatalog(`${folder}/data`);
  }, OPEN_MS);

  afterAll(async () => {
    await catalog.close();
    await removeFolder(folder);
  }, OPEN_MS);

  it('is refused with what to do instead', async () => {
    await expect(catalog.search({ query: { text: 'a dog' }, for: 'audio' })).rejects.toMatchObject({
      code: 'modality_missing',
      message: expect.stringMatching(/no text tower.*models pull concept/),
    });
  });
});

describe.skipIf(!models || !clips)(
  `search in words with the concept model${models && clips ? '' : ' (skipped: no shared data)'}`,
  () => {
    let folder: string;
    let catalog: LocalCatalogService;
    const added: Record<string, Clip> = {};

    beforeAll(async () => {
      folder = await temporaryFolder();
      const dataDir = `${folder}/data`;
      await pullModel('concept', { dataDir, from: models as string });
      catalog = await openTestCatalog(dataDir, { EARSHOT_MODEL: 'concept' }, null);
      await catalog.startWorker();
      for (const file of ['vas_dog_02677.mp4', 'vgg_6zlMP_kQ_-w_30000_40000.mp4', 'vas_baby_01951.mp4']) {
        added[file] = await ingest(catalog, path.join(clips as string, file));
      }
    }, 2 * OPEN_MS);

    afterAll(async () => {
      await catalog?.close();
      await removeFolder(folder);
    }, OPEN_MS);

    it.each([
      ['a barking dog', 'vas_dog_02677.mp4'],
      ['somebody playing the harp', 'vgg_6zlMP_kQ_-w_30000_40000.mp4'],
      ['babies', 'vas_baby_01951.mp4'],
    ])('%s', async (text, file) => {
      for (const target of ['audio', 'video', 'clip'] as const) {
        const { results, model } = await catalog.search({ query: { text }, for: target, topK: 3 });
        expect(results[0]?.clip.id, target).toBe(added[file]?.id);
        expect(model.id).toBe('concept');
      }
    });

    it('classifies by the names of labels that nothing has been shown of', async () => {
      const labels = ['baby', 'dog', 'harp', 'train'];
      for (const [label, file] of [
        ['dog', 'vas_dog_02677.mp4'],
        ['harp', 'vgg_6zlMP_kQ_-w_30000_40000.mp4'],
        ['baby', 'vas_baby_01951.mp4'],
      ] as const) {
        const subject = { clipId: added[file]?.id as string };
        const { scores } = await catalog.classify({ subject, labels });
        expect(scores.map((score) => score.label)).toEqual(labels);
        const [best] = [...scores].sort((a, b) => b.probability - a.probability);
        expect(best?.label).toBe(label);
      }
      const subject = { clipId: added['vas_dog_02677.mp4']?.id as string };
      await expect(catalog.classify({ subject, labels: ['dog', 'quasar'] })).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringMatching(/quasar/),
      });
    });

    it('says what it understood, and refuses what it does not know at all', async () => {
      const page = await catalog.search({ query: { text: 'a dog near a quasar' }, for: 'clip' });
      expect(page.text).toEqual({ understood: ['dog'], unknownWords: ['quasar'] });
      await expect(catalog.search({ query: { text: 'quasars' }, for: 'clip' })).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringMatching(/quasars/),
      });
    });
  },
);
