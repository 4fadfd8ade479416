/**
 * Does the onsets' likelihood help the synchronisation head? Its weight is fitted on windows of the validation clips, and
 * both are measured on other windows of them; as JSON, for the corpus and for the validation part of a list.
 *
 *     node --import tsx scripts/measure-coincidence.ts MODEL_FOLDER CORPUS CACHE_FOLDER [LIST]
 */
import { measureCoincidence } from '#learning/synchronization/measure-coincidence';
import { corpusShiftedClips, listShiftedClips } from '#learning/synchronization/synchronization-clips';
import { readTwoTowerManifest } from '#model/checkpoint/checkpoint';
import { readSynchronization } from '#model/checkpoint/synchronization';

const SEED = 1;
const [folder, corpus, cacheFolder, list] = process.argv.slice(2);
if (folder === undefined || corpus === undefined || cacheFolder === undefined) {
  process.stderr.write('Give the folders of the model, of the corpus and of the cache.\n');
  process.exit(2);
}
const stored = await readSynchronization(folder, await readTwoTowerManifest(folder));
if (!stored) {
  process.stderr.write(`${folder} has no synchronisation head.\n`);
  process.exit(1);
}
const options = { cacheFolder, seed: SEED };
const sets = { corpus: (await corpusShiftedClips(corpus, 'validation', options)).clips };
const lists = list === undefined ? {} : { list: (await listShiftedClips(list, options)).validation };
for (const [name, clips] of Object.entries({ ...sets, ...lists })) {
  process.stdout.write(
    `${JSON.stringify({ name, ...(await measureCoincidence(stored.head, clips, SEED)) })}\n`,
  );
}
