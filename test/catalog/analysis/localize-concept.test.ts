/** Localization by the concept model on real clips: its picture network says of each place what it shows. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalCatalogService } from '#catalog/catalog-service';
import { pullModel } from '#catalog/pull-model';
import { sharedData } from '../../support/shared-data.ts';
import { ffmpeg } from '../support/make-clips.ts';
import { OPEN_MS, openTestCatalog, removeFolder, temporaryFolder } from '../support/test-catalog.ts';

const models = sharedData('models');
const clips = sharedData('clips');

describe.skipIf(!models || !clips)(
  `localization with the concept model${models && clips ? '' : ' (skipped: no shared data)'}`,
  () => {
    let folder: string;
    let catalog: LocalCatalogService;
    beforeAll(async () => {
      folder = await temporaryFolder();
      const dataDir = join(folder, 'data');
      await pullModel('concept', { dataDir, from: models as string });
      catalog = await openTestCatalog(dataDir, { EARSHOT_MODEL: 'concept' }, null);
    }, 2 * OPEN_MS);
    afterAll(async () => {
      await catalog?.close();
      await removeFolder(folder);
    }, OPEN_MS);

    const localize = (file: string, out: string) =>
      catalog.localize({ subject: { file, endSec: 2.5 }, folder: join(folder, out), mapsPerSec: 0.8 });

    it('names the dog that barks, and finds it in the middle of the picture', async () => {
      const { sounding, sources } = await localize(join(clips as string, 'vas_dog_02677.mp4'), 'dog');
      expect(sounding).toBe(true);
      expect(sources[0]?.label).toBe('dog');
      const { x, y, width, height } = sources[0]?.box ?? { x: 0, y: 0, width: 0, height: 0 };
      expect(x).toBeLessThan(0.5);
      expect(x + width).toBeGreaterThan(0.5);
      expect(y).toBeLessThan(0.5);
      expect(y + height).toBeGreaterThan(0.5);
    });

    it('says that the same picture without a sound does not sound', async () => {
      const mute = join(folder, 'mute.mkv');
      const silence = ['-f', 'lavfi', '-i', 'anullsrc=r=16000:cl=mono'];
      const dog = ['-i', join(clips as string, 'vas_dog_02677.mp4')];
      await ffmpeg([...dog, ...silence, '-map', '0:v', '-map', '1:a', '-t', '3', '-c:a', 'pcm_s16le', mute]);
      expect(await localize(mute, 'mute')).toMatchObject({ sounding: false, sources: [] });
    });
  },
);
