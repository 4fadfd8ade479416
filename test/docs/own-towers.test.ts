/** The example of docs/models.md, made by the page's own script and used as a model from ingest to search. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clip, LocalCatalogService } from '#catalog/catalog-service';
import { makeClip } from '../catalog/support/make-clips.ts';
import {
  ingest,
  OPEN_MS,
  openTestCatalog,
  removeFolder,
  temporaryFolder,
} from '../catalog/support/test-catalog.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('the example of docs/models.md', () => {
  let folder: string;
  let catalog: LocalCatalogService;
  let dark: Clip;
  let bright: Clip;

  beforeAll(async () => {
    folder = await temporaryFolder();
    const page = readFileSync(`${ROOT}docs/models.md`, 'utf8');
    const script = /```js\n([\s\S]*?)```/.exec(page)?.[1] as string;
    // In the data folder's models/, where it can be chosen by name.
    const model = `${folder}/data/models/own`;
    const run = ['--import', 'tsx', '--input-type=module', '-e', script, '--', model];
    await promisify(execFile)(process.execPath, run, { cwd: ROOT });
    catalog = await openTestCatalog(`${folder}/data`, { EARSHOT_MODEL: 'own' }, null);
    await catalog.startWorker();
    const [low, high] = [
      { sound: 0.3, picture: 0.25, durationSec: 2 },
      { sound: 1, picture: 0.9, durationSec: 2 },
    ];
    dark = await ingest(catalog, await makeClip(folder, 'dark.mp4', low));
    bright = await ingest(catalog, await makeClip(folder, 'bright.mp4', high));
  }, 3 * OPEN_MS);

  afterAll(async () => {
    await catalog?.close();
    await removeFolder(folder);
  }, OPEN_MS);

  it('is listed and in use', async () => {
    const own = (await catalog.listModels()).find(({ name }) => name === 'own');
    expect(own).toMatchObject({ id: 'light-and-pitch', dimension: 2, active: true, hasTextTower: false });
  });

  it.each(['audio', 'video'] as const)('ranks %s by the other modality', async (target) => {
    const modality = target === 'audio' ? 'video' : 'audio';
    for (const [asking, other] of [
      [dark, bright],
      [bright, dark],
    ] as const) {
      const page = await catalog.search({ query: { clipId: asking.id, modality }, for: target });
      expect(page.model.id).toBe('light-and-pitch');
      expect(page.results.map(({ clip }) => clip.id)).toEqual([asking.id, other.id]);
    }
  });
});
